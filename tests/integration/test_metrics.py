"""GET /metrics: what Prometheus is told, and that promtool finds nothing to say against it."""

import json
import subprocess
import time
import urllib.request

import pytest

from harness import PROJECT
from harness.api import Api
from harness.gate import Gate
from harness.jwks import JwksServer
from harness.people import TableLock
from harness.raw import RawConnection
from test_telemetry import free_port, metrics_of

HOME = 'method="GET",route="/api/activities/home"'
LANES = ("read", "heavy", "write")


@pytest.fixture(name="watched")
def start_watched(start_server, description):
    """A server with two loops, its API and a function that reads its metrics."""
    port = free_port()

    def start(**changes):
        server = start_server(METRICS_PORT=port, **changes)
        api = Api(server.port, description)
        apis.append(api)
        return server, api, lambda: metrics_of(port)

    apis = []
    start.port = port
    yield start
    for api in apis:
        api.close()


def wait_until_connected(server):
    """Every connection of both loops is ready."""
    assert server.log.wait_for(number=8, message="postgres connected")


def until(look, wanted):
    """What `look` returns, as soon as `wanted` is true of it."""
    deadline = time.monotonic() + 30
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < deadline, seen


def test_what_was_answered_is_counted(watched):
    server, api, metrics = watched()
    wait_until_connected(server)
    api.get("/api/activities/home").expect(200)
    api.get("/nowhere").expect(404)
    for status in (200, 404):  # a request is counted before it is logged
        assert server.log.wait_for(message="request", status=status)
    samples = metrics()
    duration = "cruddur_http_request_duration_seconds"
    assert samples['cruddur_http_requests_total{%s,status="200"}' % HOME] == 1
    assert samples['cruddur_http_requests_total{method="-",route="-",status="404"}'] == 1
    assert samples[duration + "_count{%s}" % HOME] == 1
    assert samples[duration + '_bucket{%s,le="10"}' % HOME] == 1
    assert samples[duration + '_bucket{%s,le="+Inf"}' % HOME] == 1
    assert samples["cruddur_http_round_requests_count"] == 1
    assert samples["cruddur_pg_batches_total"] == 1
    statement = "cruddur_pg_statement_duration_seconds"
    assert samples[statement + '_count{statement="activities/home"}'] == 1
    assert 0 < samples[statement + '_sum{statement="activities/home"}'] < 60
    assert samples["cruddur_jwks_loaded"] == 1


def test_the_process_its_loops_and_its_pools_are_described(watched):
    server, _, metrics = watched()
    wait_until_connected(server)
    samples = metrics()
    assert abs(samples["process_start_time_seconds"] - time.time()) < 600
    assert samples["process_cpu_seconds_total"] > 0
    assert samples["process_resident_memory_bytes"] > 1_000_000
    assert samples["process_virtual_memory_bytes"] > samples["process_resident_memory_bytes"]
    assert 10 < samples["process_open_fds"] < samples["process_max_fds"]
    assert samples["process_threads"] >= 3
    assert [value for name, value in samples.items() if "build_info" in name] == [1]
    for loop in (0, 1):
        assert samples['cruddur_loop_busy_seconds_total{loop="%d"}' % loop] > 0
        assert samples['cruddur_loop_lag_seconds{loop="%d"}' % loop] >= 0
    assert samples["cruddur_loop_turn_seconds_count"] > 2
    wanted = {lane: samples['cruddur_pg_connections_wanted{lane="%s"}' % lane] for lane in LANES}
    ready = {lane: samples['cruddur_pg_connections_ready{lane="%s"}' % lane] for lane in LANES}
    assert wanted == ready == {"read": 4, "heavy": 2, "write": 2}
    assert samples["cruddur_pg_connections_opened_total"] == 8
    assert samples["cruddur_http_connections_limit"] > 100


def test_clients_and_what_they_wait_for_are_counted(watched, database):
    server, _, metrics = watched()
    wait_until_connected(server)
    assert metrics()["cruddur_http_connections"] == 0
    with TableLock(database, "users"):
        client = RawConnection(server.port)
        client.send(b"GET /api/users/@nobody/short HTTP/1.1\r\nHost: x\r\n\r\n")
        samples = until(metrics, lambda seen: seen["cruddur_pg_batches_in_flight"] == 1)
        assert samples["cruddur_http_connections"] == 1
        assert samples["cruddur_http_requests_in_progress"] == 1
    client.close()
    until(metrics, lambda seen: seen["cruddur_http_connections"] == 0)


def test_writes_that_share_a_transaction_are_counted(watched, database):
    _, api, metrics = watched()
    user = database.add_user()
    for _ in range(2):
        api.post("/api/activities", user.token(), json={"message": "x", "ttl": "1-day"}).expect(200)
    samples = metrics()
    assert samples["cruddur_pg_transaction_writes_sum"] == 2
    assert samples["cruddur_pg_transaction_writes_count"] == 2


def test_refused_tokens_are_counted_by_reason(watched, database):
    server, api, metrics = watched()
    assert server.log.wait_for(message="the user pool's keys are loaded")
    path = "/api/activities/notifications"
    api.get(path).expect(401)
    api.get(path, "a.b").expect(401)
    api.get(path, "a.b").expect(401)
    samples = metrics()
    assert samples['cruddur_auth_tokens_refused_total{reason="no Bearer token"}'] == 1
    assert samples['cruddur_auth_tokens_refused_total{reason="not three parts"}'] == 2
    api.get(path, database.add_user().token()).expect(200)
    assert sum(value for name, value in metrics().items() if "tokens_refused" in name) == 3


def test_fetches_that_fail_are_counted_by_service(watched, key):
    pool = JwksServer([key])
    pool.mode = "error"
    server, _, metrics = watched(AWS_COGNITO_JWKS_URL=pool.url)
    assert server.log.wait_for(message="the user pool's keys cannot be fetched")
    samples = metrics()
    assert samples['cruddur_fetch_failures_total{service="jwks"}'] >= 1
    assert samples["cruddur_jwks_loaded"] == 0
    pool.close()


def test_lost_connections_and_abandoned_backends_are_counted(watched, database, pg_cluster):
    gate = Gate(pg_cluster)
    gate.open()
    name = database.value("select current_database()")
    server, api, metrics = watched(CONNECTION_URL=gate.url(name))
    wait_until_connected(server)
    with TableLock(database, "users"):
        client = RawConnection(server.port)
        client.send(b"GET /api/users/@nobody/short HTTP/1.1\r\nHost: x\r\n\r\n")
        until(metrics, lambda seen: seen["cruddur_pg_batches_in_flight"] == 1)
        gate.cut()
        samples = until(metrics, lambda seen: seen["cruddur_pg_connections_lost_total"] == 8)
        assert samples["cruddur_pg_backends_abandoned_total"] == 1
    client.close()
    until(metrics, lambda seen: seen["cruddur_pg_connections_opened_total"] >= 16)
    api.get("/api/activities/home").expect(200)
    gate.close()


def test_promtool_finds_nothing_to_say(watched, database):
    """After requests that fill every family of metrics."""
    server, api, _ = watched()
    wait_until_connected(server)
    user = database.add_user()
    api.get("/api/activities/notifications").expect(401)
    api.post("/api/activities", user.token(), json={"message": "x", "ttl": "1-day"}).expect(200)
    with urllib.request.urlopen(f"http://127.0.0.1:{watched.port}/metrics", timeout=10) as answer:
        page = answer.read()
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    names = [line.split()[2] for line in page.decode().splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) > 40, json.dumps(names)
    assert "microseconds" not in page.decode()
    document = (PROJECT / "docs" / "production.md").read_text()
    assert [name for name in names if f"`{name}" not in document] == []
