"""Headers that keep an answer from being used for anything else than it is."""

import pytest

from harness.raw import RawConnection, get, request

JSON_POLICY = "default-src 'none'; frame-ancestors 'none'"


def check_safe(answer, policy=JSON_POLICY, cache="no-store"):
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Content-Security-Policy") == policy
    assert answer.header("Referrer-Policy") == "no-referrer"
    assert answer.header("Cache-Control") == cache


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/api/activities/home", 200),
        ("HEAD", "/api/activities/home", 200),
        ("GET", "/api/health-check", 200),
        ("GET", "/api/openapi.json", 200),
        ("GET", "/rollbar/test", 200),
        ("GET", "/api/activities/notifications", 401),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/activities/home", 405),
        ("GET", "/api/activities/search", 422),
        ("OPTIONS", "/api/activities", 204),
    ],
)
def test_no_answer_is_kept_framed_or_run(server, api, method, path, status):
    """What has a tag may be kept if it is asked for again before each use."""
    with RawConnection(server.port) as raw:
        answer = raw.ask(request(method, path), method)
    assert answer.status == status
    check_safe(answer, cache="no-cache" if answer.header("ETag") else "no-store")
    shared = status == 200 and path in ("/api/activities/home", "/api/openapi.json")
    assert (answer.header("ETag") is not None) is shared


def test_private_answers_are_not_kept(api, database):
    token = database.add_user().token()
    for path in ("/api/activities/notifications", "/api/message_groups"):
        answer = api.get(path, token)
        answer.expect(200)
        check_safe(answer)


@pytest.mark.parametrize(
    "bytes_sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /api/x" + b"x" * 40000]
)
def test_refusals_of_broken_requests_too(server, bytes_sent):
    with RawConnection(server.port) as raw:
        assert raw.send_quietly(bytes_sent)
        answer = raw.read_answer()
    if answer:
        check_safe(answer)


def test_an_error_within_the_server_too(start_api):
    _, api = start_api(CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none")
    answer = api.get("/api/activities/home")
    answer.expect(503)
    check_safe(answer)


def test_the_page_has_its_own(server, api):
    with RawConnection(server.port) as raw:
        page = raw.ask(get("/docs"))
        asset = raw.ask(get("/docs/page.js"))
    assert "script-src 'self'" in page.header("Content-Security-Policy")
    check_safe(page, policy=page.header("Content-Security-Policy"), cache="no-cache")
    check_safe(asset, cache="public, max-age=600")


@pytest.mark.parametrize(
    "trusted, protocol, strict",
    [
        (None, "https", False),
        ("10.0.0.0/8", "https", False),
        ("127.0.0.1", "https", True),
        ("127.0.0.1", "HTTPS", True),
        ("127.0.0.1", "http", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "https, http", False),
        ("127.0.0.1", None, False),
    ],
)
def test_tls_is_insisted_on_where_it_was_spoken(start_api, trusted, protocol, strict):
    _, api = start_api(CRUDDUR_TRUSTED_PROXIES=trusted)
    headers = {} if protocol is None else {"X-Forwarded-Proto": protocol}
    for path in ("/api/health-check", "/api/nothing"):
        answer = api.get(path, headers=headers)
        assert answer.header("Strict-Transport-Security") == ("max-age=31536000" if strict else None)
