"""deploy/observability: Prometheus runs with the shipped rules, and each alert fires once; it answers
every query of the dashboard, whose model is Grafana's; each alert has its section of the runbook."""

import json
import re
import subprocess
import urllib.request

import pytest
import yaml

from harness import PROJECT
from harness.api import Api
from harness.prometheus import OBSERVABILITY, WINDOW, Prometheus, SickPages
from test_telemetry import free_port

RULES = yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text())["groups"][0]["rules"]
ALERTS = {rule["alert"]: rule for rule in RULES}
DASHBOARD = json.loads((OBSERVABILITY / "dashboard.json").read_text())
RUNBOOK = (PROJECT / "docs" / "runbook.md").read_text()
VALIDATOR = PROJECT / "tests" / "grafana" / "validate.js"


def is_now(number):
    return lambda old, seconds: number


def grows(a_second):
    return lambda old, seconds: old + a_second * seconds


def slow(name, least):
    """Everything is slower than `least` seconds."""

    def grow(old, seconds):
        return old + 10 * seconds

    bounds = [bound for bound in (0.5, 1, 2.5, 5, 10) if bound > least]
    late = "|".join([re.escape(f"{bound:g}") for bound in bounds] + [r"\+Inf"])
    return [(rf'^{name}_bucket.*le="({late})"', grow), (f"^{name}_count", grow)]


# What each alert is about: samples of a real page, changed.
FAULTS = {
    "CruddurDown": None,
    "CruddurErrors": [(r'^cruddur_http_requests_total.*status="503"', grows(3))],
    "CruddurSlow": slow("cruddur_http_request_duration_seconds", 1),
    "CruddurNoPostgres": [('^cruddur_pg_connections_ready{lane="write"}', is_now(0))],
    "CruddurPostgresQueue": [
        ("^cruddur_pg_queue_seconds_total", grows(5)),
        ("^cruddur_pg_batches_total", grows(20)),
    ],
    "CruddurStatementsFail": [("^cruddur_pg_batches_failed_total", grows(1))],
    "CruddurStatementSlow": slow("cruddur_pg_statement_duration_seconds", 0.5),
    "CruddurConnectionsLost": [("^cruddur_pg_connections_lost_total", grows(3))],
    "CruddurClientsNearLimit": [
        ("^cruddur_http_connections$", is_now(900)),
        ("^cruddur_http_connections_limit", is_now(1000)),
    ],
    "CruddurDescriptorsNearLimit": [
        ("^process_open_fds", is_now(900)),
        ("^process_max_fds", is_now(1000)),
    ],
    "CruddurMemoryNearLimit": [
        ("^process_resident_memory_bytes", is_now(500e6)),
        ("^cruddur_memory_limit_bytes", is_now(512e6)),
    ],
    "CruddurAnswersUnsent": [("^cruddur_http_sending_bytes", is_now(300e6))],
    "CruddurLoopStuck": [('^cruddur_loop_lag_seconds{loop="1"}', is_now(2))],
    "CruddurLoopBusy": [('^cruddur_loop_busy_seconds_total{loop="0"}', grows(0.95))],
    "CruddurNoKeys": [("^cruddur_jwks_loaded", is_now(0))],
    "CruddurTokensRefused": [('^cruddur_auth_tokens_refused_total{reason="not three', grows(3))],
    "CruddurFetchesFail": [('^cruddur_fetch_failures_total{service="otlp"}', grows(1))],
    "CruddurTelemetryLost": [("^cruddur_trace_spans_dropped_total", grows(1))],
    "CruddurRestarts": [("^process_start_time_seconds", grows(1))],
}


@pytest.fixture(name="page", scope="module")
def make_page(settings, description):
    """The metrics of a real server that has seen good and bad requests and a dead collector."""
    from harness.server import Server

    port = free_port()
    changes = {"METRICS_PORT": port, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    server = Server(**{**settings, **changes})
    try:
        api = Api(server.port, description)
        api.get("/api/activities/home")
        api.wait_until_ready()
        api.get("/api/activities/home").expect(200)
        api.get("/api/activities/notifications", "not-a-token").expect(401)
        assert server.log.wait_for(message="the trace collector takes no spans")
        api.close()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    finally:
        server.stop()
    if 'status="503"' not in text:  # it was ready before the first request
        text = text.replace('status="401"', 'status="503"')
    return text


@pytest.fixture(name="pages", scope="module")
def serve_pages(page):
    pages = SickPages(page, FAULTS)
    yield pages
    pages.close()


@pytest.fixture(name="prometheus", scope="module")
def start_prometheus(pages):
    targets = [(name, pages.address, f"/{name}") for name in [*FAULTS, "healthy"]]
    prometheus = Prometheus(free_port(), targets)
    yield prometheus
    prometheus.close()


def test_each_alert_fires_and_a_healthy_server_is_left_alone(prometheus):
    assert FAULTS.keys() == ALERTS.keys()
    prometheus.wait_for({(name, name) for name in ALERTS})
    assert "healthy" not in {instance for _, instance in prometheus.firing()}


def test_prometheus_answers_each_query_of_the_dashboard(prometheus):
    prometheus.wait_for({(name, name) for name in ALERTS})
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    assert len(panels) > 20
    for panel in panels:
        for target in panel["targets"]:
            expression = target["expr"].replace("$instance", ".*")
            expression = expression.replace("$__rate_interval", WINDOW)
            assert "$" not in expression
            assert prometheus.query(expression), (panel["title"], expression)


def test_a_server_without_postgres_and_keys_is_noticed(start_server, description):
    """The same with a server that is sick itself, and that stops at last."""
    port, prometheus = free_port(), None
    server = start_server(
        METRICS_PORT=port,
        CONNECTION_URL="host=/nonexistent dbname=cruddur",
        AWS_COGNITO_JWKS_URL=f"http://127.0.0.1:{free_port()}/jwks.json",
    )
    try:
        prometheus = Prometheus(free_port(), [("sick", f"127.0.0.1:{port}", "/metrics")])
        prometheus.wait_for({("CruddurNoPostgres", "sick"), ("CruddurNoKeys", "sick")})
        api = Api(server.port, description)
        while ("CruddurErrors", "sick") not in prometheus.firing():
            api.get("/api/activities/home").expect(503)
        api.close()
        server.stop()
        prometheus.wait_for({("CruddurDown", "sick")})
    finally:
        if prometheus:
            prometheus.close()


@pytest.mark.parametrize("command", [("rules", "alerts.yaml"), ("config", "prometheus.yaml")])
def test_promtool_takes_the_files(command):
    done = subprocess.run(
        ["promtool", "check", command[0], OBSERVABILITY / command[1]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def grafana_problems(path):
    done = subprocess.run(
        ["node", VALIDATOR, path], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return done.stdout


def test_the_dashboard_is_one_that_grafana_knows(tmp_path):
    assert grafana_problems(OBSERVABILITY / "dashboard.json") == ""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    broken = tmp_path / "broken.json"
    text = json.dumps(DASHBOARD)
    broken.write_text(text.replace('"gridPos"', '"gridPoz"').replace('"desc"', '"downwards"'))
    problems = grafana_problems(broken)
    assert "gridPoz" in problems and "downwards" in problems


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_section_of_the_runbook(alert):
    section = RUNBOOK.split(f"\n## {alert}\n")[1].split("\n## ")[0]
    assert "**Means**" in section and "**Type**" in section and "```" in section
    assert ALERTS[alert]["annotations"]["runbook"] == f"docs/runbook.md#{alert.lower()}"


def test_the_runbook_names_what_there_is():
    """Metrics, settings, log messages in quotes and scripts exist."""
    source = "".join(path.read_text() for path in (PROJECT / "src").rglob("*.c"))
    for name in re.findall(r"`((?:cruddur|process)_[a-z_]+)", RUNBOOK):
        assert name in source, name
    for name in re.findall(r"CRUDDUR_[A-Z_]+", RUNBOOK):
        assert f'"{name}"' in source, name
    for name in re.findall(r"(?<![\w/])(bin/[\w-]+/[\w-]+)", RUNBOOK):
        assert (PROJECT / name).exists(), name
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.M) == list(ALERTS)
