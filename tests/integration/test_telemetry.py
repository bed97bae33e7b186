"""What watchers are told: traces to OTLP and X-Ray, items to Rollbar, counters to Prometheus."""

import json
import re
import signal
import socket
import subprocess
import urllib.request

import pytest

from harness.api import Api
from harness.description import PROJECT
from harness.server import BINARY, Server, run
from harness.watchers import Collector, Rollbar, XrayDaemon

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()
    assert not collector.problems


@pytest.fixture
def xray():
    daemon = XrayDaemon()
    yield daemon
    daemon.close()
    assert not daemon.problems


@pytest.fixture
def rollbar():
    rollbar = Rollbar()
    yield rollbar
    rollbar.close()
    assert not rollbar.problems


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def metrics_of(port):
    """Prometheus's samples: {'name{labels}': value}."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = answer.read().decode().splitlines()
    samples = {}
    for line in lines:
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            samples[name] = float(value)
    return samples


def test_a_request_and_its_statement_are_spans_of_the_callers_trace(
    start_server, collector, description
):
    server = start_server(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_EXPORTER_OTLP_HEADERS="x-honeycomb-team=a%20key, x-other=b",
        OTEL_SERVICE_NAME="backend-flask",
        FLASK_ENV="production",
        CRUDDUR_TRUSTED_PROXIES="127.0.0.1",
    )
    api = Api(server.port, description)
    answer = api.get("/api/activities/home", headers={"traceparent": TRACEPARENT})
    request_id = answer.header("X-Request-Id")
    span = collector.wait_for(lambda item: item["name"] == "GET /api/activities/home")
    statement = collector.wait_for(lambda item: item["name"] == "postgres activities/home")
    assert span["traceId"] == statement["traceId"] == TRACE
    assert span["parentSpanId"] == CALLER
    assert statement["parentSpanId"] == span["spanId"]
    assert (span["kind"], statement["kind"]) == (2, 3)
    assert span["values"]["http.response.status_code"] == 200
    assert span["values"]["request.id"] == request_id
    assert span["resource"]["service.name"] == "backend-flask"
    assert span["headers"]["x-honeycomb-team"] == "a key"
    assert span["headers"]["x-other"] == "b"
    api.close()


def test_what_is_buffered_is_sent_when_the_server_stops(start_server, collector, description):
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    api = Api(server.port, description)
    api.get("/api/health-check").expect(200)
    api.close()
    server.stop()
    assert any(item["name"] == "GET /api/health-check" for item in collector.items)


def test_a_caller_that_does_not_sample_is_not_traced(start_server, collector, description):
    server = start_server(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, CRUDDUR_TRUSTED_PROXIES="127.0.0.1"
    )
    api = Api(server.port, description)
    api.get("/api/health-check", headers={"traceparent": TRACEPARENT[:-1] + "0"}).expect(200)
    api.close()
    server.stop()
    assert not any(item["traceId"] == TRACE for item in collector.items)


def test_a_ratio_of_zero_begins_no_trace(start_server, collector, description):
    server = start_server(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_TRACES_SAMPLER_ARG="0"
    )
    api = Api(server.port, description)
    api.get("/api/health-check").expect(200)
    api.close()
    server.stop()
    assert collector.items == []


@pytest.mark.parametrize("mode", ["error", "hang", "down"])
def test_a_sick_collector_changes_nothing_but_the_count_of_drops(
    start_server, collector, description, mode
):
    collector.mode = mode
    port = free_port()
    url = f"http://127.0.0.1:{free_port()}" if mode == "down" else collector.url
    server = start_server(OTEL_EXPORTER_OTLP_ENDPOINT=url, METRICS_PORT=port)
    api = Api(server.port, description)
    for _ in range(20):
        api.get("/api/activities/home").expect(200)
    if mode != "hang":
        assert server.log.wait_for(message="the trace collector takes no spans")
        samples = metrics_of(port)
        assert samples["cruddur_trace_spans_dropped_total"] > 0
        assert samples["cruddur_trace_spans_total"] >= 20
    api.close()
    server.stop()


def test_spans_are_kept_for_a_hanging_collector_up_to_a_bound(
    start_server, collector, description
):
    """Two requests of 512 spans are under way, 2,048 spans wait, and the rest is dropped."""
    collector.mode = "hang"
    port = free_port()
    server = start_server(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        METRICS_PORT=port,
        CRUDDUR_TRACES_PER_SECOND="0",
        CRUDDUR_LOOPS="1",
    )
    api = Api(server.port, description)
    for _ in range(3200):
        api.exchange("GET", "/api/health-check", None, {})
    samples = metrics_of(port)
    assert samples["cruddur_trace_spans_total"] >= 3200
    assert samples["cruddur_trace_spans_dropped_total"] >= 3200 - 3072
    api.close()
    server.stop()


def test_x_ray_gets_segments_and_subsegments(start_server, xray, description):
    server = start_server(AWS_XRAY_DAEMON_ADDRESS=xray.address, OTEL_SERVICE_NAME="backend")
    api = Api(server.port, description)
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    api.get("/api/activities/home", headers={"X-Amzn-Trace-Id": header}).expect(200)
    segment = xray.wait_for(lambda item: item["name"] == "backend" and "http" in item)
    statement = xray.wait_for(
        lambda item: item.get("annotations") == {"statement": "activities/home"}
    )
    assert segment["trace_id"] == statement["trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
    assert segment["parent_id"] == "53995c3f42cd8ad8"
    assert statement["parent_id"] == segment["id"]
    assert segment["http"]["request"] == {"method": "GET", "url": "/api/activities/home"}
    assert segment["http"]["response"] == {"status": 200}
    api.close()


def test_the_rollbar_test_sends_a_warning(start_server, rollbar, description):
    server = start_server(
        ROLLBAR_ACCESS_TOKEN="secret-token",
        ROLLBAR_API_URL=rollbar.url + "/api/1/item/",
        FLASK_ENV="staging",
    )
    api = Api(server.port, description)
    answer = api.get("/rollbar/test")
    assert (answer.status, answer.body) == (200, b"Hello World!")
    item = rollbar.wait_for(lambda item: True)
    assert (item["level"], item["environment"]) == ("warning", "staging")
    assert item["token"] == "secret-token"
    assert item["custom"]["request_id"] == answer.header("X-Request-Id")
    assert item["request"] == {"method": "GET", "url": "/rollbar/test"}
    assert item["server"]["host"] == socket.gethostname()
    api.close()


def test_the_api_port_has_no_metrics(api):
    api.get("/metrics").expect(404)


@pytest.mark.parametrize(
    "setting, value",
    [("OTEL_TRACES_SAMPLER_ARG", "2"), ("AWS_XRAY_DAEMON_ADDRESS", "nowhere"), ("METRICS_PORT", "x")],
)
def test_a_bad_setting_is_named(settings, setting, value):
    done = run("serve", **{**settings, setting: value})
    assert done.returncode == 2
    assert re.search(rf"{setting}.*for example", done.stderr)


def test_an_answer_of_500_or_more_is_told_once_a_minute(start_server, rollbar, description):
    server = start_server(
        ROLLBAR_ACCESS_TOKEN="secret-token",
        ROLLBAR_API_URL=rollbar.url + "/api/1/item/",
        CONNECTION_URL="host=/nonexistent dbname=cruddur",
        CRUDDUR_LOOPS="1",
    )
    assert server.log.wait_for(message="postgres not connected")
    api = Api(server.port, description)
    for _ in range(5):
        first = api.get("/api/activities/home")
        first.expect(503, ["generic_503"])
    api.get("/api/users/@nobody/short").expect(503)
    item = rollbar.wait_for(lambda item: "short answered 503" in item["body"]["message"]["body"])
    assert item["level"] == "error"
    assert item["custom"]["request_id"]
    homes = [i for i in rollbar.items if "home answered 503" in i["body"]["message"]["body"]]
    assert len(homes) == 1
    api.close()


def test_items_a_minute_are_bounded_and_drops_are_counted(start_server, rollbar, description):
    port = free_port()
    server = start_server(
        ROLLBAR_ACCESS_TOKEN="secret-token",
        ROLLBAR_API_URL=rollbar.url + "/api/1/item/",
        CRUDDUR_LOOPS="1",
        METRICS_PORT=port,
    )
    api = Api(server.port, description)
    for _ in range(40):
        assert api.get("/rollbar/test").status == 200
    assert metrics_of(port)["cruddur_rollbar_items_dropped_total"] == 10
    api.close()
    server.stop()
    assert len(rollbar.items) == 30  # what was on its way arrives before the end


@pytest.mark.parametrize("mode", ["error", "hang"])
def test_a_sick_rollbar_changes_nothing(start_server, rollbar, description, mode):
    rollbar.mode = mode
    port = free_port()
    server = start_server(
        ROLLBAR_ACCESS_TOKEN="secret-token",
        ROLLBAR_API_URL=rollbar.url + "/api/1/item/",
        METRICS_PORT=port,
    )
    api = Api(server.port, description)
    assert api.get("/rollbar/test").body == b"Hello World!"
    api.get("/api/activities/home").expect(200)
    if mode == "error":
        assert server.log.wait_for(message="rollbar did not take an item")
        assert metrics_of(port)["cruddur_rollbar_items_dropped_total"] == 1
    api.close()
    server.stop()


def test_a_daemon_that_is_not_there_costs_segments_alone(start_server, description):
    """Datagrams to a closed port are refused by the kernel, at the next one."""
    port = free_port()
    nobody = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nobody.bind(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % nobody.getsockname()[1]
    nobody.close()
    server = start_server(AWS_XRAY_DAEMON_ADDRESS=address, METRICS_PORT=port)
    api = Api(server.port, description)
    samples = {"cruddur_xray_segments_dropped_total": 0}
    for _ in range(5000):  # segments leave together, now and then
        api.get("/api/health-check").expect(200)
        samples = metrics_of(port)
        if samples["cruddur_xray_segments_dropped_total"] > 0:
            break
    assert 0 < samples["cruddur_xray_segments_dropped_total"] <= samples["cruddur_trace_spans_total"]
    api.close()


without_sanitizer = pytest.mark.skipif(
    b"__asan_init" in BINARY.read_bytes() or b"__tsan_init" in BINARY.read_bytes(),
    reason="sanitizers have handlers of their own",
)


@without_sanitizer
def test_an_overflow_on_another_loop_leaves_a_last_line(settings, tmp_path):
    library, report = tmp_path / "overflow.so", tmp_path / "crash.json"
    source = PROJECT / "tests" / "preload" / "overflow.c"
    command = ["cc", "-shared", "-fPIC", "-O0", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    done = run("serve", **{**settings, "CRUDDUR_CRASH_FILE": report, "LD_PRELOAD": library})
    assert done.returncode == -signal.SIGSEGV
    assert json.loads(report.read_text())["signal"] == "SIGSEGV"
    assert report.read_text() in done.stdout


@without_sanitizer
def test_a_crash_leaves_a_last_line_and_is_told_at_the_next_start(
    settings, rollbar, tmp_path
):
    watched = {
        **settings,
        "ROLLBAR_ACCESS_TOKEN": "secret-token",
        "ROLLBAR_API_URL": rollbar.url + "/api/1/item/",
        "CRUDDUR_CRASH_FILE": str(tmp_path / "crash.json"),
    }
    crashing = Server(**watched)
    crashing.process.send_signal(signal.SIGSEGV)
    assert crashing.wait() == -signal.SIGSEGV
    line = next(json.loads(line) for line in crashing.log.strange if "crashed" in line)
    assert (line["message"], line["signal"]) == ("crashed", "SIGSEGV")
    assert all(re.fullmatch("0x[0-9a-f]+", frame) for frame in line["backtrace"])
    assert len(line["backtrace"]) > 2
    again = Server(**watched)
    assert again.log.wait_for(message="the last run crashed")
    item = rollbar.wait_for(lambda item: item["level"] == "critical")
    assert "SIGSEGV" in item["body"]["message"]["body"]
    again.stop()
    third = Server(**watched)
    third.stop()
    assert not third.log.find(message="the last run crashed")
