"""Limits on writes: by user, by address, behind proxies; off unless they are set."""

import socket
import time

import pytest

from conftest import FRONTEND
from harness.raw import RawConnection, request

PATH = "/api/activities"
CRUD = {"message": "One of many.", "ttl": "1-day"}
PROXIES = "127.0.0.0/8,10.0.0.0/8,fd00::/8"


def count(database, user):
    return database.value("select count(*) from public.activities where user_uuid = %s", user.uuid)


def refused(answer):
    answer.expect(429, ["rate_limited"])
    assert int(answer.header("Retry-After")) >= 1
    return int(answer.header("Retry-After"))


@pytest.fixture
def limited(start_api):
    """limited(NAME=value, …) is a client of a server that is ready and has these settings."""

    def start(**changes):
        _, api = start_api(**changes)
        api.wait_until_ready()
        return api

    return start


def statuses(api, user, number, **headers):
    """What so many writes are answered, each on a connection of its own: the loops take turns."""
    found = []
    for _ in range(number):
        other = api.another()
        answer = other.post(PATH, user.token(), json=CRUD, headers=headers)
        found.append(answer.status)
        other.close()
    return found


def test_no_limit_unless_set(api, database):
    user = database.add_user()
    assert statuses(api, user, 30) == [200] * 30


def test_a_user_s_limit(limited, database):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_USER="3/hour")
    heavy, other = database.add_user(), database.add_user()
    assert statuses(api, heavy, 6) == [200] * 3 + [429] * 3
    assert count(database, heavy) == 3
    answer = api.post(PATH, heavy.token(), json=CRUD, headers={"Origin": FRONTEND})
    assert 1 <= refused(answer) <= 1200
    assert answer.header("Access-Control-Allow-Origin") == FRONTEND
    assert "Retry-After" in answer.header_items("Access-Control-Expose-Headers")
    assert statuses(api, other, 3) == [200] * 3


def test_every_write_counts_and_no_read(limited, database):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_USER="4/hour")
    user, friend = database.add_user(), database.add_user()
    token = user.token()
    parent = database.add_activity(user)
    for _ in range(10):
        api.get("/api/activities/home", token).expect(200)
        api.get("/api/activities/notifications", token).expect(200)
    api.post(PATH, token, json=CRUD).expect(200)
    api.post(f"/api/activities/{parent}/reply", token, json={"message": "Yes."}).expect(200)
    api.post("/api/messages", token, json={"message": "Hi.", "handle": friend.handle}).expect(200)
    api.put("/api/profile/update", token, json={"display_name": "New"}).expect(200)
    refused(api.post(PATH, token, json=CRUD))
    refused(api.post(f"/api/activities/{parent}/reply", token, json={"message": "Yes."}))
    refused(api.post("/api/messages", token, json={"message": "Hi.", "handle": friend.handle}))
    refused(api.put("/api/profile/update", token, json={"display_name": "Newer"}))
    refused(api.post("/api/profile/update", token, json={"display_name": "Newer"}))
    api.get("/api/activities/home", token).expect(200)


def test_a_token_s_user_is_what_counts(limited, database):
    """Another token of the same user has the same bucket, and a bad token is nobody's."""
    api = limited(CRUDDUR_WRITE_LIMIT_PER_USER="2/hour")
    user = database.add_user()
    for _ in range(5):
        api.post(PATH, "a.bad.token", json=CRUD).expect(401)
        api.post(PATH, user.token()[:-8] + "AAAAAAAA", json=CRUD).expect(401)
    assert statuses(api, user, 2) == [200, 200]
    refused(api.post(PATH, user.token(kind="id"), json=CRUD))


def test_before_the_body_is_looked_at(limited, database):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_USER="1/hour")
    token = database.add_user().token()
    api.post(PATH, token, body=b"{").expect(400, ["malformed_json"])
    refused(api.post(PATH, token, body=b"{"))


@pytest.mark.parametrize("setting", ["CRUDDUR_WRITE_LIMIT_PER_USER", "CRUDDUR_WRITE_LIMIT_PER_ADDRESS"])
def test_before_postgres_is_asked(start_api, database, setting):
    server, api = start_api(
        CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none", **{setting: "1/hour"}
    )
    server.log.wait_for(message="the user pool's keys are loaded")
    token = database.add_user().token()
    api.post(PATH, token, json=CRUD).expect(503, ["generic_503"])
    refused(api.post(PATH, token, json=CRUD))


def test_an_address_s_limit(limited, database):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="3/hour")
    users = [database.add_user() for _ in range(4)]
    for _ in range(10):
        api.get("/api/activities/home").expect(200)
        api.request("OPTIONS", PATH)
        api.post("/api/nothing").expect(404)
        api.request("DELETE", PATH).expect(405)
    found = [status for user in users for status in statuses(api, user, 1)]
    assert found == [200, 200, 200, 429]
    answer = api.post(PATH, users[0].token(), json=CRUD, headers={"Origin": FRONTEND})
    refused(answer)
    assert answer.header("Access-Control-Allow-Origin") == FRONTEND
    refused(api.post(PATH, "a.bad.token", json=CRUD))
    api.get("/api/activities/home").expect(200)


def test_bad_tokens_count_for_their_address(limited):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="2/hour")
    for _ in range(2):
        api.post(PATH, "a.bad.token", json=CRUD).expect(401)
    refused(api.post(PATH, "a.bad.token", json=CRUD))


@pytest.mark.parametrize("path", ["/%61pi/activities", "/api/%61ctivities", "http://api.test/api/activities"])
def test_a_path_is_counted_however_it_is_written(limited, database, path):
    for setting in ("CRUDDUR_WRITE_LIMIT_PER_USER", "CRUDDUR_WRITE_LIMIT_PER_ADDRESS"):
        api = limited(**{setting: "3/hour"})
        token = database.add_user().token()
        found = []
        for _ in range(8):
            with RawConnection(api.port) as raw:
                found.append(
                    raw.ask(
                        request("POST", path, b'{"message":"a","ttl":"1-day"}', Origin=FRONTEND,
                                Authorization=f"Bearer {token}", Content_Type="application/json")
                    )  # fmt: skip
                )
        assert [answer.status for answer in found] == [200] * 3 + [429] * 5
        assert all(answer.header("Access-Control-Allow-Origin") == FRONTEND for answer in found)


def test_the_loops_share_the_count(limited, database):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_USER="7/hour", CRUDDUR_LOOPS=4)
    assert sorted(statuses(api, database.add_user(), 40)) == [200] * 7 + [429] * 33


def test_after_the_time_it_says_it_takes_writes_again(limited, database):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_USER="1/second")
    user = database.add_user()
    for _ in range(100):  # a slow machine may let one more through before the first refusal
        answer = api.post(PATH, user.token(), json=CRUD)
        if answer.status == 429:
            break
    time.sleep(refused(answer))
    api.post(PATH, user.token(), json=CRUD).expect(200)


def test_a_refused_body_is_read_and_the_connection_stays(limited):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="1/hour")
    with RawConnection(api.port) as raw:
        post = request("POST", PATH, b"{}" * 30000, Content_Type="application/json")
        raw.ask(post).expect(401, ["generic_401"])
        for _ in range(3):
            refused(raw.ask(post))
        raw.ask(request("GET", "/api/health-check")).expect(200)


def test_who_asks_first_is_told_before_the_body(limited):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="1/hour")
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    api.post(PATH, "a.bad.token", json=CRUD).expect(401)
    for more in ("Content-Length: 20\r\nExpect: 100-continue", "Transfer-Encoding: chunked",
                 "Content-Length: 100000000"):  # fmt: skip
        with RawConnection(api.port) as raw:
            raw.send(head + more + "\r\n\r\n")
            refused(raw.read_answer())
            assert raw.closed_by_peer()


def test_a_refused_body_that_does_not_come_ends_in_time(limited):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="1/hour", CRUDDUR_RECEIVE_TIMEOUT_S=1)
    api.post(PATH, "a.bad.token", json=CRUD).expect(401)
    with RawConnection(api.port) as raw:
        raw.send(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n{{")
        assert raw.closed_by_peer()


def test_refusals_are_logged_and_counted(start_api, database):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server, api = start_api(CRUDDUR_WRITE_LIMIT_PER_USER="1/hour", METRICS_PORT=port)
    api.wait_until_ready()
    assert statuses(api, database.add_user(), 3) == [200, 429, 429]
    assert server.log.wait_for(2, message="request", status=429)["level"] == "info"
    with RawConnection(port) as raw:
        text = raw.ask(request("GET", "/metrics")).body.decode()
    assert 'requests_total{method="POST",route="/api/activities",status="429"} 2\n' in text


# --- Whose address it is ---


def post_from(api, *lines):
    """A write without a good token, with these lines of X-Forwarded-For; 401 when it may."""
    forwarded = "".join(f"x-forwarded-for: {line}\r\n" for line in lines)
    with RawConnection(api.port) as raw:
        raw.send(f"POST {PATH} HTTP/1.1\r\nHost: a\r\n{forwarded}Content-Length: 0\r\n\r\n")
        answer = raw.read_answer()
    assert answer.status in (401, 429)
    return answer.status


def test_nobody_is_believed_unless_trusted(limited):
    for changes in ({}, {"CRUDDUR_TRUSTED_PROXIES": "10.0.0.0/8,::2"}):
        api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="2/hour", **changes)
        found = [post_from(api, f"203.0.113.{number}") for number in range(5)]
        assert found == [401] * 2 + [429] * 3


def test_a_trusted_proxy_s_clients_are_told_apart(limited):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="1/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    for number in range(5):
        assert post_from(api, f"203.0.113.{number}") == 401
    for number in range(5):
        assert post_from(api, f"203.0.113.{number}") == 429
    assert post_from(api, "203.0.113.0:4711") == 429, "a port is no part of the address"
    assert post_from(api, "::ffff:203.0.113.0") == 429, "one address in two spellings"


def test_what_a_client_claims_is_ignored(limited):
    """The balancer appends whom it was called by: what stands left of that is the client's word."""
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="1/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    assert post_from(api, "203.0.113.7") == 401
    for number in range(5):
        assert post_from(api, f"198.51.100.{number}, 203.0.113.7") == 429
        assert post_from(api, f"198.51.100.{number}", "203.0.113.7") == 429
        assert post_from(api, f"10.0.0.{number}, 203.0.113.7") == 429
        assert post_from(api, f"198.51.100.{number}, 203.0.113.7, 10.0.0.9") == 429
        assert post_from(api, f"198.51.100.{number}", "203.0.113.7", "10.0.0.9, fd00::9") == 429
        assert post_from(api, f"nonsense{number}, 203.0.113.7") == 429
    assert post_from(api, "203.0.113.7, 198.51.100.1") == 401


def test_what_is_no_address_counts_for_the_proxy(limited):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="1/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    assert post_from(api) == 401
    for line in ("unknown", "203.0.113.9, unknown", "203.0.113.9, unknown, 10.0.0.1", "", ",,",
                 "10.0.0.1", "10.0.0.77, 127.0.0.2", "203.0.113.999", "_x", "[", "1" * 8000):  # fmt: skip
        assert post_from(api, line) == 429, line
    assert post_from(api, "203.0.113.9", "unknown") == 429
    assert post_from(api, "203.0.113.9") == 401


def test_ipv6_is_counted_by_its_network(limited):
    api = limited(CRUDDUR_WRITE_LIMIT_PER_ADDRESS="1/hour", CRUDDUR_TRUSTED_PROXIES=PROXIES)
    assert post_from(api, "2001:db8:1:2::1") == 401
    assert post_from(api, "2001:db8:1:2::2") == 429
    assert post_from(api, "[2001:db8:1:2:ffff::]:4711") == 429
    assert post_from(api, "2001:db8:1:3::1") == 401
