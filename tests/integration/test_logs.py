"""One JSON line a request, with what an operator needs and nothing that must stay private."""

import re
import uuid

import pytest

from harness.tokens import claims_for, sign

REQUEST = "request"


@pytest.fixture
def logged(server, api):
    """logged(...) sends a request and returns its line of the log."""

    def send(method, target, token=None, **options):
        request_id = "log-" + uuid.uuid4().hex
        headers = {"X-Request-Id": request_id, **options.pop("headers", {})}
        answer = api.request(method, target, token, headers=headers, **options)
        event = server.log.wait_for(request_id=request_id)
        assert len(server.log.find(request_id=request_id)) == 1
        return answer, event

    return send


def test_a_request_s_line(logged, database):
    user = database.add_user()
    answer, event = logged("GET", f"/api/users/@{user.handle}/short?x=1")
    assert event["level"] == "info"
    assert event["method"] == "GET"
    assert event["route"].startswith("/api/users/@") and event["route"].endswith("/short")
    assert user.handle not in event["route"], "the pattern, not the path"
    assert event["status"] == 200
    assert event["bytes"] == len(answer.body)
    assert 0 <= event["duration_ms"] < 60000
    assert "user" not in event
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|\+00:00)", event["time"])


def test_the_user_s_sub(logged, database):
    user = database.add_user()
    _, event = logged("GET", "/api/activities/notifications", user.token())
    assert event["user"] == user.sub
    _, event = logged("GET", "/api/activities/home", user.token())
    assert "user" not in event  # nobody looks at the token of a page that is the same for all


@pytest.mark.parametrize(
    "method, target, status",
    [
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/activities/home", 405),
        ("GET", "/api/activities/notifications", 401),
        ("GET", "/api/activities/search", 422),
        ("HEAD", "/api/health-check", 200),
        ("OPTIONS", "/api/activities", 204),
    ],
)
def test_every_request_has_a_line(logged, method, target, status):
    answer, event = logged(method, target)
    assert answer.status == event["status"] == status
    assert event["method"] == method


def test_made_request_ids_are_in_the_log(server, api):
    made = api.get("/api/health-check").header("X-Request-Id")
    assert server.log.wait_for(request_id=made)["status"] == 200


def test_nothing_private_is_logged(server, api, database, key):
    user = database.add_user()
    token = user.token()
    secret = "the-text-nobody-else-reads-" + uuid.uuid4().hex
    bad = sign(key, claims_for(user.sub, exp=1))
    api.post("/api/activities", token, json={"message": secret, "ttl": "1-day"}).expect(200)
    api.post("/api/activities", token, json={"message": secret * 20, "ttl": "1-day"}).expect(422)
    api.post("/api/activities", token, body=b'{"message":"' + secret.encode()).expect(400)
    api.post("/api/activities", bad, json={"message": secret, "ttl": "1-day"}).expect(401)
    api.put("/api/profile/update", token, json={"display_name": "n", "bio": secret}).expect(200)
    api.get(f"/api/activities/search?term={secret}").expect(200)
    last = api.get("/api/activities/home", token).header("X-Request-Id")
    server.log.wait_for(request_id=last)
    everything = server.log.text() + server.errors
    assert secret not in everything
    for text in (token, bad):
        for part in text.split("."):
            assert part not in everything


def test_the_password_is_never_logged(start_api):
    """Neither when the database cannot be reached, nor at the debug level."""
    url = "postgresql://someone:s3cret-Passw0rd@127.0.0.1:1/none"
    server, api = start_api(CONNECTION_URL=url, LOG_LEVEL="debug")
    api.get("/api/activities/home").expect(503)
    server.stop()
    assert "s3cret" not in server.log.text() + server.errors
    assert any(event["level"] in ("warning", "error") for event in server.log.events)


def test_debug_tells_no_secret_either(start_api, database):
    user = database.add_user()
    token = user.token()
    server, api = start_api(LOG_LEVEL="debug")
    secret = "debugged-" + uuid.uuid4().hex
    api.post("/api/activities", token, json={"message": secret, "ttl": "1-day"}).expect(200)
    api.get("/api/activities/notifications", token + "x").expect(401)
    server.stop()
    everything = server.log.text() + server.errors
    assert secret not in everything
    for part in token.split("."):
        assert part not in everything


def test_what_a_client_sends_cannot_forge_a_line(server, api):
    """Line ends and quotes in paths and headers stay inside of their JSON string."""
    before = len(server.log.strange)
    target = "/api/users/@%0A%7B%22level%22%3A%22error%22%7D/short"
    made = api.get(target, headers={"User-Agent": 'x","level":"error'}).header("X-Request-Id")
    event = server.log.wait_for(request_id=made)
    assert event["level"] == "info"
    assert len(server.log.strange) == before
