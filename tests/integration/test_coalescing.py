"""Requests for the same share a run of the handler, and each sees what was committed before it."""

import contextlib
import threading

import pytest

from conftest import FRONTEND, FRONTEND_LOCAL, default_settings
from harness.people import Database, TableLock
from harness.raw import RawConnection, get, request
from harness.watchers import Collector
from test_shutdown import refuses_connections
from test_telemetry import free_port, metrics_of

HOME = "/api/activities/home"
GATE = 7  # the advisory lock at which statements that read activities wait
TARGETS_LIMIT = 1024

# A statement waits at the gate after it has its snapshot: what is committed meanwhile it does not
# see. A row in `defects` makes it fail.
GATE_SQL = """
    create table public.defects (id integer);
    create function public.at_gate() returns boolean language plpgsql volatile as $$
    begin
      perform pg_advisory_xact_lock_shared(7);
      if exists (select from public.defects) then
        raise exception 'a defect of this test';
      end if;
      return true;
    end $$;
    alter table public.activities rename to activities_kept;
    create view public.activities as select * from public.activities_kept where public.at_gate();
"""


@pytest.fixture(scope="module", name="database")
def make_database(pg_cluster, template, key):
    database = Database(pg_cluster.fresh_database(template=template), key)
    database.run(GATE_SQL)
    user = database.add_user("somebody")
    for number in range(30):  # more than 1 KiB of feed
        database.add_activity(user, f"Crud {number}", age=number + 1, expires_in=None)
    yield database
    database.close()
    pg_cluster.drop(database.url)


@pytest.fixture(scope="module", name="settings")
def make_settings(database, jwks):
    """One loop, so that all requests may meet."""
    changes = {"CRUDDUR_LOOPS": "1", "CRUDDUR_PG_CONNECTIONS": "4", "METRICS_PORT": free_port()}
    return {**default_settings(database, jwks.url), **changes}


class Gate:
    """Holds every statement that reads activities, until it is opened."""

    def __init__(self, database):
        self.connection = database.session()
        self.run("select pg_advisory_lock(%s)")

    def run(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, (GATE,))

    def open(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.open()


class Crowd:
    """Connections to a server of one loop."""

    def __init__(self, server, stack):
        self.server = server
        self.stack = stack

    def connect(self):
        raw = self.stack.enter_context(RawConnection(self.server.port))
        raw.ask(get("/api/health-check")).expect(200)
        return raw

    def ask(self, *requests):
        """Sends each over a connection of its own; returns these when the server has them all."""
        raws = [self.connect() for _ in requests]
        for raw, data in zip(raws, requests):
            raw.send(data)
        self.wait_until_read()
        return raws

    def wait_until_read(self):
        """The loop looks at all that came before it answers what comes after: twice, because it
        answers within a turn."""
        with RawConnection(self.server.port) as raw:
            for _ in range(2):
                raw.ask(get("/api/health-check")).expect(200)


@pytest.fixture(name="crowd")
def make_crowd(server, api):
    with contextlib.ExitStack() as stack:
        yield Crowd(server, stack)


def batches(settings):
    return metrics_of(settings["METRICS_PORT"])["cruddur_pg_batches_total"]


def messages(answer):
    return [activity["message"] for activity in answer.expect(200)]


def test_a_request_joins_the_next_round_and_not_the_one_that_runs(crowd, database):
    user = database.add_user()
    with Gate(database):
        (first,) = crowd.ask(get(HOME))
        database.wait_for_blocked()
        database.add_activity(user, "Committed meanwhile.")
        (second,) = crowd.ask(get(HOME))
    assert "Committed meanwhile." not in messages(first.read_answer())
    assert "Committed meanwhile." in messages(second.read_answer())


def test_all_who_wait_cost_one_statement(crowd, database, settings):
    before = batches(settings)
    with Gate(database):
        (first,) = crowd.ask(get(HOME))
        database.wait_for_blocked()
        others = crowd.ask(*[get(HOME)] * 20)
    answers = [raw.read_answer() for raw in [first, *others]]
    assert len({answer.body for answer in answers if answer.expect(200)}) == 1
    assert batches(settings) - before == 2


def test_one_after_the_other_each_has_its_own_round(api, settings):
    before = batches(settings)
    for _ in range(3):
        api.get(HOME).expect(200)
    assert batches(settings) - before == 3


@pytest.mark.parametrize(
    "path", [HOME, "/api/activities/search?term=crud", "/api/activities/@somebody"]
)
def test_shared_pages_share(crowd, database, settings, path):
    before = batches(settings)
    with Gate(database):
        (first,) = crowd.ask(get(path))
        database.wait_for_blocked()
        others = crowd.ask(*[get(path)] * 3)
    for raw in [first, *others]:
        raw.read_answer().expect(200)
    assert batches(settings) - before == 2


def test_private_pages_do_not_share(crowd, database, settings):
    token = database.add_user().token()
    crowd.connect().ask(get("/api/activities/notifications", Authorization=f"Bearer {token}"))
    before = batches(settings)
    path = "/api/activities/notifications"
    with Gate(database):
        raws = crowd.ask(*[get(path, Authorization=f"Bearer {token}")] * 4)
    for raw in raws:
        raw.read_answer().expect(200)
    assert batches(settings) - before == 4


def test_different_queries_are_different_targets(crowd, database):
    """What the handler reads is in the key: the path, the query, and nothing else."""
    paths = [f"{HOME}?limit={limit}" for limit in range(1, 6)]
    paths += ["/api/activities/search?term=crud", "/api/activities/search?term=nothing+such"]
    with Gate(database):
        crowd.ask(*[get(path) for path in paths])
        database.wait_for_blocked()
        raws = crowd.ask(*[get(path) for path in paths * 2])
    counts = [len(raw.read_answer().expect(200)) for raw in raws]
    assert counts[: len(paths)] == counts[len(paths) :]
    assert counts[:5] == [1, 2, 3, 4, 5]
    assert counts[5] > 0 and counts[6] == 0


def test_what_is_not_found_is_shared(crowd, database, settings):
    path = "/api/users/@nobody-here/short"
    before = batches(settings)
    with TableLock(database, "users"):
        (first,) = crowd.ask(get(path))
        database.wait_for_blocked()
        others = crowd.ask(*[get(path)] * 10)
    for raw in [first, *others]:
        answer = raw.read_answer()
        answer.expect(404, ["user_not_found"])
        assert answer.header("ETag") is None and answer.header("Cache-Control") == "no-store"
    assert batches(settings) - before == 2


def test_a_bad_query_is_shared_without_a_statement(crowd, settings):
    before = batches(settings)
    raws = crowd.ask(*[get(f"{HOME}?limit=x")] * 10)
    for raw in raws:
        raw.read_answer().expect(422, ["limit_invalid"])
    assert batches(settings) == before


def test_an_error_is_everybodys_and_its_reason_is_found(crowd, server, database):
    database.run("insert into public.defects values (1)")
    ids = [f"error-{number}" for number in range(6)]
    try:
        with Gate(database):
            (first,) = crowd.ask(get(HOME, X_Request_Id=ids[0]))
            database.wait_for_blocked()
            others = crowd.ask(*[get(HOME, X_Request_Id=request_id) for request_id in ids[1:]])
        for raw, request_id in zip([first, *others], ids):
            answer = raw.read_answer()
            answer.expect(500, ["generic_500"])
            assert answer.header("X-Request-Id") == request_id
    finally:
        database.run("truncate public.defects")
    server.log.wait_for(6, message="request", status=500)
    lines = [event for event in server.log.find(status=500) if event["request_id"] in ids]
    leaders = {event.get("shared_request_id", event["request_id"]) for event in lines}
    reasons = server.log.find(message="internal error")
    assert leaders == {event["request_id"] for event in reasons}
    assert len(leaders) == len(reasons) == 2
    assert {event["request_id"] for event in lines} == set(ids)


def test_a_round_that_fails_fails_no_other(crowd, database):
    """The connection of the round that runs is lost; who waits gets an answer all the same."""
    with Gate(database):
        (first,) = crowd.ask(get(HOME))
        database.wait_for_blocked()
        others = crowd.ask(*[get(HOME)] * 5)
        database.run("insert into public.defects values (1)")
        second_gate = threading.Thread(target=lambda: gates.append(Gate(database)))
        gates = []
        second_gate.start()
        database.wait_for_blocked(2)
    first.read_answer().expect(500, ["generic_500"])
    second_gate.join()
    database.run("truncate public.defects")
    gates[0].open()
    for raw in others:
        raw.read_answer().expect(200)


@pytest.mark.parametrize("leaver", ["of the round that runs", "of the next"])
def test_who_leaves_takes_nobody_along(crowd, database, leaver):
    with Gate(database):
        (first,) = crowd.ask(get(HOME))
        database.wait_for_blocked()
        leader, *others = crowd.ask(*[get(HOME)] * 5)
        (first if leaver == "of the round that runs" else leader).reset()
        crowd.wait_until_read()
    for raw in others:
        raw.read_answer().expect(200)
    crowd.connect().ask(get(HOME)).expect(200)


def test_each_has_its_own_headers_and_coding(crowd, database, api):
    tag = api.get(HOME).header("ETag")
    wishes = [
        ("plain", {}),
        ("gzip", {"Accept_Encoding": "gzip"}),
        ("known", {"If_None_Match": tag}),
        ("known-gzip", {"If_None_Match": tag, "Accept_Encoding": "gzip"}),
        ("frontend", {"Origin": FRONTEND}),
        ("local", {"Origin": FRONTEND_LOCAL}),
        ("evil", {"Origin": "https://evil.test"}),
    ]
    requests = [get(HOME, X_Request_Id=name, **headers) for name, headers in wishes]
    with Gate(database):
        crowd.ask(get(HOME))
        database.wait_for_blocked()
        raws = crowd.ask(*requests)
        (head,) = crowd.ask(request("HEAD", HOME, X_Request_Id="head"))
        close = crowd.connect()
        close.send(get(HOME, Connection="close"))
        crowd.wait_until_read()
    answers = {name: raw.read_answer() for (name, _), raw in zip(wishes, raws)}
    for name, answer in answers.items():
        assert answer.status == (304 if name.startswith("known") else 200)
        assert answer.header("X-Request-Id") == name
        assert answer.header("ETag") == tag
        assert answer.header_items("Vary") == {"Origin", "Accept-Encoding"}
        assert answer.header("Cache-Control") == "no-cache"
        coded = answer.header("Content-Encoding")
        assert coded == ("gzip" if name == "gzip" else None)
    assert len(answers["gzip"].body) < len(answers["plain"].body)
    assert answers["known-gzip"].header("Content-Length") == answers["gzip"].header("Content-Length")
    allowed = {name: answer.header("Access-Control-Allow-Origin") for name, answer in answers.items()}
    assert {name for name, origin in allowed.items() if origin} == {"frontend", "local"}
    assert (allowed["frontend"], allowed["local"]) == (FRONTEND, FRONTEND_LOCAL)
    answer = head.read_answer("HEAD")
    assert (answer.status, answer.header("ETag")) == (200, tag)
    assert answer.header("Content-Length") == answers["plain"].header("Content-Length")
    assert close.read_answer().header("Connection", "").lower() == "close"
    assert close.closed_by_peer()


def test_the_link_to_the_next_page_is_shared(crowd, database):
    path = f"{HOME}?limit=2"
    with Gate(database):
        crowd.ask(get(path))
        database.wait_for_blocked()
        raws = crowd.ask(*[get(path)] * 3)
    links = {raw.read_answer().header("Link") for raw in raws}
    assert len(links) == 1 and 'rel="next"' in links.pop()


# --- Bounds ---


def test_the_number_of_targets_is_bounded(start_server, database):
    server = start_server(CRUDDUR_PG_QUEUE_LIMIT=10000, METRICS_PORT=0)
    server.log.wait_for(4, message="postgres connected")
    paths = [f"/api/users/@nobody-{number}/short" for number in range(TARGETS_LIMIT)]
    with contextlib.ExitStack() as stack:
        crowd = Crowd(server, stack)
        with TableLock(database, "users"):
            raws = crowd.ask(*[get(path) for path in paths])
            refused = crowd.connect().ask(get("/api/users/@one-too-many/short"))
            refused.expect(503, ["generic_503"])
            assert refused.header("Retry-After")
            (joined,) = crowd.ask(get(paths[0]))
        assert server.log.wait_for(message="too many different requests in work")
        for raw in [*raws, joined]:
            raw.read_answer().expect(404, ["user_not_found"])
        crowd.connect().ask(get("/api/users/@one-too-many/short")).expect(404)


# --- The end ---


def test_who_waits_for_a_round_is_answered_before_the_end(start_server, database):
    server = start_server(METRICS_PORT=0)
    server.log.wait_for(4, message="postgres connected")
    with contextlib.ExitStack() as stack:
        crowd = Crowd(server, stack)
        with Gate(database):
            (first,) = crowd.ask(get(HOME))
            database.wait_for_blocked()
            others = crowd.ask(*[get(HOME)] * 5)
            server.terminate()
            assert refuses_connections(server.port)
        for raw in [first, *others]:
            answer = raw.read_answer()
            answer.expect(200)
            assert answer.header("Connection") == "close"
        server.expect_end()


def test_when_the_time_to_drain_is_over_no_round_starts(start_server, database):
    server = start_server(METRICS_PORT=0, CRUDDUR_DRAIN_TIMEOUT_S=1)
    server.log.wait_for(4, message="postgres connected")
    with contextlib.ExitStack() as stack:
        crowd = Crowd(server, stack)
        with Gate(database):
            (first,) = crowd.ask(get(HOME))
            database.wait_for_blocked()
            others = crowd.ask(*[get(HOME)] * 5)
            server.terminate()
            for raw in [first, *others]:
                raw.read_answer().expect(503, ["generic_503"])
            server.expect_end()
    unavailable = server.log.find(message="postgres unavailable")
    assert len(unavailable) == 1  # of the round that ran; the next asked nothing of Postgres


# --- Traces ---


def test_the_statement_is_in_the_first_sampled_trace_and_others_link_to_it(start_server, database):
    collector = Collector()
    server = start_server(
        METRICS_PORT=0,
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_TRACES_SAMPLER_ARG="0",
        CRUDDUR_TRUSTED_PROXIES="127.0.0.1",
    )
    server.log.wait_for(4, message="postgres connected")
    traces = [f"{number:032x}" for number in range(1, 5)]
    flags = ["00", "01", "01", "00"]
    with contextlib.ExitStack() as stack:
        crowd = Crowd(server, stack)
        with Gate(database):
            crowd.ask(get(HOME, traceparent=f"00-{'f' * 32}-{'1' * 16}-00"))
            database.wait_for_blocked()
            raws = crowd.ask(
                *[
                    get(HOME, traceparent=f"00-{trace}-{'1' * 16}-{flag}")
                    for trace, flag in zip(traces, flags)
                ]
            )
        for raw in raws:
            raw.read_answer().expect(200)
        server.stop()
    statements = [span for span in collector.items if span["name"].startswith("postgres")]
    assert [span["traceId"] for span in statements] == [traces[1]]
    requests = {span["traceId"]: span for span in collector.items if span["name"] == f"GET {HOME}"}
    assert set(requests) == {traces[1], traces[2]}
    assert "links" not in requests[traces[1]]
    links = requests[traces[2]]["links"]
    assert [(link["traceId"], link["spanId"]) for link in links] == [
        (traces[1], requests[traces[1]]["spanId"])
    ]
    collector.close()
    assert not collector.problems
