"""Somebody cancels statements (an operator, a timeout): it hits nobody else, and no answer is untrue."""

import pytest

from harness.flood import Flood, Request, at_once
from harness.held import HeldStatements
from harness.ledger import says_unknown
from harness.people import TableLock
from harness.roles import Role

HOME = "/api/activities/home"


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
    return {**settings, "CONNECTION_URL": role.url}


def cancel(database, role, condition="state = 'active'"):
    database.run(
        f"""select pg_cancel_backend(pid) from pg_stat_activity
            where usename = %s and {condition}""",
        role.name,
    )


def test_a_cancelled_read_runs_again(start_api, database, role):
    """Cancelled three times while the table is locked, every reader is answered in the end."""
    user = database.add_user()
    database.add_activity(user)
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    targets = [HOME, f"/api/activities/@{user.handle}", "/api/activities/search?term=crud"]

    async def step(client, number, turn):
        if turn == 1:
            return None
        (await client.ask("GET", targets[number % 3])).expect(200)
        return 200

    with TableLock(database) as lock, Flood(server.port, step, clients=24) as flood:
        for _ in range(3):
            database.wait_for_blocked(2)
            cancel(database, role, "wait_event_type = 'Lock'")
        database.wait_for_blocked(1)
        assert flood.count() == 0
        lock.release()
        flood.finish()
    assert flood.labels == {200: 24}


def test_reads_and_writes_while_statements_are_cancelled(start_api, database, role):
    """Reads never fail; a write is there when it was answered 200 and not when it was refused."""
    user = database.add_user()
    token = user.token()
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    answered = {}

    async def read(client, _, turn):
        (await client.ask("GET", f"{HOME}?limit={turn % 90 + 1}")).expect(200)
        return "read"

    async def write(client, number, turn):
        message = f"cancelled {number} {turn}"
        body = {"message": message, "ttl": "1-day"}
        answer = await client.ask("POST", "/api/activities", token, body)
        assert answer.status in (200, 503), answer.body
        answered[message] = (answer.status, answer.header("X-Request-Id"))
        return answer.status

    with Flood(server.port, read, 16) as readers, Flood(server.port, write, 16) as writers:
        for _ in range(200):
            cancel(database, role)
            readers.wait_for(more=5)
            writers.wait_for(more=1)
    rows = dict(
        database.run(
            """select message, count(*) from public.activities
               where message like 'cancelled %' group by message"""
        )
    )
    unknown = {
        event.get("request_id")
        for event in server.log.find()
        if says_unknown(event)
    }
    for message, (status, request_id) in answered.items():
        there = rows.get(message, 0)
        assert there <= 1, f"{message} is there {there} times"
        if request_id not in unknown:
            assert there == (status == 200), f"{message} was answered {status}, {there} rows"


def test_a_cancelled_write_in_a_group_harms_no_other(start_api, database, role):
    """Posts that wait for a locked table, cancelled there: all are done in the end, once."""
    user = database.add_user()
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    requests = [
        Request("POST", "/api/activities", user.token(), {"message": f"group {one}", "ttl": "1-day"})
        for one in range(32)
    ]

    async def step(client, number, turn):
        if turn == 1:
            return None
        answer = await client.ask(*requests[number])
        answer.expect(200)
        return 200

    with TableLock(database) as lock, Flood(server.port, step, clients=32) as flood:
        for _ in range(2):
            database.wait_for_blocked(1)
            cancel(database, role, "wait_event_type = 'Lock'")
        database.wait_for_blocked(1)
        lock.release()
        flood.finish()
    sql = """select count(*), count(distinct message) from public.activities
             where message like 'group %'"""
    assert database.run(sql) == [(32, 32)]


TIMED_OUT = "canceling statement due to statement timeout"


def test_what_met_its_deadline_is_not_run_again(start_api, pg_cluster, database, role, held):
    """It had its time: 503 at once, rather than the same again in the way of others."""
    user = database.add_user()
    parent = database.add_activity(user)
    server, api = start_api(CRUDDUR_PG_DEADLINE_MS=500, CRUDDUR_LOOPS=1)
    api.wait_until_ready()
    server.wait_until_connected()
    requests = [
        ("concerns AS", Request("GET", "/api/activities/notifications", user.token())),
        ("FROM public.users u", Request("GET", f"/api/activities/@{user.handle}")),
        ("reply_to_activity_uuid, created_at)", reply_to(parent, user)),
    ]
    for pattern, request in requests:
        before = pg_cluster.log_text().count(TIMED_OUT)
        with held.holding(pattern):
            answer = at_once(api.port, [request])[0]
            answer.expect(503, ["generic_503"])
            database.wait_until(
                "select count(*) = 0 from pg_stat_activity where usename = %s and state = 'active'",
                role.name,
            )
        timed_out = pg_cluster.log_text().count(TIMED_OUT) - before
        assert timed_out == 1, f"{request.target} was ended by its deadline {timed_out} times"


def reply_to(parent, user):
    target = f"/api/activities/{parent}/reply"
    return Request("POST", target, user.token(), {"message": "too late"})


def test_our_own_cancel_hits_nobody_else(start_api, database, role):
    """Statements that meet their deadline beside others that do not: only theirs is refused."""
    one, other = database.add_user(), database.add_user()
    server, api = start_api(CRUDDUR_PG_DEADLINE_MS=500)
    body = {"message": "hello", "handle": other.handle}
    group = api.post("/api/messages", one.token(), json=body).expect(200)["message_group_uuid"]
    api.wait_until_ready()
    server.wait_until_connected()
    token = one.token()

    async def read(client, _, turn):
        (await client.ask("GET", f"{HOME}?limit={turn % 90 + 1}")).expect(200)
        return "read"

    async def stuck(client, *_):
        answer = await client.ask("GET", f"/api/messages/{group}", token)
        assert answer.status in (200, 503)
        return answer.status

    with Flood(server.port, read, 8) as readers, Flood(server.port, stuck, 8) as others:
        readers.wait_for(more=20)
        with TableLock(database, "messages"):
            others.wait_for(503, more=40)
            readers.wait_for(more=100)
        others.wait_for(200)
    at_once(server.port, [Request("GET", HOME)])[0].expect(200)
