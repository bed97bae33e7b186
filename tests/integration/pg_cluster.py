"""A private Postgres cluster for tests, with psycopg2: bin/lib/private_postgres.py on a temporary folder.

    cluster = PgCluster.start()          # initdb and start; as user postgres when we are root
    url = cluster.fresh_database()       # a new empty database; its connection URL
    cluster.stop()                       # stops the server and removes the folder

psql(), query() and connect() take the URL that fresh_database() returned. The fixtures at the end may
be imported into a conftest.py or a test file: `from pg_cluster import pg_cluster, fresh_database`.
"""

import shutil
import signal
import uuid

import psycopg2
import pytest

from harness import scratch
from private_postgres import PORT, Cluster, psql  # noqa: F401 (PORT, psql: for the tests)

SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "timezone": "Europe/Berlin",  # far from UTC: code that trusts the server's zone shows itself
    "log_statement": "none",
    "deadlock_timeout": "200ms",
}


class PgCluster(Cluster):
    @classmethod
    def start(cls, environment=None, **settings):
        """`environment` is what Postgres sees beside our own variables, such as LD_PRELOAD."""
        cluster = cls(scratch.make_folder("pg"), {**SETTINGS, **settings}, environment)
        try:
            cluster.own_folder(0o755)
            cluster.make("-U", "postgres", "-A", "trust", "--no-sync")
            cluster.up()
        except BaseException:
            cluster.stop()
            raise
        return cluster

    def stop(self):
        self.down(signal.SIGQUIT)  # nothing of it is needed any more: no checkpoint
        shutil.rmtree(self.folder, ignore_errors=True)

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
