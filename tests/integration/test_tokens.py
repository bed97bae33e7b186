"""Which tokens are accepted: every rule of the contract, one by one."""

import base64
import json
import time

import pytest

from harness import tokens
from harness.tokens import (
    CLIENT_ID,
    OTHER_CLIENT_ID,
    SigningKey,
    base64url,
    base64url_json,
    claims_for,
    sign,
)

PATH = "/api/activities/notifications"


@pytest.fixture(scope="module")
def user(database):
    return database.add_user()


def now():
    return int(time.time())


GOOD = {
    "access": lambda key, sub: sign(key, claims_for(sub)),
    "id": lambda key, sub: sign(key, claims_for(sub, "id")),
    "access of the other client": lambda key, sub: sign(
        key, claims_for(sub, client_id=OTHER_CLIENT_ID)
    ),
    "id of the other client": lambda key, sub: sign(
        key, claims_for(sub, "id", aud=OTHER_CLIENT_ID)
    ),
    "nbf in the past": lambda key, sub: sign(key, claims_for(sub, nbf=now() - 10)),
    "nbf within the leeway": lambda key, sub: sign(key, claims_for(sub, nbf=now() + 30)),
    "exp within the leeway": lambda key, sub: sign(key, claims_for(sub, exp=now() - 20)),
    "exp beyond every clock": lambda key, sub: sign(key, claims_for(sub, exp=2**63 - 1)),
    "exp beyond 64 bits": lambda key, sub: sign(key, claims_for(sub, exp=10**20)),
    "as long as headers may be": lambda key, sub: sign(key, claims_for(sub, scope="x" * 11000)),
    "no iat": lambda key, sub: sign(key, claims_for(sub, iat=None)),
    "no typ": lambda key, sub: sign(key, claims_for(sub), header={"typ": None}),
    "a long one": lambda key, sub: sign(key, claims_for(sub, groups=["g" * 40] * 60)),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD.keys())
def test_good(api, key, user, make):
    token = make(key, user.sub)
    for _ in range(3):  # the first verifies, the next are remembered
        api.get(PATH, token).expect(200)


def flip(token, part, position):
    """Flips one bit of what a part of the token stands for."""
    parts = token.split(".")
    data = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
    data[position] ^= 1
    parts[part] = base64url(bytes(data))
    return ".".join(parts)


def claim_changed(key, sub):
    """Another user's sub under the first one's signature."""
    head, payload, signature = sign(key, claims_for("someone else")).split(".")
    return f"{head}.{base64url_json(claims_for(sub))}.{signature}"


def duplicated(key, sub):
    payload = json.dumps(claims_for("someone else"))[:-1] + f', "sub": "{sub}"' + "}"
    signed = f"{base64url_json({'alg': 'RS256', 'kid': key.kid})}.{base64url(payload.encode())}"
    return f"{signed}.{base64url(key.sign(signed.encode(), 'RS256'))}"


def bad_claims(**changes):
    return lambda key, sub: sign(key, claims_for(sub, **changes))


def bad_header(**changes):
    return lambda key, sub: sign(key, claims_for(sub), header=changes)


def good(key, sub):
    return sign(key, claims_for(sub))


BAD = {
    "alg none": lambda key, sub: sign(key, claims_for(sub), alg="none"),
    "alg none with a signature": lambda key, sub: sign(
        key, claims_for(sub), header={"alg": "none"}
    ),
    "alg None": lambda key, sub: sign(key, claims_for(sub), header={"alg": "None"}),
    "alg missing": bad_header(alg=None),
    "alg rs256": bad_header(alg="rs256"),
    "alg a number": bad_header(alg=256),
    "alg RS256 but RS384 by header": bad_header(alg="RS384"),
    "HS256 with the public key": lambda key, sub: sign(key, claims_for(sub), alg="HS256"),
    "RS384": lambda key, sub: sign(key, claims_for(sub), alg="RS384"),
    "RS512": lambda key, sub: sign(key, claims_for(sub), alg="RS512"),
    "ES256 by header": bad_header(alg="ES256"),
    "PS256 by header": bad_header(alg="PS256"),
    "RS384 said to be RS256": lambda key, sub: sign(
        key, claims_for(sub), alg="RS384", header={"alg": "RS256"}
    ),
    "kid missing": bad_header(kid=None),
    "kid empty": bad_header(kid=""),
    "kid a number": bad_header(kid=1),
    "kid with a path": bad_header(kid="../../../../dev/null"),
    "kid of nobody": bad_header(kid="nobody"),
    "kid with a NUL": lambda key, sub: sign(
        key, claims_for(sub), header={"kid": key.kid + "\0"}
    ),
    "crit": bad_header(crit=["exp"]),
    "another key under our kid": lambda key, sub: sign(SigningKey(key.kid), claims_for(sub)),
    "jwk in the header": lambda key, sub: self_signed(sub),
    "another issuer": bad_claims(iss="https://evil.test/pool"),
    "issuer with a slash": bad_claims(iss=tokens.ISSUER + "/"),
    "issuer's prefix": bad_claims(iss=tokens.ISSUER[:-1]),
    "issuer with a NUL": bad_claims(iss=tokens.ISSUER + "\0"),
    "issuer missing": bad_claims(iss=None),
    "issuer a list": bad_claims(iss=[tokens.ISSUER]),
    "another client": bad_claims(client_id="somebody else's client"),
    "both clients in one": bad_claims(client_id=f"{CLIENT_ID},{OTHER_CLIENT_ID}"),
    "client empty": bad_claims(client_id=""),
    "client missing": bad_claims(client_id=None),
    "client missing but aud": bad_claims(client_id=None, aud=CLIENT_ID),
    "id of another audience": lambda key, sub: sign(key, claims_for(sub, "id", aud="other")),
    "id with client_id only": lambda key, sub: sign(
        key, claims_for(sub, "id", aud=None, client_id=CLIENT_ID)
    ),
    "token_use refresh": bad_claims(token_use="refresh"),
    "token_use missing": bad_claims(token_use=None),
    "token_use a list": bad_claims(token_use=["access"]),
    "expired": lambda key, sub: sign(key, claims_for(sub, exp=now() - 120)),
    "expired long ago": bad_claims(exp=0),
    "exp negative": bad_claims(exp=-1),
    "exp missing": bad_claims(exp=None),
    "exp text": lambda key, sub: sign(key, claims_for(sub, exp=str(now() + 3600))),
    "exp a list": bad_claims(exp=[4102444800]),
    "iat text": bad_claims(iat="1700000000"),
    "iat null": lambda key, sub: sign(key, {**claims_for(sub), "iat": None}),
    "id with an audience that is no text": lambda key, sub: sign(
        key, claims_for(sub, "id", aud=[CLIENT_ID, 5])
    ),
    "not yet valid": lambda key, sub: sign(key, claims_for(sub, nbf=now() + 300)),
    "nbf text": bad_claims(nbf="0"),
    "sub missing": bad_claims(sub=None),
    "sub empty": bad_claims(sub=""),
    "sub a number": bad_claims(sub=5),
    "a changed claim": claim_changed,
    "sub twice": duplicated,
    "a flipped bit in the signature": lambda key, sub: flip(good(key, sub), 2, 100),
    "a flipped bit in the payload": lambda key, sub: flip(good(key, sub), 1, 20),
    "a flipped bit in the header": lambda key, sub: flip(good(key, sub), 0, 12),
    "truncated": lambda key, sub: good(key, sub)[:-1],
    "truncated by ten": lambda key, sub: good(key, sub)[:-10],
    "without signature": lambda key, sub: good(key, sub).rsplit(".", 1)[0] + ".",
    "two parts": lambda key, sub: good(key, sub).rsplit(".", 1)[0],
    "four parts": lambda key, sub: good(key, sub) + ".AAAA",
    "a dot before": lambda key, sub: "." + good(key, sub),
    "padded": lambda key, sub: good(key, sub) + "==",
    "base64 instead of base64url": lambda key, sub: "+/+/." + good(key, sub).split(".", 1)[1],
    "a letter appended": lambda key, sub: good(key, sub) + "A",
    "payload not JSON": lambda key, sub: raw_payload(key, b"not json"),
    "payload an array": lambda key, sub: raw_payload(key, b"[]"),
    "payload nested": lambda key, sub: raw_payload(key, b"[" * 3000),
    "payload not UTF-8": lambda key, sub: raw_payload(key, b'{"sub":"\xff"}'),
    "payload empty": lambda key, sub: raw_payload(key, b""),
    "an empty key's HMAC": lambda key, sub: "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
    "garbage": lambda key, sub: "garbage",
    "dots": lambda key, sub: "..",
    "a huge one": lambda key, sub: sign(key, claims_for(sub, filler="x" * 20000)),
}


def self_signed(sub):
    other = SigningKey("of-my-own")
    return sign(other, claims_for(sub), header={"jwk": other.jwk()})


def raw_payload(key, payload):
    signed = f"{base64url_json({'alg': 'RS256', 'kid': key.kid})}.{base64url(payload)}"
    return f"{signed}.{base64url(key.sign(signed.encode(), 'RS256'))}"


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
def test_bad(api, key, user, make):
    token = make(key, user.sub)
    api.get(PATH, good(key, user.sub)).expect(200)  # nothing of a good one rubs off
    answer = api.exchange("GET", PATH, None, {"Authorization": f"Bearer {token}"})
    if len(token) > 10000:  # may be over the limit for headers already
        assert answer.status in (401, 431)
        return
    answer.expect(401, ["generic_401"])
    api.get(PATH, token).expect(401, ["generic_401"])
    api.get("/api/activities/home", token).expect(200)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer null",
        "Bearer undefined",
        "Basic {}",
        "Token {}",
        "{}",
        "Bearer{}",
        "Bearer {} {}",
        "Bearer {},{}",
        'Bearer "{}"',
        "Bearer \xff",
    ],
)
def test_bad_headers(api, key, user, header):
    token = good(key, user.sub)
    value = None if header is None else header.replace("{}", token)
    api.get(PATH, headers={"Authorization": value}).expect(401, ["generic_401"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_has_no_case(api, key, user, scheme):
    header = f"{scheme} {good(key, user.sub)}"
    api.get(PATH, headers={"Authorization": header}).expect(200)


def test_two_headers_are_no_token(server, key, user):
    """Which of the two a proxy looked at is not known."""
    from harness.raw import RawConnection

    token = good(key, user.sub)
    other = good(key, "someone else")
    with RawConnection(server.port) as raw:
        answer = raw.ask(
            f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            f"Authorization: Bearer {other}\r\n\r\n"
        )
        assert answer.status in (200, 400, 401)


def test_a_token_is_its_user_s_alone(api, key, database):
    """Remembered tokens of many users are never mixed up."""
    users = [database.add_user() for _ in range(30)]
    issued = [(user, user.token()) for user in users]
    for _ in range(3):
        for user, token in issued:
            body = {"message": "mine", "ttl": "1-hour"}
            posted = api.post("/api/activities", token, json=body).expect(200)
            assert posted["handle"] == user.handle


def test_a_remembered_token_expires(api, key, user, database):
    """Within the leeway it is good, beyond it is not, remembered or not."""
    token = sign(key, claims_for(user.sub, exp=now() - 57))
    assert api.get(PATH, token).status in (200, 401)
    database.wait_until(
        "select extract(epoch from clock_timestamp()) > %s", now() + 4, timeout=30
    )
    api.get(PATH, token).expect(401, ["generic_401"])
