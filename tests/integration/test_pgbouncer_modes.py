"""PgBouncer in session mode keeps prepared statements; in transaction mode sessions are shared, and
nothing of ours may stay in them. test_pgbouncer.py has every kind of request."""

import psycopg2
import pytest

from harness.feed import Checked
from harness.flood import Flood
from harness.load import Load
from harness.pgbouncer import PgBouncer

SETTINGS = [
    "TimeZone",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "search_path",
    "client_min_messages",
    "synchronous_commit",
    "standard_conforming_strings",
]


@pytest.fixture(scope="module")
def session_bouncer(pg_cluster):
    bouncer = PgBouncer(pg_cluster, pool_size=20, mode="session")
    yield bouncer
    bouncer.stop()


@pytest.fixture(scope="module")
def transaction_bouncer(pg_cluster):
    bouncer = PgBouncer(pg_cluster, pool_size=1)
    yield bouncer
    bouncer.stop()


def name_of(database):
    return database.value("select current_database()")


@pytest.mark.parametrize("prepare", ["on", "off"])
def test_session_mode(start_api, session_bouncer, database, prepare):
    """Prepared statements stay with the session, and our settings as well: times are UTC."""
    checked = Checked(database)
    url = session_bouncer.url(name_of(database))
    server, api = start_api(CONNECTION_URL=url, CRUDDUR_PG_PREPARE=prepare)
    api.wait_until_ready()
    server.wait_until_connected()
    user = database.add_user()
    posts_are_all_there(server, database, user, f"session {prepare}")
    body = {"message": "when?", "ttl": "1-hour"}
    posted = api.post("/api/activities", user.token(), json=body).expect(200)
    assert api.get("/api/activities/home").expect(200)[0] == posted
    with Load(api, checked.step, clients=8) as load:
        load.wait_for(200, more=300)
    assert set(load.statuses) == {200}


def posts_are_all_there(server, database, user, text):
    token = user.token()

    async def step(client, number, turn):
        if turn == 10:
            return None
        body = {"message": f"{text} {number} {turn}", "ttl": "1-day"}
        (await client.ask("POST", "/api/activities", token, body)).expect(200)
        return 200

    with Flood(server.port, step, clients=16) as flood:
        flood.finish()
    sql = "select count(*), count(distinct message) from public.activities where message like %s"
    assert database.run(sql, f"{text} %") == [(160, 160)]


def test_transaction_mode_leaks_no_setting(start_api, transaction_bouncer, database):
    """One backend for everybody: what the server sets must be gone with its transaction."""
    url = transaction_bouncer.url(name_of(database))
    expected = settings_of(url)
    user = database.add_user()
    server, api = start_api(CONNECTION_URL=url, CRUDDUR_PG_PREPARE="off")
    api.wait_until_ready()
    server.wait_until_connected()
    token = user.token()

    async def read(client, _, turn):
        (await client.ask("GET", f"/api/activities/home?limit={turn % 50 + 1}")).expect(200)
        return "read"

    async def write(client, number, turn):
        body = {"message": f"leaks {number} {turn}", "ttl": "1-day"}
        (await client.ask("POST", "/api/activities", token, body)).expect(200)
        return "write"

    with Flood(server.port, read, 8) as readers, Flood(server.port, write, 8) as writers:
        for _ in range(20):
            readers.wait_for(more=10)
            writers.wait_for(more=5)
            assert settings_of(url) == expected


def settings_of(url):
    """What another client of the bouncer finds, in several transactions."""
    found = []
    connection = psycopg2.connect(url)
    connection.autocommit = True
    for _ in range(3):
        with connection.cursor() as cursor:
            values = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
            cursor.execute(f"select {values}")
            found.append(cursor.fetchone())
    connection.close()
    assert len(set(found)) == 1, found
    return found[0]
