"""Something is slow: a locked table, a user with a slow query. Nobody else's answer waits for it.

No test measures a time. What is slow stays so until the test ends it, so that an answer that came
before has not waited for it. The rows' times are printed by tests/bench/head_of_line.py."""

import pytest

from harness.flood import Flood, Request, at_once
from harness.held import HeldStatements
from harness.people import TableLock
from harness.roles import Role

HOME = "/api/activities/home"
NOTIFICATIONS = "/api/activities/notifications"
SLOW = "concerns AS"  # in the text of notifications.sql alone


@pytest.fixture(scope="module")
def role(pg_cluster, database):
    role = Role(pg_cluster, database)
    yield role
    role.drop()


@pytest.fixture(scope="module")
def held(role, database):
    return HeldStatements(database)


@pytest.fixture(scope="module")
def settings(settings, role):
    """The deadline that ships, so that what is slow meets it again and again."""
    return {**settings, "CONNECTION_URL": role.url, "CRUDDUR_PG_DEADLINE_MS": "1500"}


def read_home(port):
    """200 readers one after the other, each on its own connection, and 24 at once, 20 times each."""
    for _ in range(200):
        at_once(port, [Request("GET", HOME)])[0].expect(200)

    async def step(client, _, turn):
        if turn == 20:
            return None
        (await client.ask("GET", HOME)).expect(200)
        return 200

    with Flood(port, step, clients=24) as flood:
        flood.finish()


def asking(port, targets, tokens, clients):
    """Clients that ask for `targets` all the while; 200 and 503 are both right answers."""

    async def step(client, number, turn):
        target = targets[(number + turn) % len(targets)]
        answer = await client.ask("GET", target, tokens[number % len(tokens)])
        assert answer.status in (200, 503), answer.body
        return answer.status

    return Flood(port, step, clients)


# --- A locked table ---


@pytest.mark.parametrize("deadline_ms", [1500, 60000])
@pytest.mark.parametrize("table", ["messages", "message_groups"])
def test_home_while_the_messages_are_locked(start_api, database, table, deadline_ms):
    """With the long deadline, whoever waits behind what hangs is not answered in this test."""
    one, other = database.add_user(), database.add_user()
    server, api = start_api(CRUDDUR_PG_DEADLINE_MS=deadline_ms)
    body = {"message": "hello", "handle": other.handle}
    group = api.post("/api/messages", one.token(), json=body).expect(200)["message_group_uuid"]
    api.wait_until_ready()
    server.wait_until_connected()
    targets = ["/api/message_groups", f"/api/messages/{group}"]
    tokens = [one.token(), other.token()]
    with asking(server.port, targets, tokens, clients=24) as readers:
        readers.wait_for(200)
        with TableLock(database, table):
            database.wait_for_blocked(2)
            read_home(server.port)
            database.wait_for_blocked(1)  # and they wait still
        readers.wait_for(200)


@pytest.mark.parametrize("deadline_ms", [1500, 60000])
def test_home_while_messages_wait_to_be_written(start_api, database, deadline_ms):
    """Writers as well: they hang at the lock, and posts and home go on."""
    one, other = database.add_user(), database.add_user()
    server, api = start_api(CRUDDUR_PG_DEADLINE_MS=deadline_ms)
    api.wait_until_ready()
    server.wait_until_connected()
    tokens = [one.token(), other.token()]

    async def write(client, number, _):
        handle = (other, one)[number % 2].handle
        body = {"message": "hello", "handle": handle}
        answer = await client.ask("POST", "/api/messages", tokens[number % 2], body)
        assert answer.status in (200, 503), answer.body
        return answer.status

    with Flood(server.port, write, clients=16) as writers:
        writers.wait_for(200)
        with TableLock(database, "messages"):
            database.wait_for_blocked(1)
            read_home(server.port)
            for number in range(20):
                body = {"message": f"beside {number}", "ttl": "1-day"}
                api.another().post("/api/activities", tokens[0], json=body).expect(200)
        writers.wait_for(200)


# --- A slow user ---


@pytest.mark.parametrize("users, deadline_ms", [(1, 60000), (4, 1500)])
def test_home_while_notifications_are_slow(start_api, database, held, users, deadline_ms):
    """One query that goes on for longer than a client waits, and four users who ask again when refused."""
    tokens = [database.add_user().token() for _ in range(users)]
    server, api = start_api(CRUDDUR_PG_DEADLINE_MS=deadline_ms)
    api.wait_until_ready()
    server.wait_until_connected()
    with asking(server.port, [NOTIFICATIONS], tokens, clients=users) as pollers:
        pollers.wait_for(200)
        with held.holding(SLOW):
            database.wait_for_blocked(1)
            read_home(server.port)
            database.wait_for_blocked(1)
        pollers.wait_for(200)


def test_posts_while_notifications_are_slow(start_api, database, held):
    """Nor does a write wait for them, and each is there once."""
    user = database.add_user()
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    with asking(server.port, [NOTIFICATIONS], [user.token()], clients=8) as pollers:
        with held.holding(SLOW):
            database.wait_for_blocked(1)
            for number in range(40):
                body = {"message": f"meanwhile {number}", "ttl": "1-day"}
                api.another().post("/api/activities", user.token(), json=body).expect(200)
        pollers.wait_for(200)
    sql = """select count(*), count(distinct message) from public.activities
             where message like 'meanwhile %'"""
    assert database.run(sql) == [(40, 40)]


# --- A refused write does not happen ---


def settle(api, database, role, user):
    """Waits until nothing of the server's runs in Postgres any more."""
    body = {"message": "the last", "ttl": "1-day"}
    api.post("/api/activities", user.token(), json=body).expect(200)
    database.wait_until(
        """select count(*) = 0 from pg_stat_activity
           where usename = %s and state not in ('idle', 'disabled')""",
        role.name,
    )


def count(database, pattern):
    sql = "select count(*) from public.activities where message like %s"
    return database.value(sql, pattern)


def posts(user, text, number):
    body = [{"message": f"{text} {one}", "ttl": "1-day"} for one in range(number)]
    return [Request("POST", "/api/activities", user.token(), one) for one in body]


def quick_to_refuse(start_api):
    server, api = start_api(CRUDDUR_LOOPS=1, CRUDDUR_PG_DEADLINE_MS=300, CRUDDUR_PG_CONNECTIONS=4)
    api.wait_until_ready()
    server.wait_until_connected()
    return server, api


def expect_truth(answers, there):
    """200 means a row, 503 means none."""
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {200, 503}, statuses
    assert there == statuses.count(200), f"{there} rows, answers {statuses}"


def test_posts_behind_slow_statements(start_api, database, role, held):
    """A post answered 503 never appears, though the statement before it ends at last."""
    user = database.add_user()
    server, api = quick_to_refuse(start_api)
    with asking(server.port, [NOTIFICATIONS], [user.token()], clients=12) as pollers:
        with held.holding(SLOW):
            database.wait_for_blocked(1)
            answers = at_once(server.port, posts(user, "behind slow", 24))
        pollers.wait_for(200)
    settle(api, database, role, user)
    expect_truth(answers, count(database, "behind slow %"))


def test_posts_behind_a_slow_post(start_api, database, role, held):
    """All refused, those that were sent and those that stood in the queue; none is there later."""
    user = database.add_user()
    server, api = quick_to_refuse(start_api)
    with held.holding("INSERT INTO public.activities"):
        answers = at_once(server.port, posts(user, "behind a post", 64))
        for answer in answers:
            answer.expect(503, ["generic_503"])
    settle(api, database, role, user)
    assert count(database, "behind a post %") == 0


def test_posts_to_a_locked_table(start_api, database, role):
    user = database.add_user()
    server, api = quick_to_refuse(start_api)
    with TableLock(database):
        answers = at_once(server.port, posts(user, "locked out", 64))
        for answer in answers:
            answer.expect(503, ["generic_503"])
    settle(api, database, role, user)
    assert count(database, "locked out %") == 0


def test_replies_to_a_locked_row(start_api, database, role):
    user = database.add_user()
    parent = database.add_activity(user)
    server, api = quick_to_refuse(start_api)
    target = f"/api/activities/{parent}/reply"
    requests = [
        Request("POST", target, user.token(), {"message": f"to a locked row {number}"})
        for number in range(16)
    ]
    session = database.session()
    with session.cursor() as cursor:
        cursor.execute("select from public.activities where uuid = %s for update", (parent,))
        for answer in at_once(server.port, requests):
            answer.expect(503, ["generic_503"])
    session.close()
    settle(api, database, role, user)
    assert count(database, "to a locked row %") == 0
    sql = "select replies_count from public.activities where uuid = %s"
    assert database.value(sql, parent) == 0
