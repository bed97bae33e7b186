"""Which origins a browser may call from, and what they are told."""

import pytest

from conftest import BACKEND, FRONTEND, FRONTEND_LOCAL
from harness.server import run

EXPOSED = {"Authorization", "Link", "ETag", "X-Request-Id", "Retry-After"}
HEADERS = {
    "Content-Type", "Authorization", "If-None-Match", "Idempotency-Key", "traceparent", "tracestate",
}  # fmt: skip
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"}


def access_control(answer):
    return [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def check_allowed(answer, origin):
    assert answer.header("Access-Control-Allow-Origin") == origin
    assert "origin" in {item.lower() for item in answer.header_items("Vary")}
    assert answer.header_items("Access-Control-Expose-Headers") == EXPOSED


@pytest.mark.parametrize("origin", [FRONTEND, FRONTEND_LOCAL, BACKEND])
def test_an_allowed_origin_is_echoed(api, origin):
    answer = api.get("/api/activities/home", headers={"Origin": origin})
    answer.expect(200)
    check_allowed(answer, origin)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        FRONTEND + ".evil.test",
        FRONTEND + ":8443",
        FRONTEND + "/",
        FRONTEND.replace("https", "http"),
        FRONTEND[:-1],
        "https://evil.test/" + FRONTEND,
        f"{FRONTEND},{BACKEND}",
        "null",
        "*",
        "",
        ",",
    ],
)
def test_another_origin_gets_no_header(api, origin):
    answer = api.get("/api/activities/home", headers={"Origin": origin})
    answer.expect(200)
    assert access_control(answer) == []
    preflight = api.request(
        "OPTIONS",
        "/api/activities",
        headers={"Origin": origin, "Access-Control-Request-Method": "POST"},
    )
    assert access_control(preflight) == []


def test_settings_are_compared_as_browsers_write_them(start_api):
    _, api = start_api(
        FRONTEND_URL="HTTPS://CloudNoww.test:443/, http://LOCALHOST:80", BACKEND_URL=BACKEND + "/"
    )
    for origin in (FRONTEND, "http://localhost", BACKEND):
        check_allowed(api.get("/api/health-check", headers={"Origin": origin}), origin)


def test_no_origin_that_no_browser_sends(settings):
    """The message shows what to write."""
    done = run("serve", **{**settings, "FRONTEND_URL": "https://CloudNoww.test/app"})
    assert done.returncode == 2
    assert "browsers send no path, write https://cloudnoww.test" in done.stderr


def test_without_an_origin_no_header(api):
    assert access_control(api.get("/api/activities/home")) == []


def test_answers_vary_by_origin_whoever_asks(api):
    """Or a shared cache gives the answer without the header to an origin that is allowed."""
    for headers in ({}, {"Origin": "https://evil.test"}):
        answer = api.get("/api/activities/home", headers=headers)
        assert "origin" in {item.lower() for item in answer.header_items("Vary")}


@pytest.mark.parametrize("origin", [FRONTEND, FRONTEND_LOCAL, BACKEND])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_preflight(api, origin, method):
    answer = api.request(
        "OPTIONS",
        "/api/profile/update",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert answer.status == 204
    assert answer.body == b""
    assert answer.header("Access-Control-Allow-Origin") == origin
    assert "origin" in {item.lower() for item in answer.header_items("Vary")}
    assert answer.header_items("Access-Control-Allow-Methods") == METHODS
    assert answer.header_items("Access-Control-Allow-Headers") == HEADERS
    assert int(answer.header("Access-Control-Max-Age")) > 0


def test_preflight_of_a_path_with_a_token_needs_none(api):
    answer = api.request(
        "OPTIONS",
        "/api/activities/notifications",
        headers={"Origin": FRONTEND, "Access-Control-Request-Method": "GET"},
    )
    assert answer.status == 204


def test_errors_carry_the_headers_too(api, database):
    origin = {"Origin": FRONTEND}
    token = database.add_user().token()
    too_large = b'{"message":"' + b"a" * 70000 + b'"}'
    answers = {
        404: api.get("/api/nothing", headers=origin),
        405: api.request("DELETE", "/api/activities/home", headers=origin),
        401: api.get("/api/activities/notifications", headers=origin),
        422: api.post("/api/activities", token, json={}, headers=origin),
        400: api.post("/api/activities", token, body=b"{", headers=origin),
        415: api.post(
            "/api/activities", token, body=b"x", headers={**origin, "Content-Type": "text/plain"}
        ),
        413: api.post("/api/activities", token, body=too_large, headers=origin),
    }
    for status, answer in answers.items():
        assert answer.status == status
        check_allowed(answer, FRONTEND)


def test_unavailable_carries_the_headers_too(start_api):
    _, api = start_api(CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none")
    answer = api.get("/api/activities/home", headers={"Origin": FRONTEND})
    answer.expect(503, ["generic_503"])
    check_allowed(answer, FRONTEND)


def test_star_allows_all_and_warns(start_api):
    server, api = start_api(FRONTEND_URL="*")
    answer = api.get("/api/activities/home", headers={"Origin": "https://any.test"})
    assert answer.header("Access-Control-Allow-Origin") in ("*", "https://any.test")
    warnings = [event for event in server.log.find(level="warning") if "FRONTEND_URL" in str(event)]
    assert warnings, server.log.text()


def test_no_star_no_warning(server):
    assert server.log.find(level="warning") == []
