"""GET /api/activities/home: what is in the feed, in which order, for whom."""

import datetime
import time

import pytest

from harness.people import parse_time, utc_now
from harness.shapes import ACTIVITY, messages, uuids
from harness.tokens import SigningKey, token_for

HOME = "/api/activities/home"


def test_an_activity_has_exactly_the_keys(api, database):
    user = database.add_user(display_name="Zoë “Z” \U0001f600")
    created = datetime.datetime(2023, 5, 20, 23, 44, 59, 123456)
    uuid = database.add_activity(user, "Hello \\ \"world\" \u2028 \U0001f600\n\t\x01", created_at=created)
    found = [row for row in api.get(f"{HOME}?limit=100").expect(200) if row["uuid"] == uuid]
    expires_at = database.value("select expires_at from public.activities where uuid = %s", uuid)
    assert found == [
        {
            "uuid": uuid,
            "display_name": "Zoë “Z” \U0001f600",
            "handle": user.handle,
            "message": "Hello \\ \"world\" \u2028 \U0001f600\n\t\x01",
            "replies_count": 0,
            "reposts_count": 0,
            "likes_count": 0,
            "reply_to_activity_uuid": None,
            "expires_at": expires_at.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"),
            "created_at": "2023-05-20T23:44:59.123456+00:00",
        }
    ]
    assert found[0].keys() == ACTIVITY


def test_whole_seconds_keep_six_digits(api, database):
    user = database.add_user()
    created = utc_now().replace(microsecond=0)
    uuid = database.add_activity(user, created_at=created)
    found = [row for row in api.get(f"{HOME}?limit=100").expect(200) if row["uuid"] == uuid]
    assert found[0]["created_at"] == created.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00")


def test_newest_first_with_replies_and_without_expired(api, database):
    user = database.add_user()
    old = database.add_activity(user, "old", age=30)
    reply = database.add_activity(user, "reply", age=20, reply_to=old)
    database.add_activity(user, "expired", age=15, expires_in=-1)
    forever = database.add_activity(user, "forever", age=10, expires_in=None)
    new = database.add_activity(user, "new", age=5)
    feed = uuids(api.get(HOME).expect(200))
    assert [uuid for uuid in feed if uuid in (old, reply, forever, new)] == [
        new, forever, reply, old,
    ]  # fmt: skip
    assert "expired" not in messages(api.get(f"{HOME}?limit=100").expect(200))


def test_an_activity_leaves_when_it_expires(api, database):
    user = database.add_user()
    uuid = database.add_activity(user, "short-lived", expires_in=3600)
    assert uuid in uuids(api.get(HOME).expect(200))
    database.run(
        "update public.activities set expires_at = timezone('UTC', now()) where uuid = %s", uuid
    )
    assert uuid not in uuids(api.get(HOME).expect(200))


def test_fifty_by_default_and_a_hundred_at_most(api, database):
    user = database.add_user()
    for age in range(110):
        database.add_activity(user, f"filler {age}", age=1000 + age)
    assert len(api.get(HOME).expect(200)) == 50
    assert len(api.get(f"{HOME}?limit=100").expect(200)) == 100
    assert len(api.get(f"{HOME}?limit=1").expect(200)) == 1
    api.get(f"{HOME}?limit=101").expect(422, ["limit_invalid"])


def test_any_token_or_none_gives_the_feed(api, database, key):
    user = database.add_user()
    public = api.get(HOME).expect(200)
    tokens = [
        user.token(),
        user.token(exp=int(time.time()) - 3600),
        token_for(SigningKey(key.kid), user.sub),
        token_for(key, "a sub without a row"),
        "garbage",
        "a.b.c",
        "",
    ]
    for token in tokens:
        api.get(HOME, token).expect(200, public)
    for header in ("Basic Zm9vOmJhcg==", "Bearer", "bearer x", "\xff", "Bearer null", "Bearer a b"):
        api.get(HOME, headers={"Authorization": header}).expect(200, public)


def test_a_post_is_at_the_top_at_once(api, database):
    user = database.add_user()
    body = {"message": "at the top", "ttl": "1-day"}
    for _ in range(5):
        posted = api.post("/api/activities", user.token(), json=body).expect(200)
        assert api.get(f"{HOME}?limit=1").expect(200) == [posted]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu"])
def test_the_database_s_zone_changes_nothing(pg_cluster, template, start_api, key, zone):
    from harness.people import Database

    database = Database(pg_cluster.fresh_database(template=template), key)
    name = database.value("select current_database()")
    database.run(f"alter database \"{name}\" set timezone to '{zone}'")
    user = database.add_user()
    _, api = start_api(CONNECTION_URL=database.url)
    posted = api.post(
        "/api/activities", user.token(), json={"message": "when?", "ttl": "1-hour"}
    ).expect(200)
    assert abs(parse_time(posted["created_at"]) - utc_now()) < datetime.timedelta(minutes=10)
    assert posted in api.get(HOME).expect(200)
    stored = database.value(
        "select created_at from public.activities where uuid = %s", posted["uuid"]
    )
    assert stored == parse_time(posted["created_at"])
    database.close()
