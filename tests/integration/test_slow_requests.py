"""What tells where time goes: the log of slow requests and of statements, and `cruddur top`."""

import pytest

from harness.api import Api
from harness.people import TableLock
from harness.raw import RawConnection
from harness.server import run
from test_telemetry import free_port, metrics_of

SHORT = b"GET /api/users/@nobody/short HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow-one\r\n\r\n"


@pytest.fixture(name="port")
def choose_port():
    return free_port()


def wait_in_flight(port):
    """Waits until one batch is in flight."""
    for _ in range(5000):
        if metrics_of(port)["cruddur_pg_batches_in_flight"] == 1:
            return
    raise AssertionError("nothing is in flight")


def hold_one(server, database, port):
    """Lets a request wait for a locked table; returns what `cruddur top` says meanwhile."""
    with TableLock(database, "users"):
        client = RawConnection(server.port)
        client.send(SHORT)
        wait_in_flight(port)
        seen = run("top", METRICS_PORT=port)
    assert server.log.wait_for(message="request", request_id="slow-one")
    client.close()
    return seen


def test_a_slow_request_is_logged_with_where_its_time_went(start_server, database, port):
    server = start_server(METRICS_PORT=port, CRUDDUR_SLOW_REQUEST_MS="1")
    server.log.wait_for(number=8, message="postgres connected")
    hold_one(server, database, port)
    line = server.log.wait_for(message="slow request", request_id="slow-one")
    assert (line["level"], line["route"]) == ("warning", "/api/users/@:handle/short")
    assert (line["method"], line["status"]) == ("GET", 404)
    assert line["statements"] == "users/short"
    parts = ("receiving_ms", "queue_ms", "postgres_ms", "other_ms", "sending_ms")
    assert line["postgres_ms"] > line["duration_ms"] / 2
    assert sum(line[part] for part in parts) <= line["duration_ms"] + 0.01


@pytest.mark.parametrize("limit", ["0", "600000"])
def test_a_request_within_the_limit_is_not(start_server, description, limit):
    server = start_server(CRUDDUR_SLOW_REQUEST_MS=limit)
    api = Api(server.port, description)
    api.get("/api/activities/home")
    api.close()
    assert server.log.wait_for(message="request")
    assert not server.log.find(message="slow request")


def test_each_statement_is_logged_at_debug_with_its_time(start_server, database, description):
    server = start_server(LOG_LEVEL="debug")
    api = Api(server.port, description)
    user = database.add_user()
    answer = api.post("/api/activities", user.token(), json={"message": "x", "ttl": "1-day"})
    answer.expect(200)
    request_id = answer.header("X-Request-Id")
    line = server.log.wait_for(message="statement", request_id=request_id)
    assert (line["level"], line["statement"], line["rows"]) == ("debug", "activities/create", 1)
    assert line["duration_ms"] > 0
    api.close()


def test_top_shows_loops_connections_and_what_they_run(start_server, database, port):
    server = start_server(METRICS_PORT=port)
    server.log.wait_for(number=8, message="postgres connected")
    seen = hold_one(server, database, port)
    assert (seen.returncode, seen.stderr) == (0, "")
    lines = [line.split() for line in seen.stdout.splitlines()]
    assert lines[0][:1] == ["cruddur"] and "descriptors" in lines[0]
    loops = [line for line in lines if len(line) == 7 and line[0] in ("0", "1")]
    assert [int(line[3]) for line in loops if int(line[5]) == 1] == [1]  # its client
    states = [line for line in lines if len(line) > 2 and line[1] in ("read", "heavy", "write")]
    assert len(states) == 8 and {line[2] for line in states} == {"ready"}
    (busy,) = [line for line in states if len(line) == 6]
    assert (busy[1], busy[3], busy[5]) == ("read", "1", "users/short")
    assert float(busy[4]) > 0


def test_top_shows_the_slowest_statements_first(start_server, database, port, description):
    server = start_server(METRICS_PORT=port)
    server.log.wait_for(number=8, message="postgres connected")
    api = Api(server.port, description)
    hold_one(server, database, port)
    for _ in range(3):
        api.get("/api/activities/home").expect(200)
    api.close()
    table = run("top", METRICS_PORT=port).stdout.split("slowest ms")[1].splitlines()[1:]
    rows = [line.split() for line in table if "/" in line]
    assert {row[3]: int(row[2]) for row in rows} == {"users/short": 1, "activities/home": 3}
    longest = [float(row[0]) for row in rows]
    assert longest == sorted(longest, reverse=True)


def test_top_says_what_it_lacks(start_server, port):
    nobody = run("top", METRICS_PORT=free_port())
    assert nobody.returncode == 1 and nobody.stderr.count("cruddur top: ") == 1
    unset = run("top")
    assert unset.returncode == 2 and "METRICS_PORT is not set" in unset.stderr
    server = start_server(METRICS_PORT=port)
    wrong = run("top", f"http://127.0.0.1:{server.port}/top")
    assert wrong.returncode == 1 and "answers 404; is this the server's METRICS_PORT?" in wrong.stderr
