"""pgpool-II with its default settings keeps a pipeline's transaction open: nothing may be acknowledged
that is not there."""

import json
import time

import pytest

from harness.api import Api
from harness.flood import Flood
from harness.pgpool import Pgpool


@pytest.fixture(scope="module")
def pgpool(pg_cluster):
    pgpool = Pgpool(pg_cluster)
    yield pgpool
    pgpool.stop()


@pytest.fixture(scope="module")
def settings(settings, pgpool, database):
    url = pgpool.url(database.value("select current_database()"))
    return {**settings, "CONNECTION_URL": url, "CRUDDUR_PG_DEADLINE_MS": "1500"}


def told(server):
    """The log lines that say what is wrong and what helps."""
    lines = [json.dumps(event) for event in server.log.find()]
    return [line for line in lines if "pooler" in line and "CRUDDUR_PG_PREPARE=off" in line]


def wait_until_ready_or_told(server, api):
    until = time.monotonic() + 60
    while not told(server):
        if api.once("/api/readiness").status == 200:
            return
        assert time.monotonic() < until, "neither ready nor a word about the pooler"


def test_no_post_is_acknowledged_that_is_not_there(start_api, database):
    user = database.add_user()
    server, api = start_api()
    wait_until_ready_or_told(server, api)
    acknowledged = 0
    for number in range(16):
        body = {"message": f"through pgpool {number}", "ttl": "1-day"}
        answer = api.another().post("/api/activities", user.token(), json=body)
        assert answer.status in (200, 503), answer.body
        acknowledged += answer.status == 200
    sql = "select count(*) from public.activities where message like 'through pgpool %'"
    assert database.value(sql) == acknowledged
    if acknowledged < 16:
        assert told(server), "posts are refused, and the log does not say what helps"


def test_without_prepared_statements_all_works(start_api, database):
    """What the log line advises."""
    user = database.add_user()
    server, api = start_api(CRUDDUR_PG_PREPARE="off")
    wait_until_ready_or_told(server, api)
    token = user.token()

    async def step(client, number, turn):
        if turn == 10:
            return None
        body = {"message": f"unprepared {number} {turn}", "ttl": "1-day"}
        answer = await client.ask("POST", "/api/activities", token, body)
        assert answer.status in (200, 503), answer.body
        return answer.status

    with Flood(server.port, step, clients=8) as flood:
        flood.finish()
    sql = "select count(*) from public.activities where message like 'unprepared %'"
    assert database.value(sql) == flood.labels[200] == 80
    other = Api(server.port, api.description)
    assert len(other.get(f"/api/activities/@{user.handle}").expect(200)["activities"]) == 40
    other.close()
