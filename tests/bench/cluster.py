"""A private Postgres with default settings, so that both sides write and sync as in production: its
own folder, a Unix socket, nothing on TCP. As user postgres when we are root, which Postgres refuses."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

from compile import compile_c

BIN = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
PORT = 5432  # only the name of the socket's file: the folder is private
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


def as_owner():
    """Runs what follows as the cluster's owner, and ends it when we are gone."""
    drop = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *drop, "--pdeathsig", "INT"]


def psql(url, *arguments, **options):
    """Runs psql on `url`, stopping at the first error; what it printed."""
    command = [f"{BIN}/psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


class Cluster:
    def __init__(self, slow_flush_us=0):
        """With `slow_flush_us`, each flush takes so many microseconds more, as on a network disk."""
        self.slow_flush_us = slow_flush_us

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="cruddur-bench-")
        self.process = None
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(STOP_TIMEOUT_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        os.chmod(self.folder, 0o755)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        arguments = ["-k", self.folder, "-p", str(PORT), "-c", "listen_addresses="]
        environment = dict(os.environ)
        if self.slow_flush_us:
            library = compile_c(self.folder, "preload/slow_flush.c", "-U_GNU_SOURCE", "-shared", "-fPIC")
            environment["LD_PRELOAD"] = str(library)
            environment["SLOW_FLUSH_US"] = str(self.slow_flush_us)
        with open(f"{self.folder}/postgres.log", "wb") as log:
            self.process = subprocess.Popen(
                [*as_owner(), f"{BIN}/postgres", "-D", f"{self.folder}/data", *arguments],
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: we end it when the server is gone
            )
        self.wait_until_ready()

    def run(self, program, *arguments):
        subprocess.run(
            [*as_owner(), f"{BIN}/{program}", "-D", f"{self.folder}/data", *arguments],
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )

    def wait_until_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        command = [f"{BIN}/pg_isready", "-q", "-d", self.url("postgres")]
        while subprocess.run(command, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(f"{self.folder}/postgres.log", encoding="utf-8") as log:
                    raise RuntimeError("Postgres did not start:\n" + log.read()[-2000:])
            time.sleep(0.05)

    def url(self, database):
        host = urllib.parse.quote(self.folder, safe="")
        return f"postgresql://postgres@{host}:{PORT}/{database}"

    @property
    def socket(self):
        return f"{self.folder}/.s.PGSQL.{PORT}"

    def create_database(self, name):
        psql(self.url("postgres"), "-c", f'CREATE DATABASE "{name}"')
        return self.url(name)
