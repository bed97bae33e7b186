"""The fixtures: one private cluster a test process, a fresh database and a server a module."""

import os
import tempfile

import pytest

from harness.api import Api
from harness.description import PROJECT, Description
from harness.jwks import JwksServer
from harness.people import Database
from harness.server import Server, run
from harness.tokens import CLIENT_ID, ISSUER, OTHER_CLIENT_ID, SigningKey
from pg_cluster import fresh_database, pg_cluster, psql  # noqa: F401 (fixtures)

FRONTEND = "https://cloudnoww.test"
FRONTEND_LOCAL = "http://localhost:3000"
BACKEND = "https://api.cloudnoww.test"
TEMPLATE = "cruddur_template"


def load_template(cluster):
    """Makes the database that every test's own is a copy of: schema, migrations, seed."""
    url = cluster.fresh_database(name=TEMPLATE)
    load_file(url, "schema.sql")
    done = run("migrate", CONNECTION_URL=url)
    assert done.returncode == 0, done.stderr + done.stdout
    load_file(url, "seed.sql")
    return url


def load_file(url, name):
    file = PROJECT / "db" / name
    if file.exists():
        psql(url, "-f", str(file))


@pytest.fixture(scope="session")
def template(pg_cluster):  # noqa: F811
    load_template(pg_cluster)
    return TEMPLATE


@pytest.fixture(scope="session")
def key():
    """The key the pool signs with."""
    return SigningKey()


@pytest.fixture(scope="session")
def description():
    return Description()


@pytest.fixture(scope="session")
def jwks(key):
    """The pool's key endpoint in good health."""
    server = JwksServer([key])
    yield server
    server.close()


@pytest.fixture(scope="module")
def database(pg_cluster, template, key):  # noqa: F811
    database = Database(pg_cluster.fresh_database(template=template), key)
    yield database
    database.close()
    pg_cluster.drop(database.url)


@pytest.fixture(scope="module")
def settings(database, jwks):
    """The environment of a server in good health; a module may override this or change a copy."""
    return default_settings(database, jwks.url)


def default_settings(database, jwks_url):
    return {
        "PORT": "0",
        "CONNECTION_URL": database.url,
        "FRONTEND_URL": f"{FRONTEND},{FRONTEND_LOCAL}",
        "BACKEND_URL": BACKEND,
        "AWS_COGNITO_USER_POOL_CLIENT_ID": f"{CLIENT_ID},{OTHER_CLIENT_ID}",
        "AWS_COGNITO_ISSUER": ISSUER,
        "AWS_COGNITO_JWKS_URL": jwks_url,
        "CRUDDUR_PG_DEADLINE_MS": "20000",  # slow machines and sanitizers are no failures
        "CRUDDUR_LOOPS": "2",
        "CRUDDUR_DRAIN_DELAY_S": "0",  # no balancer here; some tests are about it
        "CRUDDUR_CRASH_FILE": f"{tempfile.gettempdir()}/cruddur-crash-{os.getpid()}.json",
    }


@pytest.fixture(scope="module")
def server(settings):
    server = Server(**settings)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def api(server, description):
    api = Api(server.port, description)
    api.wait_until_ready()
    yield api
    api.close()


@pytest.fixture
def start_server(settings):
    """start_server(NAME=value, …) starts one more server, with these settings changed."""
    started = []

    def start(**changes):
        started.append(Server(**{**settings, **changes}))
        return started[-1]

    yield start
    errors = []
    for server in started:
        try:
            if server.process.returncode is None:
                server.stop()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def start_api(start_server, description):
    """start_api(NAME=value, …) is start_server() with a client: (server, api)."""
    clients = []

    def start(**changes):
        server = start_server(**changes)
        clients.append(Api(server.port, description))
        return server, clients[-1]

    yield start
    for client in clients:
        client.close()
