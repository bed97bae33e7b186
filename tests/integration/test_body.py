"""What a request's body may be: its type, its size, its JSON."""

import json

import pytest

from harness.raw import RawConnection, get, request

PATH = "/api/activities"
GOOD = json.dumps({"message": "m", "ttl": "1-day"}).encode()
LIMIT = 64 * 1024


@pytest.fixture(scope="module")
def token(database):
    return database.add_user().token()


@pytest.mark.parametrize("target", [PATH, "/api/profile/update"])
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"}",
        b"[]",
        b'["message"]',
        b'[{"message":"m","ttl":"1-day"}]',
        b'"text"',
        b"1",
        b"null",
        b"true",
        b" ",
        b"\x00",
        b"{}x",
        b"{}{}",
        b"{} {}",
        b'{"a":1,}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":1e999}',
        b'{"a":"\n"}',
        b'{"a":"\\x"}',
        b'{"a":"\\u00zz"}',
        b'{"a":"\\u0000"}',
        b'{"message":"a\\u0000b","ttl":"1-day"}',
        b'{"\\u0000":1}',
        b'{"a\x00b":1}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":"\xff"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xf4\x90\x80\x80"}',
        b'{"\xff":1}',
        b'{"message":"a\xc3","ttl":"1-day"}',
        b'{"a":' + b"[" * 30000 + b"]" * 30000 + b"}",
        b'{"a":' * 10000 + b"1" + b"}" * 10000,
        b"[" * 60000,
        b'{"a":' * 13000,
        b"/* c */{}",
        b"message=m&ttl=1-day",
        '{"message":"m","ttl":"1-day"}'.encode("utf-16"),
        b"\xef\xbb\xbf{" + b"}" * 2,
    ],
)
def test_malformed_json(api, token, target, body):
    method = "PUT" if "profile" in target else "POST"
    api.request(method, target, token, body=body).expect(400, ["malformed_json"])


def test_no_body_at_all_is_malformed(api, token, server):
    api.post(PATH, token, body=b"").expect(400, ["malformed_json"])
    with RawConnection(server.port) as raw:
        headers = {"Authorization": f"Bearer {token}", "Content_Type": "application/json"}
        raw.ask(request("POST", PATH, Content_Length="0", **headers)).expect(
            400, ["malformed_json"]
        )
        raw.ask(get("/api/health-check")).expect(200)


@pytest.mark.parametrize(
    "body",
    [
        b'{"message":"first","message":"second","ttl":"1-day"}',
        b'{"message":"first","m\\u0065ssage":"second","ttl":"1-day"}',
        b'{"message":"first","message":5,"ttl":"1-day"}',
        b'{"message":"m","ttl":"1-day","extra":[{"a":1,"a":1}]}',
    ],
)
def test_a_key_that_comes_twice_is_malformed(api, token, body):
    """Readers of JSON do not agree on which of the two counts."""
    api.post(PATH, token, body=body).expect(400, ["malformed_json"])


@pytest.mark.parametrize(
    "number", [b"9223372036854775808", b"-9223372036854775809", b"1" * 300, b"1e300", b"-0", b"1e-400"]
)
def test_numbers_as_long_as_a_double_can_hold(api, token, number):
    body = b'{"message":"m","ttl":"1-day","extra":' + number + b"}"
    api.post(PATH, token, body=body).expect(200)


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 400])
def test_numbers_beyond_a_double_are_malformed(api, token, number):
    body = b'{"message":"m","ttl":"1-day","extra":' + number + b"}"
    api.post(PATH, token, body=body).expect(400, ["malformed_json"])


def test_escapes_and_white_space_are_json(api, token):
    body = b' \r\n\t{ "message" : "\\u00e9\\ud83d\\ude00\\/" , "ttl" : "1-day" } \n'
    assert api.post(PATH, token, body=body).expect(200)["message"] == "é\U0001f600/"


def test_some_nesting_is_fine(api, token):
    body = b'{"message":"m","ttl":"1-day","extra":' + b"[" * 10 + b"]" * 10 + b"}"
    api.post(PATH, token, body=body).expect(200)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "APPLICATION/JSON",
        "Application/Json ; charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json; charset=utf8; x=y",
        "application/json; x=y",
        "application/json;",
    ],
)
def test_media_types_that_are_json(api, token, content_type):
    api.post(PATH, token, body=GOOD, headers={"Content-Type": content_type}).expect(200)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain; x=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json-patch+json",
        "application",
        "json",
        "*/*",
        "",
        ";",
        "application/json; charset=latin1",
        "application/json;charset=utf-16",
        'application/json; charset="iso-8859-1"',
        "application/json; charset=",
        "application/json; charset=utf-8; charset=utf-16",
    ],
)
def test_unsupported_media_type(api, token, content_type):
    api.post(PATH, token, body=GOOD, headers={"Content-Type": content_type}).expect(
        415, ["unsupported_media_type"]
    )


@pytest.mark.parametrize("coding, status", [("gzip", 415), ("br", 415), ("identity, gzip", 415),
                                            ("identity", 200), ("Identity", 200), ("", 200)])  # fmt: skip
def test_a_coded_body_is_not_taken(api, token, coding, status):
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    answer = api.post(PATH, token, body=GOOD, headers=headers)
    answer.expect(status, ["unsupported_media_type"] if status == 415 else None)


def test_no_media_type(server, token):
    with RawConnection(server.port) as raw:
        answer = raw.ask(request("POST", PATH, GOOD, Authorization=f"Bearer {token}"))
        answer.expect(415, ["unsupported_media_type"])


def test_64_kib_are_allowed(api, token):
    api.post(PATH, token, body=GOOD + b" " * (LIMIT - len(GOOD))).expect(200)


def test_one_byte_more_is_not(api, token):
    answer = api.post(PATH, token, body=GOOD + b" " * (LIMIT + 1 - len(GOOD)))
    answer.expect(413, ["payload_too_large"])


@pytest.mark.parametrize(
    "length", [LIMIT + 1, 10**9, 2**31, 2**32 + 10, 2**63 - 1]
)
def test_too_large_is_refused_before_it_is_sent(server, token, length):
    """No byte of the body is ever sent: whoever waits for it hangs."""
    with RawConnection(server.port) as raw:
        raw.send(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
        raw.read_answer().expect(413, ["payload_too_large"])


def test_too_large_is_refused_without_a_hundred_continue(server, token):
    with RawConnection(server.port) as raw:
        raw.send(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 1000000\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        raw.read_answer().expect(413, ["payload_too_large"])


def test_a_hundred_continue(server, token):
    with RawConnection(server.port) as raw:
        raw.send(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(GOOD)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        assert raw.read_answer().status == 100
        raw.send(GOOD)
        raw.read_answer().expect(200)


@pytest.mark.parametrize(
    "changes, status",
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer a.bad.token"}, 401),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": None}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Length": "70000"}, 413),
    ],
)
@pytest.mark.parametrize("expect", ["100-continue", "100-Continue"])
def test_who_asks_first_is_told_what_is_decided(server, token, changes, status, expect):
    """The final answer comes in place of the 100, and the body is never sent."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json",
               "Content-Length": len(GOOD), "Expect": expect, **changes}  # fmt: skip
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    with RawConnection(server.port) as raw:
        answer = raw.ask(f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
        assert answer.status == status, answer.body
        assert raw.closed_by_peer()


def test_who_asks_first_with_a_key_on_its_way_is_told_to_go_on(start_server, jwks, token):
    """Whether such a token is good is not decided yet."""
    server = start_server(AWS_COGNITO_JWKS_URL="http://127.0.0.1:1/none")
    with RawConnection(server.port) as raw:
        raw.send(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(GOOD)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        assert raw.read_answer().status == 100
        raw.send(GOOD)
        raw.read_answer().expect(401, ["generic_401"])


def chunks(*bodies):
    return b"".join(b"%x\r\n%s\r\n" % (len(body), body) for body in bodies)


def chunked_head(token):
    return (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


def test_chunked(server, token):
    with RawConnection(server.port) as raw:
        pieces = [GOOD[i : i + 1] for i in range(len(GOOD))]
        raw.send(chunked_head(token) + chunks(*pieces) + b"0\r\n\r\n")
        raw.read_answer().expect(200)
        raw.ask(get("/api/health-check")).expect(200)


def test_chunked_too_large(server, token):
    with RawConnection(server.port) as raw:
        raw.send_quietly(chunked_head(token) + chunks(*[b" " * 4096] * 17) + b"0\r\n\r\n")
        raw.read_answer().expect(413, ["payload_too_large"])


def test_chunked_without_end_is_cut_off(server, token):
    with RawConnection(server.port) as raw:
        raw.send(chunked_head(token))
        sent = 0
        while raw.send_quietly(chunks(b" " * 65536)):
            sent += 65536
            assert sent < 256 * 1024 * 1024, "the server reads on and on"
            if raw.readable(0):
                break
        answer = raw.read_answer()
        assert answer is None or answer.status == 413


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: abc",
        "Content-Length: -1",
        "Content-Length: 99999999999999999999999999",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 0x10",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ],
)
def test_odd_framing_is_never_a_second_request(server, token, headers):
    """Whatever the answer, what follows in the body must not be answered as a request of its own."""
    with RawConnection(server.port) as raw:
        raw.send_quietly(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\n{headers}\r\n\r\n"
            "0\r\n\r\nGET /api/health-check HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        answer = raw.read_answer()
        assert answer is None or 400 <= answer.status < 500 or answer.status == 501
    with RawConnection(server.port) as raw:
        raw.ask(get("/api/health-check")).expect(200)


def test_a_body_where_none_is_read_is_skipped(server):
    with RawConnection(server.port) as raw:
        for body in (b"{}", b"x" * 60000):
            raw.ask(request("GET", "/api/activities/home", body)).expect(200)
            raw.ask(get("/api/health-check")).expect(200, {"success": True, "ver": 1})


def test_a_refused_body_is_not_taken_for_the_next_request(server, token):
    """The body of a refused request is read or the connection ends; it is never a request itself."""
    smuggled = get("/api/health-check")
    with RawConnection(server.port) as raw:
        raw.send(
            request("POST", PATH, smuggled, Authorization=f"Bearer {token}", Content_Type="text/plain")
        )
        raw.read_answer().expect(415, ["unsupported_media_type"])
        raw.send_quietly(get("/api/users/@nobody/short"))
        answer = raw.read_answer()
        assert answer is None or answer.json() == ["user_not_found"]
