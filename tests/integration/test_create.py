"""POST /api/activities."""

import datetime

import pytest

from harness.people import parse_time, utc_now
from harness.shapes import ACTIVITY
from harness.tokens import token_for

PATH = "/api/activities"
TTLS = {
    "30-days": datetime.timedelta(days=30),
    "7-days": datetime.timedelta(days=7),
    "3-days": datetime.timedelta(days=3),
    "1-day": datetime.timedelta(days=1),
    "12-hours": datetime.timedelta(hours=12),
    "3-hours": datetime.timedelta(hours=3),
    "1-hour": datetime.timedelta(hours=1),
}
BLANKS = [None, "", " ", "\t\r\n \x0b\x0c", "\u00a0\u2003\u3000\u2028", 5, 1.5, True, [], ["a"], {}]


@pytest.fixture(scope="module")
def author(database):
    return database.add_user()


def count(database, user):
    return database.value("select count(*) from public.activities where user_uuid = %s", user.uuid)


@pytest.mark.parametrize("ttl", TTLS)
def test_a_new_activity(api, database, author, ttl):
    body = {"message": f"for {ttl}", "ttl": ttl}
    posted = api.post(PATH, author.token(), json=body).expect(200)
    assert posted.keys() == ACTIVITY
    created, expires = parse_time(posted["created_at"]), parse_time(posted["expires_at"])
    assert expires - created == TTLS[ttl]
    assert abs(created - utc_now()) < datetime.timedelta(minutes=10)
    assert posted["handle"] == author.handle
    assert posted["display_name"] == author.display_name
    assert posted["message"] == f"for {ttl}"
    assert posted["reply_to_activity_uuid"] is None
    assert [posted[f"{what}_count"] for what in ("replies", "reposts", "likes")] == [0, 0, 0]
    row = database.run(
        "select user_uuid::text, message, created_at, expires_at from public.activities where uuid = %s",
        posted["uuid"],
    )
    assert row == [(author.uuid, f"for {ttl}", created, expires)]


def test_an_id_token_will_do(api, author):
    body = {"message": "by id token", "ttl": "1-day"}
    api.post(PATH, author.token(kind="id"), json=body).expect(200)


@pytest.mark.parametrize(
    "message",
    [
        "a",
        " padded ",
        "Ünï¢ødé \U0001f469\u200d\U0001f469\u200d\U0001f467 \u202e rtl",
        "'; drop table activities; --",
        "<script>alert(1)</script>",
        'quotes " \\ / \b\f\n\r\t',
        "\u0001\u001f\u007f\u0080\uffff\U0010ffff",
        "%s %n $1 \\0 \\u0000",
        "a" * 280,
        "\U0001f600" * 280,
    ],
)
def test_a_message_comes_back_as_it_was(api, author, message):
    posted = api.post(PATH, author.token(), json={"message": message, "ttl": "1-day"}).expect(200)
    assert posted["message"] == message
    thread = api.get(f"/api/activities/@{author.handle}/status/{posted['uuid']}").expect(200)
    assert thread["activity"] == posted


@pytest.mark.parametrize("message", BLANKS)
def test_message_blank(api, database, author, message):
    before = count(database, author)
    api.post(PATH, author.token(), json={"message": message, "ttl": "1-day"}).expect(
        422, ["message_blank"]
    )
    assert count(database, author) == before


def test_message_missing(api, author):
    api.post(PATH, author.token(), json={"ttl": "1-day"}).expect(422, ["message_blank"])


@pytest.mark.parametrize("message", ["a" * 281, "\U0001f600" * 281, " " * 280 + "a", "é" * 5000])
def test_message_exceed_max_chars(api, author, message):
    api.post(PATH, author.token(), json={"message": message, "ttl": "1-day"}).expect(
        422, ["message_exceed_max_chars"]
    )


@pytest.mark.parametrize(
    "ttl", BLANKS + ["2-days", "1-Day", " 1-day", "1-day ", "1-days", "-1", "30-days\u0301", "x" * 9999]
)
def test_ttl_blank(api, author, ttl):
    api.post(PATH, author.token(), json={"message": "m", "ttl": ttl}).expect(422, ["ttl_blank"])


def test_ttl_missing(api, author):
    api.post(PATH, author.token(), json={"message": "m"}).expect(422, ["ttl_blank"])


@pytest.mark.parametrize(
    "body, codes",
    [
        ({}, ["message_blank", "ttl_blank"]),
        ({"ttl": "x", "message": 1}, ["message_blank", "ttl_blank"]),
        ({"ttl": "", "message": "a" * 281}, ["message_exceed_max_chars", "ttl_blank"]),
    ],
)
def test_every_broken_rule_is_listed_the_message_s_first(api, author, body, codes):
    api.post(PATH, author.token(), json=body).expect(422, codes)


def test_unknown_fields_are_ignored(api, author):
    body = {"message": "m", "ttl": "1-day", "uuid": "x", "user_uuid": "y", "handle": "z", "": None}
    posted = api.post(PATH, author.token(), json=body).expect(200)
    assert posted["handle"] == author.handle


def test_a_user_without_a_row(api, key):
    token = token_for(key, "nobody-has-this-sub")
    api.post(PATH, token, json={"message": "m", "ttl": "1-day"}).expect(422, ["user_not_found"])


def test_no_token_matches_the_placeholder(api, database, key):
    user = database.add_user(sub="MOCK")
    token = token_for(key, "MOCK")
    requests = [
        ("POST", PATH, {"message": "m", "ttl": "1-day"}),
        ("PUT", "/api/profile/update", {"display_name": "x", "bio": ""}),
        ("GET", "/api/activities/notifications", None),
    ]
    for method, path, body in requests:
        answer = api.request(method, path, token, json=body)
        assert (answer.status, answer.json()) in (
            (401, ["generic_401"]),
            (422, ["user_not_found"]),
        )
    assert count(database, user) == 0


def test_without_a_token(api):
    api.post(PATH, json={"message": "m", "ttl": "1-day"}).expect(401, ["generic_401"])
