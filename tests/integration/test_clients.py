"""Clients that flood, dawdle, leave or send nonsense: they harm themselves alone."""

import contextlib
import re

import pytest

from harness.people import TableLock
from harness.raw import RawConnection, get, request

HEALTH = "/api/health-check"
HOME = "/api/activities/home"


@pytest.fixture(autouse=True)
def still_healthy(server, api):
    yield
    assert server.running()
    api.get(HEALTH).expect(200)
    api.get(HOME).expect(200)


@pytest.fixture
def impatient(start_api):
    server, api = start_api(
        CRUDDUR_RECEIVE_TIMEOUT_S=1, CRUDDUR_IDLE_TIMEOUT_S=1, CRUDDUR_SEND_TIMEOUT_S=1
    )
    yield server
    assert server.running()
    api.another().get(HEALTH).expect(200)


# --- Pipelines ---


def test_pipelined_requests_are_answered_in_order(server, database):
    users = [database.add_user() for _ in range(30)]
    activities = [database.add_activity(user, f"of {user.handle}") for user in users]
    with RawConnection(server.port) as raw:
        for user, activity in zip(users, activities):
            raw.send(
                get(f"/api/users/@{user.handle}/short")
                + get(HEALTH)
                + get(f"/api/activities/@{user.handle}/status/{activity}")
                + get("/api/nothing")
                + request("HEAD", f"/api/users/@{user.handle}/short")
            )
        for user, activity in zip(users, activities):
            assert raw.read_answer().expect(200)["handle"] == user.handle
            raw.read_answer().expect(200, {"success": True, "ver": 1})
            assert raw.read_answer().expect(200)["activity"]["uuid"] == activity
            raw.read_answer().expect(404, ["generic_404"])
            assert raw.read_answer("HEAD").status == 200


def test_pipelined_posts(server, database):
    user = database.add_user()
    token = user.token()
    with RawConnection(server.port) as raw:
        for number in range(20):
            body = b'{"message":"pipelined %d","ttl":"1-hour"}' % number
            raw.send(
                request("POST", "/api/activities", body, Authorization=f"Bearer {token}",
                        Content_Type="application/json")
            )  # fmt: skip
        for number in range(20):
            assert raw.read_answer().expect(200)["message"] == f"pipelined {number}"


def test_errors_keep_the_connection(server, database):
    """Requests without a body, whatever they are answered, leave the connection to the next."""
    with RawConnection(server.port) as raw:
        for data, status in (
            (get("/api/nothing"), 404),
            (request("DELETE", HOME), 405),
            (request("OPTIONS", "/api/activities", Origin="https://x.test"), 204),
            (get("/api/activities/notifications"), 401),
            (get("/api/activities/search"), 422),
            (get("/api/users/@nobody/short"), 404),
            (request("POST", "/api/activities"), 401),
            (get(HEALTH), 200),
        ):
            answer = raw.ask(data)
            assert answer is not None, f"hung up before {data[:40]!r}"
            assert answer.status == status
            assert (answer.header("Connection") or "").lower() != "close"


def test_a_request_in_single_bytes(server, database):
    user = database.add_user()
    body = b'{"message":"in single bytes","ttl":"1-hour"}'
    data = request("POST", "/api/activities", body, Authorization=f"Bearer {user.token()}",
                   Content_Type="application/json")  # fmt: skip
    with RawConnection(server.port) as raw:
        for byte in data:
            raw.send(bytes([byte]))
        raw.read_answer().expect(200)


def test_a_half_closed_connection_gets_its_answers(server, database):
    user = database.add_user()
    with RawConnection(server.port) as raw:
        raw.send(get(HEALTH) + get(f"/api/users/@{user.handle}/short"))
        raw.half_close()
        raw.read_answer().expect(200)
        answer = raw.read_answer()
        if answer is not None:
            assert answer.expect(200)["handle"] == user.handle
        assert raw.closed_by_peer()


# --- Floods ---


def refused(raw):
    """The answer to a flood, said as the API says things."""
    answer = raw.read_answer()
    assert answer is not None and answer.status in (400, 413, 414, 431), answer
    expect_refusal(answer)


def expect_refusal(answer):
    code = "payload_too_large" if answer.status == 413 else f"generic_{answer.status}"
    answer.expect(answer.status, [code])
    assert answer.header("X-Request-Id")
    assert answer.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("size", [20_000, 40_000, 1_000_000, 20_000_000])
def test_a_flood_of_one_header(server, size):
    with RawConnection(server.port) as raw:
        raw.send_quietly(b"GET /api/health-check HTTP/1.1\r\nHost: x\r\nX: " + b"a" * size)
        raw.send_quietly(b"\r\n\r\n")
        refused(raw)


@pytest.mark.parametrize("number", [500, 5_000, 500_000])
def test_a_flood_of_headers(server, number):
    with RawConnection(server.port) as raw:
        head = b"GET /api/health-check HTTP/1.1\r\nHost: x\r\n"
        raw.send_quietly(head + b"".join(b"X-%d: %060d\r\n" % (i, i) for i in range(number)))
        raw.send_quietly(b"\r\n")
        refused(raw)


@pytest.mark.parametrize("size", [17_000, 40_000, 1_000_000, 20_000_000])
def test_a_flood_in_the_request_line(server, size):
    with RawConnection(server.port) as raw:
        raw.send_quietly(b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        refused(raw)


def test_a_flood_of_query_parameters(server):
    """However many: each is only text until a handler looks for its own."""
    with RawConnection(server.port) as raw:
        raw.send(get("/api/activities/search?" + "term=&" * 2000))
        raw.read_answer().expect(422, ["search_term_blank"])


@pytest.mark.parametrize("number", [1, 16, 100])
def test_headers_up_to_the_limit_are_taken(api, server, number):
    """16 KiB of them, in one or in many, again and again on a connection, and a feed as the answer."""
    size = (16 * 1024 - 200) // number
    headers = {f"X_{place:03}": "a" * (size - len("X-000") - 4) for place in range(number)}
    with RawConnection(server.port) as raw:
        for _ in range(3):
            answer = raw.ask(get("/api/activities/home", Accept_Encoding="gzip", **headers))
            assert answer.status == 200


def test_headers_over_the_limit_are_431(server):
    """Where the answer is the API's own, it is JSON like every other."""
    with RawConnection(server.port) as raw:
        raw.send(get(HEALTH, X_Large="a" * 17_000))
        answer = raw.read_answer()
        assert answer.status == 431
        assert answer.header("Content-Type").startswith("application/json")


def test_http_1_1_without_a_host(server):
    with RawConnection(server.port) as raw:
        answer = raw.ask(b"GET /api/health-check HTTP/1.1\r\n\r\n")
        assert answer.status == 400
        assert isinstance(answer.json(), list)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * 1000,
        b"\xff" * 1000 + b"\r\n\r\n",
        b"\r\n" * 5000,
        b"GET\r\n\r\n",
        b"GET /api/health-check\r\n\r\n",
        b"GET /api/health-check HTTP/9.9\r\n\r\n",
        b"GET /api/health-check FTP/1.1\r\n\r\n",
        b"GET  /api/health-check  HTTP/1.1\r\nHost: x\r\n\r\n",
        b"/api/health-check GET HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/health-check HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /api/health-check HTTP/1.1\r\n: no name\r\n\r\n",
        b"GET /api/health-check HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /api/health-check HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET /\x00api HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://elsewhere.test/api/health-check HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x5a" * 500,
        b"A" * 100_000,
    ],
)
def test_nonsense(impatient, data):
    """Whatever is answered, if anything, is a refusal, and the connection ends."""
    with RawConnection(impatient.port) as raw:
        raw.send_quietly(data)
        with contextlib.suppress(OSError):
            raw.half_close()
        assert raw.closed_by_peer()
        statuses = re.findall(rb"HTTP/1\.[01] (\d{3}) ", raw.received)
        assert all(status < b"500" or status in (b"501", b"505") for status in statuses)


# --- Dawdlers ---


DAWDLING = 30  # seconds after which the server is said to wait forever


def test_a_silent_client_is_hung_up_on(impatient):
    with RawConnection(impatient.port) as raw:
        assert raw.closed_by_peer(DAWDLING)


def test_an_idle_client_is_hung_up_on(impatient):
    with RawConnection(impatient.port) as raw:
        raw.ask(get(HEALTH)).expect(200)
        assert raw.closed_by_peer(DAWDLING)


@pytest.mark.parametrize(
    "begun",
    [
        b"G",
        b"GET /api/health-check HTTP/1.1",
        b"GET /api/health-check HTTP/1.1\r\nHost: x\r\nX-Half",
        b"POST /api/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: 100\r\n\r\n{"mess',
        b"POST /api/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_a_client_that_stops_in_the_middle_is_hung_up_on(impatient, begun):
    with RawConnection(impatient.port) as raw:
        raw.send(begun)
        assert raw.closed_by_peer(DAWDLING)


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /api/health-check HTTP/1.1\r\nX: ",
        b"POST /api/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 60000\r\n\r\n",
    ],
)
def test_dripping_bytes_do_not_buy_time(impatient, begun):
    """A byte now and then, as slowloris does: the time is for the request, not for each byte."""
    with RawConnection(impatient.port) as raw:
        raw.send(begun)
        assert raw.trickle_until_closed(b"a" * 10_000, pause=0.2, limit=DAWDLING)


def test_many_slow_clients_do_not_keep_others_out(server, api):
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(RawConnection(server.port)).send(b"GET /api/he")
        for _ in range(20):
            api.another().get(HOME).expect(200)


def test_a_client_that_does_not_read_is_hung_up_on(start_server, database):
    user = database.add_user()
    for number in range(100):
        database.add_activity(user, f"{number} " + "long " * 200, age=-3600)
    server = start_server(CRUDDUR_SEND_TIMEOUT_S=1)
    with RawConnection(server.port, receive_buffer=4096) as raw:
        raw.send_quietly(get(HOME + "?limit=100") * 100)
        assert server.log.wait_for(message="request aborted")
    database.run("delete from public.activities where user_uuid = %s", user.uuid)


def test_who_has_been_idle_longest_makes_room(start_server):
    """New clients are answered at once, however many keep their connections."""
    server = start_server(CRUDDUR_MAX_CONNECTIONS=8, CRUDDUR_LOOPS=1)
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(RawConnection(server.port)) for _ in range(8)]
        for raw in kept:
            raw.ask(get(HEALTH)).expect(200)
        for raw in reversed(kept):
            raw.ask(get(HEALTH)).expect(200)
        more = [stack.enter_context(RawConnection(server.port)) for _ in range(5)]
        for raw in more:
            raw.ask(get(HEALTH)).expect(200)
        for raw in kept[3:]:
            assert raw.closed_by_peer()
        for raw in kept[:3] + more:
            raw.ask(get(HEALTH)).expect(200)


def test_connections_in_work_are_not_closed_to_make_room(start_api, database):
    """Each of them is told to close with its answer, and then there is room."""
    server, api = start_api(CRUDDUR_MAX_CONNECTIONS=4, CRUDDUR_LOOPS=1)
    api.wait_until_ready()
    with contextlib.ExitStack() as stack:
        with TableLock(database):
            busy = []
            for _ in range(5):
                busy.append(stack.enter_context(RawConnection(server.port)))
                busy[-1].send(get(HOME))
            late = stack.enter_context(RawConnection(server.port))
            late.send(get(HEALTH))
        answers = [raw.read_answer() for raw in busy]
        assert [answer.status for answer in answers] == [200] * 5
        late.read_answer().expect(200)


# --- Leavers ---


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"POST /api/activ",
        b"POST /api/activities HTTP/1.1\r\nHost: x\r\n",
        b"POST /api/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: 100\r\n\r\n{"message":"half","ttl":"1-day"',
        b"POST /api/activities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
)
def test_a_client_that_leaves_before_its_request_is_whole(server, part, leave):
    for _ in range(10):
        raw = RawConnection(server.port)
        raw.send(part)
        getattr(raw, leave)()
        raw.close()


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_client_that_leaves_while_its_query_runs(server, database, leave):
    """Nothing half done: the reply and the counter are both there, or both not."""
    user = database.add_user()
    parent = database.add_activity(user)
    others = [RawConnection(server.port) for _ in range(6)]
    with TableLock(database):
        for raw in others:
            raw.send(
                request("POST", f"/api/activities/{parent}/reply", b'{"message":"bye"}',
                        Authorization=f"Bearer {user.token()}", Content_Type="application/json")
            )  # fmt: skip
        database.wait_for_blocked()
        for raw in others:
            getattr(raw, leave)()
    with RawConnection(server.port) as raw:
        thread = f"/api/activities/@{user.handle}/status/{parent}"
        for _ in range(10):
            body = raw.ask(get(thread)).expect(200)
            assert body["activity"]["replies_count"] >= 0
    database.wait_until(
        """select count(*) = 0 from pg_stat_activity
           where datname = current_database() and state = 'active' and pid <> pg_backend_pid()"""
    )
    counted, stored = database.run(
        """select replies_count, (select count(*) from public.activities r
                                  where r.reply_to_activity_uuid = a.uuid)
           from public.activities a where uuid = %s""",
        parent,
    )[0]
    assert counted == stored


def test_clients_that_leave_without_reading(server):
    for _ in range(100):
        raw = RawConnection(server.port)
        raw.send(get(HOME) * 5)
        raw.reset()
