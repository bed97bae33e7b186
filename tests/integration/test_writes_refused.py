"""Postgres takes no writes, or does not let them end: a failover, a standby that is away. Reads go on,
refused writes are told so, and no connection is opened beside those that are allowed."""

import pytest

from harness.flood import Flood
from harness.ledger import says_unknown
from harness.people import Database
from harness.roles import Role
from conftest import default_settings, load_template
from pg_cluster import PgCluster

HOME = "/api/activities/home"
POOL = 8  # two loops, four connections each


@pytest.fixture(scope="module")
def own_cluster():
    """A cluster whose settings these tests change."""
    cluster = PgCluster.start(synchronous_commit="on")
    load_template(cluster)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def database(own_cluster, key):
    database = Database(own_cluster.fresh_database(template="cruddur_template"), key)
    yield database
    database.close()


@pytest.fixture(scope="module")
def role(own_cluster, database):
    return Role(own_cluster, database)


@pytest.fixture(scope="module")
def settings(database, jwks, role):
    changes = {"CRUDDUR_PG_DEADLINE_MS": "500", "CRUDDUR_PG_CONNECTIONS": str(POOL)}
    return {**default_settings(database, jwks.url), **changes, "CONNECTION_URL": role.url}


class ServerSetting:
    """ALTER SYSTEM SET, and back again; returns when a new session and an old one know of it."""

    def __init__(self, database, name, value):
        self.database = database
        self.name = name
        self.value = value

    def _reload(self, wanted):
        self.database.run("select pg_reload_conf()")
        self.database.wait_until("select current_setting(%s)", self.name, wanted=wanted)

    def __enter__(self):
        self.before = self.database.value("select current_setting(%s)", self.name)
        self.database.run(f"alter system set {self.name} = '{self.value}'")
        self._reload(self.value)
        return self

    def __exit__(self, *unused):
        self.database.run(f"alter system reset {self.name}")
        self._reload(self.before)


def home_readers(port, clients=24):
    """Each answer must be 200."""

    async def step(client, _, turn):
        (await client.ask("GET", f"{HOME}?limit={turn % 50 + 1}")).expect(200)
        return 200

    return Flood(port, step, clients)


def post(api, user, message):
    body = {"message": message, "ttl": "1-day"}
    return api.another().post("/api/activities", user.token(), json=body)


def wait_until_posts_work(api, user, message):
    for _ in range(2000):
        answer = post(api, user, message)
        if answer.status == 200:
            return
        answer.expect(503, ["generic_503"])
    raise AssertionError("posts do not work again")


def count(database, pattern):
    return database.value("select count(*) from public.activities where message like %s", pattern)


def test_a_read_only_server_refuses_writes_alone(start_api, database, role):
    """25006, as after a failover: no home answer fails, and posts work again without a restart."""
    user = database.add_user()
    database.add_activity(user)
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    post(api, user, "before").expect(200)
    with home_readers(server.port) as readers:
        readers.wait_for(200)
        with ServerSetting(database, "default_transaction_read_only", "on"):
            for number in range(40):
                post(api, user, f"refused {number}").expect(503, ["generic_503"])
                role.wait_for_sessions(POOL)
            readers.wait_for(200, more=200)
        wait_until_posts_work(api, user, "after")
        readers.wait_for(200, more=100)
    role.wait_for_sessions(POOL)
    assert count(database, "refused %") == 0
    assert count(database, "before") == 1
    assert count(database, "after") == 1


def test_a_synchronous_standby_is_away(start_api, database, role):
    """Commits never end. Posts are 503 with an unknown outcome, reads go on, sessions do not gather."""
    user = database.add_user()
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    post(api, user, "before").expect(200)
    refused = []
    with home_readers(server.port, clients=8) as readers:
        readers.wait_for(200)
        with ServerSetting(database, "synchronous_standby_names", "away"):
            for number in range(12):
                answer = post(api, user, f"no standby {number}")
                answer.expect(503, ["generic_503"])
                refused.append(answer.header("X-Request-Id"))
                role.wait_for_sessions(POOL)
            readers.wait_for(200, more=100)
        wait_until_posts_work(api, user, "after")
    role.wait_for_sessions(POOL)
    known = unknown_outcomes(server)
    missing = [one for one in refused if one not in known]
    there = {row[0] for row in database.run("select message from public.activities")}
    for number, request_id in enumerate(refused):
        if request_id in missing:
            assert f"no standby {number}" not in there, "refused, not logged as unknown, and there"
    assert known, "no write waited for the standby"


def unknown_outcomes(server):
    """The requests whose log line says that what became of them is not known."""
    return {
        event["request_id"]
        for event in server.log.find()
        if says_unknown(event) and "request_id" in event
    }


def test_many_writers_and_no_standby(start_api, database, role):
    """As many sessions as before, however many writers try; home is never refused."""
    users = [database.add_user() for _ in range(8)]
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    tokens = [user.token() for user in users]

    async def write(client, number, turn):
        body = {"message": f"many {number} {turn}", "ttl": "1-day"}
        answer = await client.ask("POST", "/api/activities", tokens[number], body)
        assert answer.status in (200, 503), answer.body
        return answer.status

    with home_readers(server.port, clients=8) as readers, Flood(server.port, write, 8) as writers:
        writers.wait_for(200)
        with ServerSetting(database, "synchronous_standby_names", "away"):
            writers.wait_for(503, more=40)
            role.wait_for_sessions(POOL)
            readers.wait_for(200, more=100)
        writers.wait_for(200)
