"""A request is answered only by a query that began after it arrived, however many share that query.

The first query hangs in Postgres, where it has its snapshot already, while something is written. Who asks
after that must see it; who asked before does not."""

import contextlib

import pytest

from harness.held import HeldStatements
from harness.raw import RawConnection, get
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
    return {**settings, "CONNECTION_URL": role.url, "CRUDDUR_LOOPS": "1"}


def messages_of(answer):
    body = answer.expect(200)
    rows = body["activities"] if isinstance(body, dict) else body
    return [row["message"] for row in rows]


@pytest.mark.parametrize(
    "target, pattern",
    [
        (HOME, "FROM public.activities%ORDER BY created_at DESC, uuid DESC%LIMIT 101"),
        ("/api/activities/@{handle}", "WITH author AS MATERIALIZED"),
        ("/api/activities/search?term=written", "ILIKE"),
    ],
)
def test_who_asks_after_a_write_sees_it(start_api, database, held, target, pattern):
    user = database.add_user()
    database.add_activity(user, "a row for the policy to be asked about")
    target = target.format(handle=user.handle)
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    message = f"written by {user.handle}"
    with contextlib.ExitStack() as stack:
        before, *after = [stack.enter_context(RawConnection(server.port)) for _ in range(5)]
        with held.holding(pattern):
            before.send(get(target))
            database.wait_for_blocked(1)
            body = {"message": message, "ttl": "1-day"}
            api.post("/api/activities", user.token(), json=body).expect(200)
            for raw in after:
                raw.send(get(target))
            for _ in range(5):  # those were sent before: the loop has taken them when it answers
                api.get("/api/health-check").expect(200)
        assert message not in messages_of(before.read_answer()), "its query began too late"
        for raw in after:
            assert message in messages_of(raw.read_answer()), "it was answered by an older query"
