"""What an operator has set on the role, or a pooler brings along, changes no answer."""

import threading

import pytest

from harness.flood import Request, at_once
from harness.people import TableLock, parse_time, seconds
from harness.roles import Role

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
