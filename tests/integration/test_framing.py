"""Where a request ends, and whom it is for: what is in doubt is answered once, and nothing after it."""

import re

import pytest

from conftest import FRONTEND
from harness.raw import RawConnection, get, request

HEALTH = "/api/health-check"
PATH = "/api/activities"
GOOD = b'{"message":"framed","ttl":"1-day"}'
NEXT = b"GET /api/users/@smuggled/short HTTP/1.1\r\nHost: x\r\n\r\n"


def ask_all(server, data):
    """The statuses and the codes of all that comes back until the server closes."""
    with RawConnection(server.port) as raw:
        raw.send_quietly(data)
        assert raw.closed_by_peer()
        heads = re.findall(rb"HTTP/1\.[01] (\d{3}) ", raw.received)
        return [int(status) for status in heads], raw.received.rpartition(b"\r\n\r\n")[2].decode()


def post(headers, body=b"", version="1.1"):
    return (
        f"POST {PATH} HTTP/{version}\r\nHost: x\r\nContent-Type: application/json\r\n{headers}\r\n\r\n"
    ).encode("latin-1") + body


def check_refused(server, data, status=400, code=None):
    assert ask_all(server, data) == ([status], f'["{code or f"generic_{status}"}"]')
    assert not server.log.find(route="/api/users/@:handle/short"), "what followed was a request"


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 2\r\nContent-Length: 60",
        "Content-Length: 2\r\nContent-Length: 2",
        "content-length: 2\r\nCONTENT-LENGTH: 60",
        "Content-Length : 2",
        "Content-Length\t: 2",
        " Content-Length: 2",
        "Content-Length: +2",
        "Content-Length: 2, 2",
        "Content-Length: 2,2",
        "Content-Length: -1",
        "Content-Length: abc",
        "Content-Length: 0x5",
        "Content-Length: 5x",
        "Content-Length: 2 3",
        "Content-Length: ",
        "Content-Length:",
        "Content-Length: 2\x00",
        "Content-Length: 2\x0b",
        "Transfer-Encoding : chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding:\x0bchunked",
        "Transfer-Encoding: chunked\x00",
        'Transfer-Encoding: "chunked"',
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding:",
        "Transfer-: chunked\r\n Encoding",
        "X: a\r\n folded",
        "X: a\r\n\tContent-Length: 2",
        "X: a\rContent-Length: 2",
        "X: a\x00b",
        "X: a\x00\r\nY: b\x00c",
        "X\x00Y: a",
        "X Y: a",
        "X(Y): a",
        ": a",
        "no colon",
        "Host: x",
        "Host: y",
        "host: x",
    ],
)
def test_doubtful_headers_are_400_and_the_end(server, headers):
    check_refused(server, post(headers, b"0\r\n\r\n" + NEXT))


@pytest.mark.parametrize("headers", ["Content-Length: 2", "Transfer-Encoding: chunked"])
def test_doubtful_headers_in_front_of_good_ones(server, headers):
    check_refused(server, post(f"X: a\x00\x00\x00b\r\n{headers}", NEXT))


@pytest.mark.parametrize("value", ["99999999999999999999", "18446744073709551616", "1" * 100])
def test_lengths_beyond_any_number(server, value):
    check_refused(server, post(f"Content-Length: {value}", NEXT), 413, "payload_too_large")


@pytest.mark.parametrize("value", ["gzip, chunked", "gzip,chunked", "deflate, gzip, Chunked"])
def test_codings_that_are_not_known_are_501_at_once(server, value):
    check_refused(server, post(f"Transfer-Encoding: {value}", b"2\r\n{}\r\n0\r\n\r\n"), 501)


@pytest.mark.parametrize("headers", ["Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked"])
def test_http_1_0_knows_no_codings(server, headers):
    check_refused(server, post(headers, b"0\r\n\r\n" + NEXT, version="1.0"))


@pytest.mark.parametrize(
    "line",
    [
        b"GET /api/health check HTTP/1.1",
        b"GET  /api/health-check HTTP/1.1",
        b"GET /api/health-check  HTTP/1.1",
        b"GET /api/health-check\t HTTP/1.1",
        b"GET /api/health-check\x0b HTTP/1.1",
        b"GET /api/health-check?a=\x01 HTTP/1.1",
        b"GET /api/health-check?a b HTTP/1.1",
        b"GET /\x00api HTTP/1.1",
        b"GET /api/health-check\x00 HTTP/1.1",
        b"GET /api/health-check",
        b"GET /api/health-check HTTP/1",
        b"GET /api/health-check http/1.1",
    ],
)
def test_doubtful_request_lines(server, line):
    check_refused(server, line + b"\r\nHost: x\r\n\r\n" + NEXT)


@pytest.mark.parametrize("hosts", ["", "Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n",
                                   "Host: a b\r\n", "Host: a/b\r\n", "Host: a@b\r\n", "Host: a, b\r\n"])  # fmt: skip
def test_no_host_two_or_a_wrong_one(server, hosts):
    check_refused(server, f"GET {HEALTH} HTTP/1.1\r\n{hosts}\r\n".encode() + NEXT)


@pytest.mark.parametrize("host", ["", "api.test", "api.test:443", "127.0.0.1:4567", "[::1]:4567", "API_x.test"])
def test_hosts_that_are_fine(server, host):
    with RawConnection(server.port) as raw:
        raw.ask(f"GET {HEALTH} HTTP/1.1\r\nHost: {host}\r\n\r\n").expect(200)
        raw.ask(f"GET {HEALTH} HTTP/1.1\r\nHost:{host}   \r\n\r\n").expect(200)


def test_http_1_0_needs_no_host_and_has_no_two(server):
    assert ask_all(server, f"GET {HEALTH} HTTP/1.0\r\n\r\n".encode())[0] == [200]
    check_refused(server, f"GET {HEALTH} HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n".encode())


@pytest.mark.parametrize("size", [b"g", b"", b" ", b"-1", b"+1", b"0x1", b"1 ", b"1" * 20])
def test_chunks_without_a_size(server, size):
    status = 413 if size == b"1" * 20 else 400
    code = "payload_too_large" if status == 413 else None
    check_refused(server, post("Transfer-Encoding: chunked", size + b"\r\n{\r\n" + NEXT), status, code)


def test_ways_of_writing_that_are_fine(server, database):
    token = database.add_user().token()
    with RawConnection(server.port) as raw:
        for line in ("Transfer-Encoding: chunked", "transfer-encoding:chunked",
                     "Transfer-Encoding:\t CHUNKED"):  # fmt: skip
            head = post(f"X:\r\nY:   \r\nAuthorization: Bearer {token}\r\n{line}")
            raw.ask(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD)).expect(200)
        for line in ("Content-Length:%d", "content-length:  %d"):
            head = post(f"X: \xe9\r\nAuthorization: Bearer {token}\r\n" + line % len(GOOD))
            raw.ask(head + GOOD).expect(200)
        raw.ask(f"GET {HEALTH} HTTP/1.1\nHost: x\nX: y\n\n").expect(200)
        raw.ask(f"\r\n\r\nGET {HEALTH} HTTP/1.1\r\nHost: x\r\n\r\n").expect(200)


def test_a_refusal_is_as_safe_as_any_answer(server):
    with RawConnection(server.port) as raw:
        answer = raw.ask(post(f"Origin: {FRONTEND}\r\nX-Request-Id: mine\r\nContent-Length: abc"))
    answer.expect(400, ["generic_400"])
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("Connection") == "close"
    assert answer.header("Date")
    assert answer.header("X-Request-Id") == "mine"
    assert answer.header("Access-Control-Allow-Origin") == FRONTEND
    assert answer.header("Cache-Control") == "no-store"
    event = server.log.wait_for(request_id="mine")
    assert (event["message"], event["status"]) == ("request", 400)


# --- Targets ---


@pytest.mark.parametrize(
    "target",
    [
        "http://api.test/api/health-check",
        "https://api.test/api/health-check",
        "HTTP://api.test:80/api/health-check?x=http://y/",
        "http://[::1]:4567/api/health-check",
        "http:///api/health-check",
    ],
)
def test_absolute_targets(server, target):
    with RawConnection(server.port) as raw:
        raw.ask(get(target)).expect(200, {"success": True, "ver": 1})


def test_absolute_targets_have_a_query_and_pages(server, database):
    user = database.add_user()
    for number in range(3):
        database.add_activity(user, f"number {number}")
    with RawConnection(server.port) as raw:
        answer = raw.ask(get("http://api.test/api/activities/home?limit=2"))
        assert len(answer.expect(200)) == 2
        assert answer.header("Link").startswith("</api/activities/home?limit=2&before=")
        raw.ask(get("http://api.test?limit=2")).expect(404, ["generic_404"])
        raw.ask(get("http://api.test")).expect(404, ["generic_404"])


@pytest.mark.parametrize("target", ["ftp://api.test/api/health-check", "api.test:443", "http:/api/health-check"])
def test_targets_of_other_kinds_are_nowhere(server, target):
    with RawConnection(server.port) as raw:
        raw.ask(get(target)).expect(404, ["generic_404"])


@pytest.mark.parametrize("target", ["*", "http://api.test"])
def test_options_of_the_server(server, target):
    with RawConnection(server.port) as raw:
        answer = raw.ask(request("OPTIONS", target), "OPTIONS")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.header_items("Allow") == {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}
        raw.ask(get("*")).expect(404, ["generic_404"])


# --- Refusals that come while a body does ---


@pytest.mark.parametrize("size", [66_000, 200_000, 2_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_all_before_it_reads(server, database, size, chunked):
    """It sends on after the answer: a reset would take that away."""
    token = database.add_user().token()
    body = b"x" * size
    headers = f"Authorization: Bearer {token}\r\n"
    if chunked:
        headers += "Transfer-Encoding: chunked"
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
    else:
        headers += f"Content-Length: {size}"
    for _ in range(5):
        with RawConnection(server.port) as raw:
            raw.send(post(headers) + body)
            raw.read_answer().expect(413, ["payload_too_large"])
            assert raw.closed_by_peer(), "the answer is the last one"
            assert raw.received == b""


@pytest.mark.parametrize("method, path, status", [("POST", "/api/nothing", 404), ("DELETE", PATH, 405)])
def test_other_refusals_of_long_bodies(server, method, path, status):
    with RawConnection(server.port) as raw:
        raw.send(request(method, path, b"x" * 2_000_000))
        raw.read_answer().expect(status, [f"generic_{status}"])


def test_the_connection_stays_after_a_short_one(server):
    with RawConnection(server.port) as raw:
        for method, path, status in (("POST", "/api/nothing", 404), ("DELETE", PATH, 405)):
            answer = raw.ask(request(method, path, b"x" * 60_000))
            answer.expect(status, [f"generic_{status}"])
        raw.ask(get(HEALTH)).expect(200)


def test_a_client_that_sends_for_ever_is_hung_up_on(server):
    with RawConnection(server.port) as raw:
        raw.send(post("Content-Length: 1000000000"))
        raw.read_answer().expect(413, ["payload_too_large"])
        for _ in range(4096):
            if not raw.send_quietly(b"x" * 65536):
                return
        raise AssertionError("the server reads on and on")
