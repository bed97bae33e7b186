"""Traces: what each has a span for, what is passed on to whom, and what a failure leaves behind."""

import json
import uuid

import pytest

from harness.dynamo_proxy import DynamoProxy, Fault
from harness.jwks import JwksServer
from harness.tokens import SigningKey, token_for
from harness.watchers import Collector, Rollbar, XrayDaemon, otlp_problems, xray_problems
from message_stores import DynamoStore, dynalite  # noqa: F401 (fixture)
from test_messages import listed, send, start

TRACE = "5759e988bd862e3fe1be46a994272793"  # begins with a time, as X-Ray wants it
CALLER = "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": "vendor=value,other=1"}
NOT_SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
NOTIFICATIONS = "/api/activities/notifications"


@pytest.fixture(name="watchers")
def make_watchers():
    """A collector and an X-Ray daemon that keep to what their services document."""
    collector, xray = Collector(), XrayDaemon()
    yield collector, xray
    collector.close()
    xray.close()
    assert not collector.problems
    assert not xray.problems


@pytest.fixture(name="traced_api")
def make_traced_api(watchers, start_api):
    collector, xray = watchers

    def start_traced(**changes):
        return start_api(
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            AWS_XRAY_DAEMON_ADDRESS=xray.address,
            OTEL_SERVICE_NAME="backend",
            **{"CRUDDUR_TRUSTED_PROXIES": "127.0.0.1", **changes},
        )

    return start_traced


@pytest.fixture(name="pair")
def make_pair(database):
    return database.add_user(), database.add_user()


@pytest.fixture(name="pool")
def make_pool(key):
    server = JwksServer([key])
    yield server
    server.close()


@pytest.fixture(name="dynamo")
def make_dynamo(dynalite):  # noqa: F811
    """A proxy in front of the emulator, and the settings that lead there."""
    proxy = DynamoProxy(dynalite.port)
    store = DynamoStore(dynalite)
    yield proxy, {**store.settings(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
    proxy.close()


def named(name, **values):
    def matches(item):
        return item["name"] == name and values.items() <= item.get("values", {}).items()

    return matches


def check_passed_on(headers, parent, flags="01"):
    assert headers["traceparent"] == f"00-{TRACE}-{parent}-{flags}"
    root = f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={parent};Sampled={flags[1]}"
    assert headers["X-Amzn-Trace-Id"] == root


# --- Postgres ---


def test_statements_of_messages_in_postgres(traced_api, watchers, database, pair):
    name = database.value("select current_database()")
    collector, _ = watchers
    _, api = traced_api()
    group = start(api, *pair)
    send(api, pair[1], group)
    listed(api, group, pair[0])
    for route, statement in (
        ("POST /api/messages", "postgres messages/start"),
        ("POST /api/messages", "postgres messages/send"),
        ("GET /api/messages/:uuid", "postgres messages/list"),
    ):
        call = collector.wait_for(named(statement))
        request = collector.wait_for(lambda item, call=call: item["spanId"] == call["parentSpanId"])
        assert request["name"] == route
        assert call["values"]["db.system.name"] == "postgresql"
        assert call["values"]["db.operation.name"] == statement.partition(" ")[2]
        assert call["values"]["db.namespace"] == name
        assert call["values"]["server.port"] == 5432


# --- DynamoDB ---


def test_operations_of_dynamodb_and_what_is_passed_on(traced_api, watchers, dynamo, pair):
    collector, xray = watchers
    proxy, settings = dynamo
    _, api = traced_api(**settings)
    body = {"message": "Hello.", "handle": pair[1].handle}
    api.post("/api/messages", pair[0].token(), json=body, headers=SAMPLED).expect(200)
    request = collector.wait_for(named("POST /api/messages"))
    users = collector.wait_for(named("postgres users/by_sub+users/short"))
    assert users["parentSpanId"] == request["spanId"]
    put = collector.wait_for(named("DynamoDB PutItem"))
    assert (put["traceId"], put["parentSpanId"], put["kind"]) == (TRACE, request["spanId"], 3)
    assert put["values"]["db.system.name"] == "aws.dynamodb"
    assert put["values"]["db.operation.name"] == "PutItem"
    assert put["values"]["db.collection.name"] == settings["DDB_MESSAGE_TABLE"]
    assert put["values"]["rpc.system.name"] == "aws-api"
    assert put["values"]["url.full"] == f"{proxy.url}/"
    assert put["values"]["rpc.method"] == "PutItem"
    assert put["values"]["http.response.status_code"] == 200
    segment = xray.wait_for(lambda item: item["name"] == "DynamoDB" and item["id"] == put["spanId"])
    assert (segment["namespace"], segment["aws"]["operation"]) == ("aws", "PutItem")
    assert segment["aws"]["table_name"] == settings["DDB_MESSAGE_TABLE"]
    assert segment["aws"]["region"] == put["values"]["cloud.region"]
    assert len(proxy.calls) > 2
    for call in proxy.calls:
        span_id = call.headers["traceparent"].split("-")[2]
        span = collector.wait_for(lambda item, span_id=span_id: item["spanId"] == span_id)
        assert span["name"] == f"DynamoDB {call.operation}"
        check_passed_on(call.headers, span_id)
        assert call.headers["tracestate"] == SAMPLED["tracestate"]
        assert "traceparent" not in call.headers["Authorization"]  # no part of the signature


def test_repeats_of_an_operation_are_one_span(traced_api, watchers, dynamo, pair):
    collector, xray = watchers
    proxy, settings = dynamo
    failures = iter([Fault.THROTTLE, Fault.FAIL_BEFORE])
    proxy.plan = lambda call: next(failures, None)
    _, api = traced_api(**settings)
    listing = api.get("/api/message_groups", pair[0].token(), headers=SAMPLED)
    listing.expect(200)
    span = collector.wait_for(named("DynamoDB Query"))
    assert span["values"]["http.request.resend_count"] == 2
    assert "status" not in span
    assert {call.headers["traceparent"] for call in proxy.calls} == {
        f"00-{TRACE}-{span['spanId']}-01"
    }
    assert xray.wait_for(lambda item: item["id"] == span["spanId"])["aws"]["retries"] == 2


def test_an_operation_that_fails_to_the_end(traced_api, watchers, dynamo, pair):
    collector, xray = watchers
    proxy, settings = dynamo
    proxy.plan = lambda call: Fault.FAIL_BEFORE
    _, api = traced_api(**{**settings, "CRUDDUR_DDB_DEADLINE_MS": "1000"})
    api.get("/api/message_groups", pair[0].token(), headers=SAMPLED).expect(503)
    span = collector.wait_for(named("DynamoDB Query"))
    assert span["status"] == {"code": 2}
    assert span["values"]["error.type"] == "InternalServerError"
    assert xray.wait_for(lambda item: item["id"] == span["spanId"])["fault"] is True


def test_what_the_caller_does_not_sample_is_passed_on_as_such(traced_api, watchers, dynamo, pair):
    collector, xray = watchers
    proxy, settings = dynamo
    server, api = traced_api(**settings)
    api.get("/api/message_groups", pair[0].token(), headers=NOT_SAMPLED).expect(200)
    for call in proxy.calls:
        check_passed_on(call.headers, call.headers["traceparent"].split("-")[2], "00")
        assert "tracestate" not in call.headers
    server.stop()
    assert not any(item["traceId"] == TRACE for item in collector.items)
    assert not any(TRACE[8:] in item["trace_id"] for item in xray.items)


def test_a_trace_is_passed_on_where_nothing_is_recorded(start_api, dynamo, pair):
    proxy, settings = dynamo
    _, api = start_api(**settings)
    api.get("/api/message_groups", pair[0].token(), headers=SAMPLED).expect(200)
    for call in proxy.calls:
        check_passed_on(call.headers, CALLER)
        assert call.headers["tracestate"] == SAMPLED["tracestate"]
    proxy.reset()
    api.get("/api/message_groups", pair[0].token()).expect(200)
    assert not any("traceparent" in call.headers for call in proxy.calls)


@pytest.mark.parametrize("state", ["x=" + "y" * 600, "x=\u00e9"])
def test_a_tracestate_that_is_none_is_not_passed_on(start_api, dynamo, pair, state):
    proxy, settings = dynamo
    _, api = start_api(**settings)
    headers = {**SAMPLED, "tracestate": state}
    api.get("/api/message_groups", pair[0].token(), headers=headers).expect(200)
    assert proxy.calls
    for call in proxy.calls:
        check_passed_on(call.headers, CALLER)
        assert "tracestate" not in call.headers


# --- The pool's keys ---


def test_the_first_fetch_of_the_keys_is_a_trace_of_its_own(traced_api, watchers, pool):
    collector, xray = watchers
    traced_api(AWS_COGNITO_JWKS_URL=pool.url)
    root = collector.wait_for(named("load the user pool's keys"))
    call = collector.wait_for(named("GET jwks"))
    assert (root["kind"], call["kind"]) == (1, 3)
    assert "parentSpanId" not in root
    assert (call["traceId"], call["parentSpanId"]) == (root["traceId"], root["spanId"])
    assert call["values"]["server.address"] == "127.0.0.1"
    assert call["values"]["server.port"] == pool.port
    assert call["values"]["url.full"] == pool.url
    assert call["values"]["http.response.status_code"] == 200
    assert pool.headers["traceparent"] == f"00-{root['traceId']}-{call['spanId']}-01"
    segment = xray.wait_for(lambda item: item["id"] == root["spanId"])
    assert segment["name"] == "backend"
    subsegment = xray.wait_for(lambda item: item["id"] == call["spanId"])
    assert (subsegment["name"], subsegment["namespace"]) == ("127.0.0.1", "remote")


def test_a_fetch_that_a_request_asks_for_is_part_of_its_trace(
    traced_api, watchers, pool, key, pair
):
    collector, _ = watchers
    _, api = traced_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(NOTIFICATIONS, pair[0].token()).expect(200)
    new = SigningKey()
    pool.keys = [new, key]
    api.get(NOTIFICATIONS, token_for(new, pair[0].sub), headers=SAMPLED).expect(200)
    request = collector.wait_for(
        lambda item: item["name"] == f"GET {NOTIFICATIONS}" and item["traceId"] == TRACE
    )
    call = collector.wait_for(lambda item: item["name"] == "GET jwks" and item["traceId"] == TRACE)
    assert call["parentSpanId"] == request["spanId"]
    check_passed_on(pool.headers, call["spanId"])
    assert pool.headers["tracestate"] == SAMPLED["tracestate"]


def test_a_fetch_that_fails(traced_api, watchers, pool):
    collector, _ = watchers
    pool.mode = "error"
    traced_api(AWS_COGNITO_JWKS_URL=pool.url)
    call = collector.wait_for(named("GET jwks"))
    assert call["status"] == {"code": 2}
    assert call["values"]["http.response.status_code"] == 500


# --- Which requests ---


def test_a_failure_has_a_span_when_others_are_not_sampled(traced_api, watchers):
    collector, xray = watchers
    server, api = traced_api(
        OTEL_TRACES_SAMPLER_ARG="0.000000001", CONNECTION_URL="host=/nonexistent dbname=cruddur"
    )
    assert server.log.wait_for(message="postgres not connected")
    api.get("/api/health-check").expect(200)
    answer = api.get("/api/activities/home")
    answer.expect(503)
    span = collector.wait_for(named("GET /api/activities/home"))
    assert span["values"]["request.id"] == answer.header("X-Request-Id")
    assert xray.wait_for(lambda item: item["id"] == span["spanId"])["fault"] is True
    server.stop()
    assert not any(item["name"] == "GET /api/health-check" for item in collector.items)


def test_traces_a_second_are_bounded(traced_api, watchers):
    """One a second is begun: of a hundred requests that follow each other, not all."""
    collector, _ = watchers
    server, api = traced_api(CRUDDUR_TRACES_PER_SECOND="1", CRUDDUR_LOOPS="1")
    for _ in range(100):
        api.get("/api/health-check").expect(200)
    server.stop()
    traced = [item for item in collector.items if item["name"] == "GET /api/health-check"]
    assert len(traced) < 100


# --- What is said of a request ---


def test_a_request_is_described_by_the_conventions(traced_api, watchers, database):
    collector, _ = watchers
    server, api = traced_api()
    handle = database.add_user().handle
    api.get(f"/api/users/@{handle}/short", headers=SAMPLED).expect(200)
    span = collector.wait_for(lambda item: item["traceId"] == TRACE and item["kind"] == 2)
    assert span["name"] == "GET /api/users/@:handle/short"
    assert span["traceState"] == SAMPLED["tracestate"]
    values = span["values"]
    assert values["url.path"] == "/api/users/@REDACTED/short"
    assert (values["url.scheme"], values["http.route"]) == ("http", "/api/users/@:handle/short")
    assert (values["server.address"], values["server.port"]) == ("127.0.0.1", server.port)
    assert "error.type" not in values
    assert handle not in json.dumps(collector.requests)


@pytest.mark.parametrize("method, shown, name", [("GET", "GET", "GET"), ("BREW", "_OTHER", "HTTP")])
def test_a_request_for_no_route_has_none(traced_api, watchers, method, shown, name):
    collector, _ = watchers
    _, api = traced_api()
    api.exchange(method, "/nowhere/andrew", None, SAMPLED)
    span = collector.wait_for(lambda item: item["traceId"] == TRACE)
    assert span["name"] == name
    assert span["values"]["http.request.method"] == shown
    assert "http.route" not in span["values"]
    assert span["values"]["url.path"] == "/REDACTED"


# --- A failure, from the answer to everything that tells of it ---

BREAK = """
create function public.break_for_test() returns trigger language plpgsql as
  $$ begin raise exception 'broken for a test'; end $$;
create trigger break_for_test before insert on public.activities
  for each row when (new.message like 'break %') execute function public.break_for_test();
"""
MEND = "drop trigger break_for_test on public.activities; drop function public.break_for_test()"


@pytest.fixture(name="broken")
def break_database(database):
    database.run(BREAK)
    yield
    database.run(MEND)


def test_a_500_leads_to_its_line_span_segment_and_item(
    traced_api, watchers, database, broken
):
    collector, xray = watchers
    rollbar = Rollbar()
    server, api = traced_api(
        ROLLBAR_ACCESS_TOKEN="secret-token", ROLLBAR_API_URL=rollbar.url + "/api/1/item/"
    )
    user = database.add_user()
    secret = "nobody-else-reads-" + uuid.uuid4().hex
    token = user.token()
    answer = api.post("/api/activities", token, json={"message": f"break {secret}", "ttl": "1-day"})
    answer.expect(500, ["generic_500"])
    request_id = answer.header("X-Request-Id")

    line = server.log.wait_for(message="request", request_id=request_id)
    assert (line["status"], line["route"]) == (500, "/api/activities")
    assert server.log.wait_for(message="internal error", request_id=request_id)
    mine = {"request.id": request_id}
    span = collector.wait_for(named("POST /api/activities", **mine))
    assert span["status"] == {"code": 2}
    assert span["values"]["http.response.status_code"] == 500
    call = collector.wait_for(lambda item: item.get("parentSpanId") == span["spanId"])
    assert call["name"].startswith("postgres ") and call["status"] == {"code": 2}
    assert call["values"]["db.response.status_code"] == call["values"]["error.type"] == "P0001"
    assert span["values"]["error.type"] == "500"
    segment = xray.wait_for(
        lambda item: item.get("annotations", {}).get("request_id") == request_id
    )
    assert segment["id"] == span["spanId"]
    assert segment["trace_id"] == f"1-{span['traceId'][:8]}-{span['traceId'][8:]}"
    assert segment["fault"] is True
    item = rollbar.wait_for(lambda item: item["custom"]["request_id"] == request_id)
    assert item["level"] == "error"
    assert item["body"]["message"]["body"] == "POST /api/activities answered 500"

    api.close()
    server.stop()
    rollbar.close()
    assert not rollbar.problems
    told = json.dumps([collector.requests, xray.items, rollbar.items])
    private = [secret, user.sub, user.handle, user.display_name, *token.split(".")]
    for text in private:
        assert text not in told
    for text in (secret, user.handle, *token.split(".")):
        assert text not in server.log.text() + server.errors


# --- The judges ---

SPAN = {
    "traceId": TRACE,
    "spanId": CALLER,
    "name": "x",
    "kind": 2,
    "startTimeUnixNano": "1795400336000000000",
    "endTimeUnixNano": "1795400336000000000",
    "attributes": [{"key": "server.port", "value": {"intValue": "1"}}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"traceId": TRACE[:-2]},
        {"spanId": "0" * 16},
        {"parentSpanId": CALLER.upper()},
        {"kind": 7},
        {"kind": "SPAN_KIND_SERVER"},
        {"startTimeUnixNano": 1795400336000000000},
        {"endTimeUnixNano": "1695400336000000000"},
        {"status": {"code": 3}},
        {"state": "unknown"},
        {"attributes": [{"key": "server.port", "value": {"intValue": 1}}]},
        {"attributes": [{"key": "server.port", "value": {"textValue": "1"}}]},
        {"attributes": SPAN["attributes"] * 2},
        {"attributes": [{"key": "no.such.name", "value": {"intValue": "1"}}]},
        {"attributes": [{"key": "db.system", "value": {"stringValue": "postgresql"}}]},
    ],
)
def test_what_otlp_does_not_know_is_found(changes):
    def request(span):
        return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    assert not otlp_problems([request(SPAN)])
    assert otlp_problems([request({**SPAN, **changes})])


SEGMENT = {
    "name": "backend",
    "id": CALLER,
    "trace_id": f"1-{TRACE[:8]}-{TRACE[8:]}",
    "start_time": 1795400336.5,
    "end_time": 1795400336.5,
}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "who?"},
        {"name": "x" * 201},
        {"id": CALLER + "0"},
        {"trace_id": TRACE},
        {"start_time": "1795400336"},
        {"end_time": 1695400336.5},
        {"namespace": "remote"},
        {"type": "subsegment"},
        {"type": "subsegment", "parent_id": CALLER, "namespace": "local"},
        {"type": "subsegment", "parent_id": CALLER, "aws": {"operation": "Query"}},
        {"annotations": {"request-id": "x"}},
        {"http": {"response": {"status": "200"}}},
        {"state": "unknown"},
    ],
)
def test_what_x_ray_does_not_know_is_found(changes):
    assert not xray_problems(SEGMENT)
    assert xray_problems({**SEGMENT, **changes})


@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.0.0.0/8"])
def test_a_stranger_does_not_decide_what_is_recorded(traced_api, watchers, trusted):
    """Its trace goes on, but whether it is recorded is decided here, and for trusted proxies there."""
    collector, _ = watchers
    server, api = traced_api(CRUDDUR_TRUSTED_PROXIES=trusted, OTEL_TRACES_SAMPLER_ARG="0")
    root = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    for _ in range(20):
        api.get("/api/health-check", headers=SAMPLED).expect(200)
        api.get("/api/health-check", headers={"X-Amzn-Trace-Id": root}).expect(200)
    server.stop()
    assert len(collector.items) == (40 if trusted == "127.0.0.1" else 0)


def test_a_stranger_does_not_keep_its_failures_secret(traced_api, watchers):
    collector, _ = watchers
    _, api = traced_api(
        CRUDDUR_TRUSTED_PROXIES=None, CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    api.get("/api/activities/home", headers=NOT_SAMPLED).expect(503)
    span = collector.wait_for(named("GET /api/activities/home"))
    assert (span["traceId"], span["parentSpanId"]) == (TRACE, CALLER)
