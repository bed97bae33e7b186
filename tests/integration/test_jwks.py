"""The pool's keys: down, slow, broken, rotated; and how often they are asked for."""

import json

import pytest

from harness.jwks import JwksServer
from harness.load import at_once
from harness.tokens import SigningKey, token_for

PATH = "/api/activities/notifications"


@pytest.fixture
def pool(key):
    """A key endpoint of the test's own."""
    server = JwksServer([key])
    yield server
    server.close()


@pytest.fixture
def user(database):
    return database.add_user()


def wait_for_keys(api, pool, token):
    """Asks until a token is good: the server fetches the keys again after a pause."""
    for _ in range(10):
        pool.wait_for_fetches(pool.fetches + 1)
        answer = api.get(PATH, token)
        if answer.status == 200:
            return
        answer.expect(401, ["generic_401"])
    raise AssertionError("the keys were never loaded")


def test_fetched_once_and_kept(start_api, pool, user):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    for _ in range(20):
        api.get(PATH, user.token()).expect(200)
    assert pool.fetches == 1


def test_the_first_requests_wait_for_the_keys(start_api, pool, user):
    """A request that comes before the keys is answered when they are there."""
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(200)


def test_a_file(start_api, pool, user, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_bytes(pool.document())
    _, api = start_api(AWS_COGNITO_JWKS_URL=f"file:{file}")
    api.get(PATH, user.token()).expect(200)
    _, api = start_api(AWS_COGNITO_JWKS_URL=f"file://{file}")
    api.get(PATH, user.token()).expect(200)


def test_an_unknown_kid_fetches_at_most_once_however_many_ask(start_api, pool, user):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(200)
    stranger = SigningKey()

    def ask():
        mine = api.another()
        for number in range(5):
            token = token_for(stranger, user.sub, jti=str(number))
            mine.get(PATH, token).expect(401, ["generic_401"])
        mine.close()

    at_once([ask] * 20)
    strangers = [SigningKey.__new__(SigningKey) for _ in range(20)]
    for number, other in enumerate(strangers):
        other.kid, other.private = f"stranger-{number}", stranger.private
        api.get(PATH, token_for(other, user.sub)).expect(401, ["generic_401"])
    assert pool.fetches == 2
    api.get(PATH, user.token()).expect(200)


def test_a_bad_token_of_an_unknown_kid_costs_no_fetch(start_api, pool, user):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(200)
    stranger = SigningKey()
    api.get(PATH, token_for(stranger, user.sub, iss="https://evil.test")).expect(401)
    api.get(PATH, token_for(stranger, user.sub, exp=1)).expect(401)
    assert pool.fetches == 1


def test_a_rotated_key_is_found(start_api, pool, key, user):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(200)
    new = SigningKey()
    pool.keys = [new, key]
    api.get(PATH, token_for(new, user.sub)).expect(200)
    api.get(PATH, user.token()).expect(200)
    assert pool.fetches == 2


def test_many_wait_for_one_fetch_of_a_rotated_key(start_api, pool, key, user):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(200)
    new = SigningKey()
    pool.keys = [new, key]

    def ask():
        mine = api.another()
        mine.get(PATH, token_for(new, user.sub)).expect(200)
        mine.close()

    at_once([ask] * 20)
    assert pool.fetches == 2


def test_a_key_that_was_withdrawn_is_refused(start_api, pool, user):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    token = user.token()
    api.get(PATH, token).expect(200)
    new = SigningKey()
    pool.keys = [new]
    api.get(PATH, token_for(new, user.sub)).expect(200)
    wait_until_refused(api, token)


def test_a_key_that_was_withdrawn_is_refused_though_nobody_names_another(start_api, pool, user):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url, CRUDDUR_JWKS_REFRESH_S=1)
    token = user.token()
    api.get(PATH, token).expect(200)
    new = SigningKey()
    pool.keys = [new]
    pool.wait_for_fetches(pool.fetches + 2)  # the second one begins after the first one has ended
    wait_until_refused(api, token)
    api.get(PATH, token_for(new, user.sub)).expect(200)


def test_old_keys_go_on_working_while_the_pool_is_down(start_api, pool, user):
    server, api = start_api(AWS_COGNITO_JWKS_URL=pool.url, CRUDDUR_JWKS_REFRESH_S=1)
    api.get(PATH, user.token()).expect(200)
    pool.go_down()
    assert server.log.wait_for(message="the user pool's keys cannot be fetched")
    for number in range(5):
        api.get(PATH, user.token(jti=str(number))).expect(200)
    assert api.get("/api/readiness").expect(200)["keys"] == "up"
    pool.come_back()


def wait_until_refused(api, token):
    """Each loop hears of the new keys by itself."""
    for _ in range(200):
        if all(api.another().get(PATH, token).status == 401 for _ in range(8)):
            return
    raise AssertionError("a withdrawn key goes on being good")


@pytest.mark.parametrize("mode", ["error", "garbage", "empty", "huge", "hang", "down"])
def test_known_keys_go_on_working(start_api, pool, user, mode):
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(200)
    if mode == "down":
        pool.go_down()
    else:
        pool.mode = mode
    stranger = SigningKey()
    api.get(PATH, token_for(stranger, user.sub)).expect(401, ["generic_401"])
    for _ in range(5):
        api.get(PATH, user.token()).expect(200)
    api.get(PATH, user.token(jti="never seen before")).expect(200)
    if mode == "down":
        pool.come_back()


@pytest.mark.parametrize("mode", ["error", "garbage", "empty", "huge", "hang", "down"])
def test_a_pool_that_is_broken_at_the_start(start_api, pool, user, mode):
    """Requests get 401 after a short wait, the public ones work; and it recovers by itself."""
    if mode == "down":
        pool.go_down()
    else:
        pool.mode = mode
    server, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(401, ["generic_401"])
    api.get("/api/activities/home").expect(200)
    api.get("/api/activities/home", user.token()).expect(200)
    api.get("/api/health-check").expect(200)
    assert api.get("/api/readiness").expect(503)["ready"] is False
    pool.mode = "ok"
    pool.release.set()
    if mode == "down":
        pool.come_back()
    wait_for_keys(api, pool, user.token())
    assert api.wait_until_ready()["ready"] is True
    assert server.log.find(level="warning") or server.log.find(level="error")


def test_a_slow_pool_does_not_hold_up_others(start_api, pool, user):
    """While tokens wait for the pool, requests without a token are answered."""
    pool.mode = "hang"
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url, CRUDDUR_LOOPS=1)
    pool.wait_for_fetches(1)
    connections = []
    for _ in range(20):
        other = api.another()
        other.connection.request("GET", PATH, headers={"Authorization": f"Bearer {user.token()}"})
        connections.append(other.connection)
    for _ in range(20):
        api.get("/api/activities/home").expect(200)
    for connection in connections:
        response = connection.getresponse()
        assert response.status == 401
        assert json.loads(response.read()) == ["generic_401"]
        connection.close()


def test_keys_of_other_kinds_are_passed_over(start_api, pool, key, user):
    documents = [
        key.jwk(kid="weak", n="AQAB"),
        key.jwk(kid="enc", use="enc"),
        {"kty": "EC", "kid": "ec", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "oct", "kid": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA"},
        {},
        key.jwk(),
    ]
    pool.document = lambda: json.dumps({"keys": documents}).encode()
    _, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    api.get(PATH, user.token()).expect(200)
    for kid in ("enc", "weak"):
        other = SigningKey.__new__(SigningKey)
        other.kid, other.private = kid, key.private
        api.get(PATH, token_for(other, user.sub)).expect(401, ["generic_401"])


def test_stopping_while_a_fetch_hangs(start_api, pool, user):
    pool.mode = "hang"
    server, api = start_api(AWS_COGNITO_JWKS_URL=pool.url)
    pool.wait_for_fetches(1)
    other = api.another()
    other.connection.request("GET", PATH, headers={"Authorization": f"Bearer {user.token()}"})
    server.stop()
    try:
        assert other.connection.getresponse().status in (401, 503)
    except OSError:
        pass  # it had not been read yet
