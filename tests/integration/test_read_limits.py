"""The limit on reads by address: off unless it is set, and heavy pages count as ten."""

import pytest

from conftest import FRONTEND

HOME = "/api/activities/home"
SEARCH = "/api/activities/search?term=limited"
NOTIFICATIONS = "/api/activities/notifications"
PROXIES = "127.0.0.0/8"


@pytest.fixture
def limited(start_api):
    """limited(NAME=value, …) is a client of a server that is ready and has these settings."""

    def start(**changes):
        _, api = start_api(**changes)
        api.wait_until_ready()
        return api

    return start


def ask(api, path, client, token=None, headers=None):
    """A read for one of the clients of a proxy."""
    return api.another().get(path, token, headers={"X-Forwarded-For": client, **(headers or {})})


def statuses(api, path, number, client="203.0.113.1", token=None):
    return [ask(api, path, client, token).status for _ in range(number)]


def test_no_limit_unless_set(api):
    assert statuses(api, SEARCH, 30) == [200] * 30


def test_reads_of_an_address(limited, database):
    user = database.add_user()
    activity = database.add_activity(user)
    api = limited(CRUDDUR_READ_LIMIT_PER_ADDRESS="6/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    paths = [HOME, f"/api/activities/@{user.handle}", f"/api/users/@{user.handle}/short",
             f"/api/activities/@{user.handle}/status/{activity}"]  # fmt: skip
    for path in paths:
        ask(api, path, "203.0.113.1").expect(200)
    ask(api, "/api/message_groups", "203.0.113.1", user.token()).expect(200)
    tag = ask(api, HOME, "203.0.113.9").header("ETag")
    assert ask(api, HOME, "203.0.113.1", headers={"If-None-Match": tag}).status == 304
    for path in paths:
        answer = ask(api, path, "203.0.113.1", headers={"Origin": FRONTEND})
        answer.expect(429, ["rate_limited"])
        assert 1 <= int(answer.header("Retry-After")) <= 600
        assert answer.header("Access-Control-Allow-Origin") == FRONTEND
    assert statuses(api, HOME, 2, "203.0.113.2") == [200] * 2


@pytest.mark.parametrize("path, with_token", [(SEARCH, False), (NOTIFICATIONS, True)])
def test_heavy_pages_count_as_ten(limited, database, path, with_token):
    token = database.add_user().token() if with_token else None
    api = limited(CRUDDUR_READ_LIMIT_PER_ADDRESS="25/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    assert statuses(api, path, 4, token=token) == [200] * 2 + [429] * 2
    assert statuses(api, HOME, 6) == [200] * 5 + [429]
    assert statuses(api, path, 1, "203.0.113.2", token) == [200]


def test_a_limit_that_is_less_than_one_heavy_page(limited):
    api = limited(CRUDDUR_READ_LIMIT_PER_ADDRESS="3/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    assert statuses(api, SEARCH, 2) == [200, 429]


def test_what_asks_no_postgres_and_what_writes_does_not_count(limited, database):
    token = database.add_user().token()
    api = limited(CRUDDUR_READ_LIMIT_PER_ADDRESS="1/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    assert statuses(api, HOME, 2) == [200, 429]
    for path in ("/api/health-check", "/api/readiness", "/api/openapi.json"):
        assert statuses(api, path, 3) == [200] * 3
    headers = {"X-Forwarded-For": "203.0.113.1"}
    crud = {"message": "Not a read.", "ttl": "1-day"}
    for _ in range(3):
        api.post("/api/activities", token, json=crud, headers=headers).expect(200)
    api.request("OPTIONS", HOME, headers=headers)
