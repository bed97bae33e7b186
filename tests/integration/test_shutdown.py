"""SIGTERM: what is in work is answered, then the process ends with 0."""

import contextlib
import signal
import socket

import pytest

from harness.feed import Checked
from harness.load import Load
from harness.people import TableLock
from harness.raw import RawConnection, get, request
from harness.watchers import Collector, Rollbar

HOME = "/api/activities/home"


def start_prepared(start_server, **changes):
    """A server whose Postgres connections are all ready: a lock then stops requests alone."""
    server = start_server(CRUDDUR_PG_CONNECTIONS=8, **changes)
    server.wait_until_connected()
    return server


def refuses_connections(port):
    """True when nobody listens any more; polled, since a closed port sends no event."""
    import select
    import socket

    for _ in range(1500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=30).close()
        except ConnectionRefusedError:
            return True
        except ConnectionResetError:
            pass
        select.select([], [], [], 0.01)
    return False


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_idle(start_server, sig):
    server = start_server()
    server.process.send_signal(sig)
    server.expect_end()


def test_idle_with_kept_connections(start_server):
    server = start_server()
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(RawConnection(server.port)) for _ in range(20)]
        for raw in kept[:10]:
            raw.ask(get("/api/health-check")).expect(200)
        server.stop()
        assert all(raw.closed_by_peer() for raw in kept)


def test_a_balancer_is_given_time(start_server):
    """Kept and new connections are answered on, and told to close; readiness sends others away."""
    server = start_server(CRUDDUR_DRAIN_DELAY_S=5, CRUDDUR_DRAIN_TIMEOUT_S=6)
    with contextlib.ExitStack() as stack:
        first, second, silent = [stack.enter_context(RawConnection(server.port)) for _ in range(3)]
        for raw in (first, second, silent):
            raw.ask(get("/api/health-check")).expect(200)
        server.terminate()
        server.log.wait_for(message="stopping")
        for path, raw, status in (
            ("/api/health-check", first, 200),
            ("/api/readiness", second, 503),
            ("/api/readiness", stack.enter_context(RawConnection(server.port)), 503),
        ):
            answer = raw.ask(get(path))
            answer.expect(status)
            assert answer.header("Connection") == "close"
            assert raw.closed_by_peer()
        assert server.running()
        server.expect_end()
        assert silent.closed_by_peer()
    assert not server.log.find(message="requests still in work when the time to drain was over")
    told = server.log.find(route="/api/readiness", status=503)
    assert [event["level"] for event in told] == ["info", "info"]  # no failures


def test_a_queue_of_new_connections_is_answered(start_server):
    """What the kernel has taken for us is not reset when nobody listens any more."""
    server = start_server(CRUDDUR_LOOPS=1, CRUDDUR_DRAIN_DELAY_S=1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(RawConnection(server.port)).ask(get("/api/health-check")).expect(200)
        server.process.send_signal(signal.SIGSTOP)
        queued = [stack.enter_context(RawConnection(server.port)) for _ in range(60)]
        for raw in queued:
            raw.send(get("/api/health-check"))
        server.terminate()
        server.process.send_signal(signal.SIGCONT)
        for raw in queued:
            raw.read_answer().expect(200)
        server.expect_end()


def test_in_flight_answers_complete(start_server, database):
    user = database.add_user()
    activity = database.add_activity(user, "before the end")
    server = start_prepared(start_server)
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(RawConnection(server.port)) for _ in range(10)]
        writer = stack.enter_context(RawConnection(server.port))
        with TableLock(database):
            for raw in waiting:
                raw.send(get(f"/api/activities/@{user.handle}/status/{activity}"))
            writer.send(
                request(
                    "POST", "/api/activities", b'{"message":"the last","ttl":"1-day"}',
                    Authorization=f"Bearer {user.token()}", Content_Type="application/json",
                )
            )  # fmt: skip
            database.wait_for_blocked(2)
            wait_until_read(server, waiting + [writer])
            server.terminate()
            assert refuses_connections(server.port)
        for raw in waiting:
            answer = raw.read_answer()
            assert answer.expect(200)["activity"]["message"] == "before the end"
            assert raw.closed_by_peer()
        posted = writer.read_answer().expect(200)
        assert posted["message"] == "the last"
        server.expect_end()
    assert database.value(
        "select count(*) from public.activities where uuid = %s", posted["uuid"]
    ) == 1  # fmt: skip


def wait_until_read(server, connections):
    """Waits until the server has taken every byte that was sent to it."""
    import fcntl
    import select
    import struct
    import termios

    for raw in connections:
        for _ in range(3000):
            unsent = fcntl.ioctl(raw.socket, termios.TIOCOUTQ, b"\0" * 4)
            if struct.unpack("i", unsent)[0] == 0:
                break
            select.select([], [], [], 0.01)
    # Taken by the kernel is not yet read by the server: each loop answers one more request.
    for _ in range(8):
        with RawConnection(server.port) as probe:
            probe.ask(get("/api/health-check")).expect(200)


def test_what_does_not_complete_is_answered_503(start_server, database):
    """The drain has an end: a request that hangs longer gets a 503, and the exit code is 0."""
    server = start_prepared(
        start_server, CRUDDUR_DRAIN_TIMEOUT_S=1, CRUDDUR_PG_DEADLINE_MS=60000
    )
    with RawConnection(server.port) as raw, TableLock(database):
        raw.send(get(HOME))
        database.wait_for_blocked()
        server.terminate()
        answer = raw.read_answer()
        answer.expect(503, ["generic_503"])
        assert answer.header("Retry-After")
        server.expect_end()


@pytest.mark.parametrize("time", range(3))
def test_under_load(start_api, database, time):  # pylint: disable=unused-argument
    """Kept connections ask on and on: the last requests come while the server closes."""
    checked = Checked(database, 8)
    server, api = start_api()
    with Load(api, checked.step, clients=12) as load:
        load.wait_for(200, more=200)
        server.terminate()
        server.expect_end()
    assert set(load.statuses) <= {200, 503}


def test_under_load_that_does_not_end(start_api, database):
    """When the time to drain is over, whoever still waits is answered 503, and new ones as well."""
    checked = Checked(database, 8)
    server, api = start_api(
        CRUDDUR_DRAIN_TIMEOUT_S=1, CRUDDUR_PG_DEADLINE_MS=60000, CRUDDUR_PG_CONNECTIONS=8
    )
    with Load(api, checked.step, clients=12) as load:
        load.wait_for(200, more=100)
        with TableLock(database):
            database.wait_for_blocked()
            server.terminate()
            server.expect_end()
    assert set(load.statuses) <= {200, 503}


def test_in_the_middle_of_a_request(start_server):
    """Half-sent requests do not hold the end up."""
    server = start_server(CRUDDUR_DRAIN_TIMEOUT_S=2)
    with contextlib.ExitStack() as stack:
        for part in (b"GET /api/he", b"POST /api/activities HTTP/1.1\r\nHost: x\r\n"):
            stack.enter_context(RawConnection(server.port)).send(part)
        body = stack.enter_context(RawConnection(server.port))
        body.send(
            b"POST /api/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        with RawConnection(server.port) as probe:
            probe.ask(get("/api/health-check")).expect(200)
        server.stop()


def test_twice(start_server, database):
    server = start_prepared(
        start_server, CRUDDUR_PG_DEADLINE_MS=60000, CRUDDUR_DRAIN_TIMEOUT_S=2
    )
    with RawConnection(server.port) as raw, TableLock(database):
        raw.send(get(HOME))
        database.wait_for_blocked()
        server.terminate()
        server.log.wait_for(message="stopping")
        server.terminate()
        server.expect_end(0, -signal.SIGTERM)  # asked twice: at once


def test_exporters_that_hang(start_server):
    """Neither the collector nor Rollbar is waited for longer than a moment."""
    collector, rollbar = Collector(), Rollbar()
    collector.mode = rollbar.mode = "hang"
    server = start_server(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        ROLLBAR_API_URL=rollbar.url + "/api/1/item/",
        ROLLBAR_ACCESS_TOKEN="0123456789abcdef0123456789abcdef",
    )
    try:
        with RawConnection(server.port) as raw:
            assert raw.ask(get("/rollbar/test")).status == 200
            raw.ask(get("/api/health-check")).expect(200)
        server.stop()
    finally:
        collector.close()
        rollbar.close()


def test_while_postgres_swallows_packets(start_server):
    """Whoever takes connections and says nothing is not waited for, whatever libpq was told to wait."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql://nobody@127.0.0.1:{port}/none?connect_timeout=60"
        server = start_server(CONNECTION_URL=url)
        silent.accept()
        server.terminate()
        server.expect_end()
        assert server.log.find(message="stopped; what waits for the network was not waited for")


def test_before_the_database_ever_answered(start_server):
    server = start_server(CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none")
    server.stop()


def test_at_once(start_server):
    """SIGTERM right behind the listening line."""
    for _ in range(5):
        start_server().stop()


def test_a_client_left_before(start_server, database):
    """The answer that nobody waits for any more is the last thing the server does."""
    for _ in range(5):
        server = start_server(CRUDDUR_LOOPS=1, CRUDDUR_PG_CONNECTIONS=4)
        with RawConnection(server.port) as raw:
            raw.ask(get(HOME)).expect(200)  # connected, and its statements prepared
            lock = TableLock(database)
            raw.send(get(HOME))
            database.wait_for_blocked()
        server.terminate()
        lock.release()
        server.expect_end()
