#!/usr/bin/python3
"""A private Postgres: real Postgres with a data folder and a Unix socket of its own. The tests, the
benchmarks and bin/dev run on it. Python's standard library is all that it needs.

    cluster = Cluster(folder)     # nothing happens yet
    cluster.make()                # initdb, unless it was made before
    cluster.up()                  # starts it and returns when it answers
    cluster.url("postgres")       # where it answers
    cluster.down()                # stops it; up() starts it again

Nothing listens on TCP unless the settings say so: clusters share neither port nor data. Postgres
refuses to run as root; there it runs as the user postgres, who must be able to enter the folder.

For shell scripts, private_postgres.py make FOLDER [INITDB OPTION...] makes a cluster, and
private_postgres.py run FOLDER SOCKET_FOLDER PORT [NAME=VALUE...] becomes its server.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

BIN = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
OWNER = "postgres"  # where we are root
PORT = 5432  # only the name of the socket's file: the folder is private
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60


def dies_with_us(signal_name="KILL", user=None):
    """What to put before a command: it gets the signal when we are gone. `user` is for root alone.

    The kernel means the thread that started it, so only the main one, which stays, can say so."""
    command = ["setpriv"]
    if user and os.geteuid() == 0:
        command += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    if threading.current_thread() is threading.main_thread():
        command += ["--pdeathsig", signal_name]
    return command if len(command) > 1 else []


def psql(url, *arguments, sql=None, **options):
    """Runs psql on `url` and stops at the first error; what it printed."""
    command = [f"{BIN}/psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
    options = {"capture_output": True, **options}
    return subprocess.run(command, input=sql, check=True, text=True, **options).stdout


class Cluster:
    def __init__(self, folder, settings=None, environment=None, socket=None, port=PORT):
        """`settings` are those of postgresql.conf; `environment` is what Postgres sees beside our own
        variables, such as LD_PRELOAD."""
        self.folder = str(folder)
        self.data = os.path.join(self.folder, "data")
        self.log = os.path.join(self.folder, "postgres.log")
        self.settings = {"listen_addresses": "", **(settings or {})}
        self.environment = environment or {}
        self.socket_folder = str(socket or folder)
        self.port = port
        self.process = None

    @property
    def socket(self):
        return os.path.join(self.socket_folder, f".s.PGSQL.{self.port}")

    def own_folder(self, mode):
        """Gives the folder to the cluster's owner."""
        os.chmod(self.folder, mode)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(OWNER)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)

    def make(self, *options):
        """initdb, unless the cluster is there; the options are initdb's. What an interrupted one left
        goes away."""
        if os.path.exists(os.path.join(self.data, "PG_VERSION")):
            return
        shutil.rmtree(self.data, ignore_errors=True)
        command = [f"{BIN}/initdb", "-D", self.data, "-E", "UTF8", "--locale=C.UTF-8",
                   "--no-instructions", *(options or ("-U", OWNER, "-A", "trust"))]
        subprocess.run(dies_with_us(user=OWNER) + command, check=True, cwd=self.folder,
                       stdout=subprocess.DEVNULL)

    def command(self):
        """What runs the server and ends it when we are gone."""
        command = [f"{BIN}/postgres", "-D", self.data, "-k", self.socket_folder, "-p", str(self.port)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        return dies_with_us("INT", user=OWNER) + command

    def up(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True)  # a Ctrl-C is for us: we end it after what stands on it
        self.wait_until_answering()

    def wait_until_answering(self):
        """Waits for the start, or for the end of a recovery that Postgres began by itself."""
        command = [f"{BIN}/pg_isready", "-q", "-d", self.url("postgres")]
        deadline = time.monotonic() + START_TIMEOUT_S
        while subprocess.run(command, check=False).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Postgres does not answer:\n" + self.log_text()[-2000:])
            time.sleep(0.02)

    def down(self, sig=signal.SIGINT):
        """Stops the server (SIGINT: fast, SIGQUIT: as in a crash) and waits for its end."""
        if self.process is None:
            return
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="ascii") as file:
                os.kill(int(file.readline()), sig)
        except (FileNotFoundError, ProcessLookupError):
            self.process.terminate()
        self.process.wait(STOP_TIMEOUT_S)
        self.process = None

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def url(self, database, user=OWNER):
        host = urllib.parse.quote(self.socket_folder, safe="")
        return f"postgresql://{user}@{host}:{self.port}/{database}"


def main(what, folder, *arguments):
    if what == "make":
        Cluster(folder).make(*arguments)
        return
    socket, port, *settings = arguments
    cluster = Cluster(folder, dict(setting.split("=", 1) for setting in settings), socket=socket, port=port)
    command = cluster.command()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
