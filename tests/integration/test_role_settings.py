"""What an operator has set on the role, or a pooler brings along, changes no answer."""

import threading

import pytest

from harness.flood import Request, at_once
from harness.migrations import Folder, migrate
from harness.people import Database, TableLock, parse_time, seconds
from harness.roles import Role
from harness.server import run

HOME = "/api/activities/home"


@pytest.fixture
def role(pg_cluster, database):
    return Role(pg_cluster, database)


ROLE_SETTINGS = [
    ("default_transaction_isolation", "repeatable read"),
    ("default_transaction_isolation", "serializable"),
    ("timezone", "America/New_York"),
    ("statement_timeout", "20ms"),
    ("lock_timeout", "20ms"),
    ("idle_in_transaction_session_timeout", "20ms"),
    ("datestyle", "SQL, DMY"),
    ("intervalstyle", "postgres_verbose"),
    ("bytea_output", "escape"),
    ("client_min_messages", "debug5"),
    ("exit_on_error", "on"),
    ("synchronous_commit", "off"),
]


@pytest.mark.parametrize("prepare", ["on", "off"])
@pytest.mark.parametrize("name, value", ROLE_SETTINGS)
def test_settings_of_the_role(start_api, database, role, name, value, prepare):
    role.set(name, value)
    server, api = start_api(CONNECTION_URL=role.url, CRUDDUR_PG_PREPARE=prepare)
    api.wait_until_ready()
    server.wait_until_connected()
    user = database.add_user()
    times_are_utc(api, database, user)
    replies_at_once_are_counted(server, database, user)
    a_short_lock_is_waited_for(server, database, user)


def times_are_utc(api, database, user):
    body = {"message": "when?", "ttl": "1-hour"}
    posted = api.post("/api/activities", user.token(), json=body).expect(200)
    row = database.run(
        "select created_at, expires_at from public.activities where uuid = %s", posted["uuid"]
    )[0]
    assert (parse_time(posted["created_at"]), parse_time(posted["expires_at"])) == row
    assert row[1] - row[0] == seconds(3600)
    now = database.value("select timezone('UTC', now())")
    assert abs(now - row[0]) < seconds(600)
    assert posted in api.get(f"/api/activities/@{user.handle}").expect(200)["activities"]
    assert api.get(HOME).expect(200)[0] == posted


def replies_at_once_are_counted(server, database, user):
    """Stricter isolation would refuse those that meet at the parent's counter."""
    parent = database.add_activity(user)
    target = f"/api/activities/{parent}/reply"
    replies = [Request("POST", target, user.token(), {"message": f"r {one}"}) for one in range(16)]
    for answer in at_once(server.port, replies):
        answer.expect(200)
    sql = "select replies_count from public.activities where uuid = %s"
    assert database.value(sql, parent) == 16


def a_short_lock_is_waited_for(server, database, user):
    """Longer than the role's timeouts, shorter than ours."""
    requests = [
        Request("GET", HOME),
        Request("POST", "/api/activities", user.token(), {"message": "m", "ttl": "1-day"}),
    ]
    answers = []
    thread = threading.Thread(target=lambda: answers.extend(at_once(server.port, requests)))
    with TableLock(database):
        thread.start()
        database.wait_for_blocked(2)
        database.run("select pg_sleep(0.1)")  # past the timeouts of the role, not an event of ours
    thread.join(60)
    assert [answer.status for answer in answers] == [200, 200]


def test_posts_after_the_sessions_were_idle(start_api, database, role):
    """idle_session_timeout ends them (57P05), just when a post is sent as well: each is answered 200."""
    role.set("idle_session_timeout", "200ms")
    user = database.add_user()
    server, api = start_api(CONNECTION_URL=role.url)
    api.wait_until_ready()
    server.wait_until_connected()
    for number in range(40):
        body = {"message": f"after idling {number}", "ttl": "1-day"}
        api.post("/api/activities", user.token(), json=body).expect(200)
        # Around the timeout, on both sides of it: what is tested is the server's clock.
        database.run("select pg_sleep(%s)", 0.19 + 0.0005 * number)
    sql = """select count(*), count(distinct message) from public.activities
             where message like 'after idling %'"""
    assert database.run(sql) == [(40, 40)]


def test_reads_after_the_sessions_were_idle(start_api, database, role):
    role.set("idle_session_timeout", "200ms")
    server, api = start_api(CONNECTION_URL=role.url)
    api.wait_until_ready()
    server.wait_until_connected()
    for number in range(20):
        for answer in at_once(server.port, [Request("GET", HOME)] * 8):
            answer.expect(200)
        database.run("select pg_sleep(%s)", 0.19 + 0.001 * number)


ODD = {
    "timezone": "America/New_York",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "gin_fuzzy_search_limit": "1",
    "client_min_messages": "error",
    "exit_on_error": "on",
    "default_transaction_isolation": "serializable",
    "synchronous_commit": "off",
    "session_replication_role": "replica",
}
SET = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "gin_fuzzy_search_limit": "0",
    "client_min_messages": "warning",
    "exit_on_error": "off",
    "transaction_isolation": "read committed",
    "synchronous_commit": "on",
    "session_replication_role": "origin",
}
SEEN = "create table seen as select " + ", ".join(
    f"current_setting('{name}') as {name}" for name in SET
)
SPY = f"""create function spy() returns trigger language plpgsql security definer as $$
  begin {SEEN}; return new; end $$;
create trigger spy before insert on public.activities for each row when (new.message = 'spied')
  execute function spy()"""


@pytest.fixture
def odd_database(pg_cluster, template, key):
    """A database whose sessions begin with every setting other than it is by default."""
    database = Database(pg_cluster.fresh_database(template=template), key)
    database.run(SPY)
    name = database.value("select current_database()")
    for setting, value in ODD.items():
        database.run(f"alter database {name} set {setting} = %s", value)
    yield database
    database.close()
    pg_cluster.drop(database.url)


@pytest.mark.parametrize("prepare", ["on", "off"])
def test_what_a_write_does_not_inherit(start_api, odd_database, prepare):
    _, api = start_api(CONNECTION_URL=odd_database.url, CRUDDUR_PG_PREPARE=prepare)
    api.wait_until_ready()
    body = {"message": "spied", "ttl": "1-day"}
    api.post("/api/activities", odd_database.add_user().token(), json=body).expect(200)
    assert odd_database.run("select * from seen") == [tuple(SET.values())]


@pytest.mark.parametrize("prepare", ["on", "off"])
def test_what_a_read_does_not_inherit(start_api, odd_database, prepare):
    """The pattern of a mention has a backslash, and every row that a GIN index finds is there."""
    name = odd_database.value("select current_database()")
    odd_database.run(f"alter database {name} set enable_seqscan = off")
    user, other = odd_database.add_user(handle="al_ice"), odd_database.add_user()
    mention = odd_database.add_activity(other, "look, @al_ice")
    odd_database.add_activity(other, "look, @alxice")
    found = {odd_database.add_activity(other, f"zebras {number}") for number in range(60)}
    _, api = start_api(CONNECTION_URL=odd_database.url, CRUDDUR_PG_PREPARE=prepare)
    api.wait_until_ready()
    mine = api.get("/api/activities/notifications", user.token()).expect(200)
    assert [row["uuid"] for row in mine] == [mention]
    rows = api.get("/api/activities/search?term=zebras&limit=100").expect(200)
    assert {row["uuid"] for row in rows} == found


def test_what_a_migration_does_not_inherit(odd_database, tmp_path):
    folder = Folder(tmp_path / "migrations")
    folder.add(SEEN, version="18000000000000000")
    migrate(odd_database.url, dir=folder)
    assert odd_database.run("select * from seen") == [tuple(SET.values())]
    assert run("status", CONNECTION_URL=odd_database.url).returncode in (0, 3)
