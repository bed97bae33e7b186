"""A private Postgres cluster for tests: real Postgres on a Unix socket in a temporary folder.

    cluster = PgCluster.start()          # initdb and start; as user postgres when we are root
    url = cluster.fresh_database()       # a new empty database; its connection URL
    cluster.stop()                       # stops the server and removes the folder

Nothing listens on TCP, so that parallel runs share neither port nor data. psql(), query() and
connect() take the URL that fresh_database() returned. The fixtures at the end may be imported
into a conftest.py or a test file: `from pg_cluster import pg_cluster, fresh_database`.
"""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.parse
import uuid

import psycopg2
import pytest

from harness import scratch

PG_BIN = max(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
PORT = 5432  # only the name of the socket file: the folder is private

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "timezone": "Europe/Berlin",  # far from UTC: code that trusts the server's zone shows itself
    "log_statement": "none",
    "deadlock_timeout": "200ms",
}


class PgCluster:
    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.log = os.path.join(folder, "postgres.log")
        self.user = "postgres"
        self.process = None

    @classmethod
    def start(cls, environment=None, **settings):
        """`environment` is what Postgres sees beside our own variables, such as LD_PRELOAD."""
        folder = scratch.make_folder("pg")
        os.chmod(folder, 0o755)
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        cluster = cls(folder)
        try:
            subprocess.run(
                scratch.dies_with_us(user="postgres")
                + [PG_BIN + "/initdb", "-D", cluster.data, "-U", "postgres", "-A", "trust",
                   "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
                check=True, cwd=folder, stdout=subprocess.DEVNULL)
            cluster.settings = {**SETTINGS, **settings}
            cluster.environment = environment or {}
            cluster.up()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def up(self):
        """Starts the server and returns when it answers."""
        arguments = [PG_BIN + "/postgres", "-D", self.data, "-k", self.folder, "-p", str(PORT)]
        for name, value in self.settings.items():
            arguments += ["-c", f"{name}={value}"]
        prefix = scratch.dies_with_us("INT", user="postgres")  # Postgres refuses to run as root
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(prefix + arguments, cwd=self.folder, stdout=log,
                                            stderr=log, start_new_session=True,
                                            env={**os.environ, **self.environment})
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg2.connect(self.url("postgres")).close()
                return
            except psycopg2.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    with open(self.log, encoding="utf-8", errors="replace") as log:
                        raise RuntimeError("Postgres did not start:\n" + log.read()[-2000:])
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
        self.process.wait(60)
        self.process = None

    def stop(self):
        self.down(signal.SIGQUIT)  # nothing of it is needed any more: no checkpoint
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until_answering(self, timeout=60):
        """Waits for the end of a recovery that Postgres began by itself."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                psycopg2.connect(self.url("postgres")).close()
                return
            except psycopg2.OperationalError:
                assert time.monotonic() < deadline, "Postgres does not come back"
                time.sleep(0.02)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def url(self, database, user=None):
        host = urllib.parse.quote(self.folder, safe="")
        return f"postgresql://{user or self.user}@{host}:{PORT}/{database}"

    def fresh_database(self, template="template0", name=None):
        """A new database of its own name; its URL. It goes with the cluster, or before."""
        name = name or "t_" + uuid.uuid4().hex[:12]
        with _autocommit(self.url("postgres")) as connection:
            connection.cursor().execute(f'create database "{name}" template "{template}"')
        return self.url(name)

    def drop(self, url):
        """Drops a database that nobody needs any more, whoever is connected to it."""
        name = url.rsplit("/", 1)[1]
        with _autocommit(self.url("postgres")) as connection:
            connection.cursor().execute(f'drop database if exists "{name}" with (force)')


class _autocommit:
    def __init__(self, url):
        self.url = url

    def __enter__(self):
        self.connection = psycopg2.connect(self.url)
        self.connection.autocommit = True
        return self.connection

    def __exit__(self, *_):
        self.connection.close()


def connect(url, autocommit=True):
    """A psycopg2 connection; each statement commits by itself unless told otherwise."""
    connection = psycopg2.connect(url)
    connection.autocommit = autocommit
    return connection


def query(url, sql, *parameters):
    """Runs one statement in a connection of its own; the rows, or None where there are none."""
    with _autocommit(url) as connection:
        cursor = connection.cursor()
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else None


def psql(url, *arguments, sql=None):
    """Runs psql with ON_ERROR_STOP; returns its output."""
    command = ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, *arguments]
    return subprocess.run(command, input=sql, check=True, text=True, capture_output=True).stdout


@pytest.fixture(scope="session")
def pg_cluster():
    cluster = PgCluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def fresh_database(pg_cluster):
    """fresh_database() makes a new empty database and returns its connection URL."""
    made = []

    def make(**options):
        made.append(pg_cluster.fresh_database(**options))
        return made[-1]

    yield make
    if pg_cluster.process:
        for url in made:
            pg_cluster.drop(url)
