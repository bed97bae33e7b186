"""A failover between two hosts of CONNECTION_URL: the first refuses writes, the second takes them. Reads
never fail, and everything follows by itself.

The two are clusters of their own with the same users, so that a row tells where it was written."""

import pytest

from harness.flood import Flood
from harness.people import Database
from harness.roles import Role
from conftest import default_settings, load_template
from pg_cluster import PgCluster

HOME = "/api/activities/home"
NAME = "both"


class Side:
    """A cluster with a database and a role of the same names as the other's."""

    def __init__(self, key):
        self.cluster = PgCluster.start()
        load_template(self.cluster)
        url = self.cluster.fresh_database(template="cruddur_template", name=NAME)
        self.database = Database(url, key)
        self.role = Role(self.cluster, self.database, name="app_of_both")

    def set_read_only(self, value):
        self.database.run(f"alter system set default_transaction_read_only = {value}")
        self.database.run("select pg_reload_conf()")
        sql = "select current_setting('default_transaction_read_only')"
        self.database.wait_until(sql, wanted=value)

    def count(self, pattern):
        sql = "select count(*) from public.activities where message like %s"
        return self.database.value(sql, pattern)

    def close(self):
        self.database.close()
        self.cluster.stop()


@pytest.fixture(scope="module")
def sides(key):
    sides = [Side(key) for _ in range(2)]
    yield sides
    for side in sides:
        side.close()


@pytest.fixture(scope="module")
def database(sides):
    return sides[0].database


@pytest.fixture(scope="module")
def settings(sides, database, jwks):
    hosts = ",".join(side.cluster.folder for side in sides)
    url = f"host={hosts} port=5432,5432 user={sides[0].role.name} dbname={NAME}"
    return {**default_settings(database, jwks.url), "CONNECTION_URL": url}


def post(api, user, message):
    body = {"message": message, "ttl": "1-day"}
    return api.post("/api/activities", user.token(), json=body)


def test_reads_never_fail_and_everything_follows(start_api, sides):
    """All posts come on one connection: the other loop hears of it though it writes nothing."""
    old, new = sides
    user = old.database.add_user()
    new.database.add_user(handle=user.handle, sub=user.sub)
    new.set_read_only("on")
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    post(api, user, "at the old one").expect(200)

    async def read(client, _, turn):
        (await client.ask("GET", f"{HOME}?limit={turn % 50 + 1}")).expect(200)
        return 200

    with Flood(server.port, read, 16) as readers:
        readers.wait_for(200)
        old.set_read_only("on")
        post(api, user, "at neither").expect(503, ["generic_503"])
        readers.wait_for(200, more=100)
        new.set_read_only("off")
        for _ in range(2000):
            answer = post(api, user, "at the new one")
            if answer.status == 200:
                break
            answer.expect(503, ["generic_503"])
        answer.expect(200)
        old.database.wait_until(f"select ({old.role.count_sql('true')}) = 0")
        readers.wait_for(200, more=100)
    assert (old.count("at %"), new.count("at %")) == (1, 1)
    shown = [row["message"] for row in api.another().get(HOME).expect(200)]
    assert "at the new one" in shown and "at the old one" not in shown
    server.stop()
