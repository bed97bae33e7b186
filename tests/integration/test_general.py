"""Liveness, readiness, the description, the page, and what every answer has."""

import json
import re

import pytest

from conftest import FRONTEND
from harness.description import PROJECT
from harness.raw import RawConnection, get, request

HOME = "/api/activities/home"


def test_health_check(api):
    api.get("/api/health-check").expect(200, {"success": True, "ver": 1})


def test_readiness(api):
    assert api.wait_until_ready()["ready"] is True


def test_rollbar_test_greets(api):
    answer = api.get("/rollbar/test")
    assert (answer.status, answer.body) == (200, b"Hello World!")
    assert answer.header("Content-Type").startswith("text/plain")


def test_the_served_description_is_the_one_in_the_tree(api):
    served = api.get("/api/openapi.json").expect(200)
    assert served == json.loads((PROJECT / "docs" / "openapi.json").read_text())


def test_every_described_path_is_routed(api, description):
    for template, item in description.document["paths"].items():
        path = template.replace("{uuid}", "9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b21")
        path = path.replace("{handle}", "nobody")
        answer = api.request("OPTIONS", path)
        allowed = answer.header_items("Allow")
        for method in item:
            assert method.upper() in allowed, f"{method} {template}: {allowed}"


def test_the_page_needs_no_third_party(server):
    with RawConnection(server.port) as raw:
        answer = raw.ask(get("/docs"))
        assert answer.status == 200
        assert answer.header("Content-Type").startswith("text/html")
        page = answer.body.decode()
        for address in re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", page):
            if address.startswith(("#", "data:")):
                continue
            assert not re.match(r"(https?:)?//", address), address
            assert raw.ask(get(address)).status == 200, address


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/api/nothing",
        "/api/health-check/",
        "//api/health-check",
        "/api//health-check",
        "/API/health-check",
        "/api/health-check.json",
        "/api/../api/health-check",
        "/api/activities/home/more",
        "/api/activities/no-at-sign",
        "/api/activities/@",
        "/api/activities/@/status/9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b21",
        "/api/users/@nobody",
        "/api/users/nobody/short",
        "/rollbar",
    ],
)
def test_an_unknown_path_is_404(api, path):
    answer = api.exchange("GET", path, None, {})
    assert answer.status == 404, answer.body
    assert answer.json() in (["generic_404"], ["user_not_found"]), answer.body
    assert answer.header("X-Request-Id")
    assert answer.header("Content-Type").startswith("application/json")


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("DELETE", HOME, {"GET", "HEAD", "OPTIONS"}),
        ("POST", HOME, {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/api/health-check", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/api/users/@nobody/short", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/api/activities", {"POST", "OPTIONS"}),
        ("DELETE", "/api/activities", {"POST", "OPTIONS"}),
        ("GET", "/api/profile/update", {"POST", "PUT", "OPTIONS"}),
        ("PATCH", "/api/profile/update", {"POST", "PUT", "OPTIONS"}),
        ("BREW", HOME, {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_a_method_the_path_does_not_have_is_405(api, method, path, allowed):
    answer = api.exchange(method, path, None, {})
    answer.expect(405, ["generic_405"])
    assert answer.header_items("Allow") == allowed
    assert answer.header("X-Request-Id")


def test_head_of_a_path_without_get_is_405(api):
    answer = api.request("HEAD", "/api/activities")
    assert answer.status == 405
    assert answer.body == b""


@pytest.mark.parametrize(
    "path", ["/api/health-check", HOME, "/api/users/@nobody/short", "/api/nothing"]
)
def test_head_is_get_without_a_body(server, path):
    with RawConnection(server.port) as raw:
        shown = raw.ask(get(path))
        headed = raw.ask(request("HEAD", path), method="HEAD")
        again = raw.ask(get("/api/health-check"))
    assert headed.status == shown.status
    assert headed.body == b""
    for name in ("Content-Length", "Content-Type", "Link"):
        assert headed.header(name) == shown.header(name)
    again.expect(200, {"success": True, "ver": 1})


def test_options_names_the_methods(api):
    answer = api.request("OPTIONS", "/api/profile/update")
    assert answer.header_items("Allow") == {"POST", "PUT", "OPTIONS"}


@pytest.mark.parametrize("path", ["/api/nothing", "/nothing", "/api/users/@%zz/short"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": FRONTEND}, {"Origin": FRONTEND, "Access-Control-Request-Method": "GET"}],
)
def test_options_of_an_unknown_path(api, path, headers):
    answer = api.exchange("OPTIONS", path, None, headers)
    answer.expect(404, ["generic_404"])
    allowed = "Origin" in headers and path.startswith("/api/")
    assert answer.header("Access-Control-Allow-Origin") == (FRONTEND if allowed else None)


@pytest.mark.parametrize(
    "query, status",
    [
        pytest.param("&" * 15_000, 200, id="none"),
        pytest.param("x=1&" * 3_500, 200, id="others"),
        pytest.param("%62efore=&" * 1_500, 422, id="encoded"),
    ],
)
def test_a_query_of_thousands_of_parameters(api, query, status):
    """Only the first hundred are looked at, and none is decoded that cannot be one of ours."""
    api.exchange("GET", f"{HOME}?limit=1&{query}", None, {}).expect(status)
    api.exchange("GET", f"{HOME}?{query}&limit=bad", None, {}).expect(status)


def test_query_of_a_path_that_reads_none_is_ignored(api):
    api.get("/api/health-check?limit=bad&%zz&=&&").expect(200)


@pytest.mark.parametrize(
    "request_id",
    ["abc", "6f1c9f6e-3f0e-4b0a-9d3f-1a2b3c4d5e6f", "req_1.2-B", "a" * 128],
)
def test_a_sane_request_id_is_kept(api, request_id):
    answer = api.get("/api/health-check", headers={"X-Request-Id": request_id})
    assert answer.header("X-Request-Id") == request_id


@pytest.mark.parametrize(
    "request_id",
    ["", "a" * 129, "a" * 3000, "with space", 'quo"te', "<script>", "a,b\tc", "caf\xe9", "\x7f"],
)
def test_an_insane_request_id_is_replaced(api, request_id):
    answer = api.get("/api/health-check", headers={"X-Request-Id": request_id})
    made = answer.header("X-Request-Id")
    assert made and made != request_id
    assert re.fullmatch(r"[0-9A-Za-z._-]{8,128}", made)


def test_made_request_ids_differ(api):
    made = {api.get("/api/health-check").header("X-Request-Id") for _ in range(50)}
    assert len(made) == 50


def test_errors_carry_the_request_id_too(api):
    headers = {"X-Request-Id": "mine-42"}
    for answer in (
        api.get("/api/nothing", headers=headers),
        api.request("DELETE", HOME, headers=headers),
        api.get("/api/activities/notifications", headers=headers),
        api.post("/api/activities", headers=headers, body=b"{", token="x"),
    ):
        assert answer.status >= 400
        assert answer.header("X-Request-Id") == "mine-42"


def test_http_1_0_and_connection_close(server):
    with RawConnection(server.port) as raw:
        answer = raw.ask(b"GET /api/health-check HTTP/1.0\r\n\r\n")
        answer.expect(200, {"success": True, "ver": 1})
        assert raw.closed_by_peer()
    with RawConnection(server.port) as raw:
        answer = raw.ask(get("/api/health-check", Connection="close"))
        answer.expect(200)
        assert raw.closed_by_peer()
