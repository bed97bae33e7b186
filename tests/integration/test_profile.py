"""A user's page, one activity with its replies, the short form, and the profile's update."""

import pytest

from harness.shapes import ACTIVITY, PROFILE, uuids
from harness.tokens import token_for

UPDATE = "/api/profile/update"


# --- GET /api/activities/@{handle} ---


def test_a_page(api, database):
    user = database.add_user(bio="I crud.")
    old = database.add_activity(user, "old", age=20)
    new = database.add_activity(user, "new", age=10, expires_in=None)
    database.add_activity(user, "expired", age=5, expires_in=-1)
    database.add_activity(database.add_user(), "somebody else's")
    page = api.get(f"/api/activities/@{user.handle}").expect(200)
    assert page.keys() == {"profile", "activities"}
    assert page["profile"].keys() == PROFILE
    assert page["profile"] == {
        "uuid": user.uuid,
        "cognito_user_uuid": user.sub,
        "handle": user.handle,
        "display_name": user.display_name,
        "bio": "I crud.",
        "cruds_count": 2,
    }
    assert uuids(page["activities"]) == [new, old]
    assert all(activity.keys() == ACTIVITY for activity in page["activities"])


def test_a_page_without_anything(api, database):
    user = database.add_user()
    page = api.get(f"/api/activities/@{user.handle}").expect(200)
    assert page["activities"] == []
    assert page["profile"]["bio"] is None
    assert page["profile"]["cruds_count"] == 0


def test_the_forty_newest(api, database):
    user = database.add_user()
    made = [database.add_activity(user, str(age), age=age) for age in range(45)]
    page = api.get(f"/api/activities/@{user.handle}").expect(200)
    assert uuids(page["activities"]) == made[:40]
    assert page["profile"]["cruds_count"] == 45


def test_an_unknown_handle(api):
    api.get("/api/activities/@nobody").expect(404, ["user_not_found"])


# --- GET /api/activities/@{handle}/status/{uuid} ---


def status(user, activity):
    return f"/api/activities/@{user.handle}/status/{activity}"


def test_a_thread_oldest_reply_first(api, database):
    user, other = database.add_user(), database.add_user()
    parent = database.add_activity(user, "parent", age=100)
    late = database.add_activity(other, "late", age=10, reply_to=parent)
    early = database.add_activity(user, "early", age=50, reply_to=parent)
    database.add_activity(other, "expired", age=30, expires_in=-1, reply_to=parent)
    database.add_activity(other, "a reply's reply", age=5, reply_to=late)
    thread = api.get(status(user, parent)).expect(200)
    assert thread.keys() == {"activity", "replies"}
    assert thread["activity"].keys() == ACTIVITY
    assert thread["activity"]["uuid"] == parent
    assert uuids(thread["replies"]) == [early, late]
    assert [reply["handle"] for reply in thread["replies"]] == [user.handle, other.handle]


def test_a_uuid_in_upper_case_is_the_same(api, database):
    user = database.add_user()
    activity = database.add_activity(user)
    assert api.get(status(user, activity.upper())).expect(200)["activity"]["uuid"] == activity


@pytest.mark.parametrize(
    "activity",
    ["00000000-0000-0000-0000-000000000000", "not-a-uuid", "1", "a" * 1000, "%27--"],
)
def test_an_unknown_activity(api, database, activity):
    user = database.add_user()
    api.get(status(user, activity)).expect(404, ["activity_not_found"])


def test_an_expired_activity(api, database):
    user = database.add_user()
    activity = database.add_activity(user, expires_in=-1)
    api.get(status(user, activity)).expect(404, ["activity_not_found"])


def test_another_handle_s_activity(api, database):
    activity = database.add_activity(database.add_user())
    api.get(status(database.add_user(), activity)).expect(404, ["activity_not_found"])
    api.get(f"/api/activities/@nobody/status/{activity}").expect(404, ["activity_not_found"])


# --- GET /api/users/@{handle}/short ---


def test_short(api, database):
    user = database.add_user()
    api.get(f"/api/users/@{user.handle}/short").expect(
        200, {"uuid": user.uuid, "handle": user.handle, "display_name": user.display_name}
    )


def test_short_of_an_unknown_handle(api):
    api.get("/api/users/@nobody/short").expect(404, ["user_not_found"])


# --- POST and PUT /api/profile/update ---


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_update(api, database, method):
    user, bystander = database.add_user(), database.add_user(bio="mine")
    body = {"display_name": "New Náme \U0001f600", "bio": 'Line\n"two" <b>'}
    updated = api.request(method, UPDATE, user.token(), json=body).expect(200)
    assert updated == {"uuid": user.uuid, "handle": user.handle, **body}
    profile = api.get(f"/api/activities/@{user.handle}").expect(200)["profile"]
    assert (profile["display_name"], profile["bio"]) == (body["display_name"], body["bio"])
    other = api.get(f"/api/activities/@{bystander.handle}").expect(200)["profile"]
    assert (other["display_name"], other["bio"]) == (bystander.display_name, "mine")


@pytest.mark.parametrize("bio", [None, "", "  ", 5, [], {}])
def test_a_blank_bio_is_no_error(api, database, bio):
    user = database.add_user(bio="before")
    body = {"display_name": "Name", "bio": bio}
    updated = api.put(UPDATE, user.token(), json=body).expect(200)
    assert not (updated["bio"] or "").strip()


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("bio", ["before", None])
def test_what_is_absent_stays_as_it_is(api, database, method, bio):
    user = database.add_user(bio=bio)
    same = {"uuid": user.uuid, "handle": user.handle}

    def update(body):
        return api.request(method, UPDATE, user.token(), json=body).expect(200)

    assert update({}) == {**same, "display_name": user.display_name, "bio": bio}
    assert update({"display_name": "Al"}) == {**same, "display_name": "Al", "bio": bio}
    assert update({"bio": "after"}) == {**same, "display_name": "Al", "bio": "after"}
    assert update({"bio": None}) == {**same, "display_name": "Al", "bio": ""}


def test_lengths_are_code_points(api, database):
    user = database.add_user()
    body = {"display_name": "\U0001f600" * 50, "bio": "\U0001f600" * 500}
    api.put(UPDATE, user.token(), json=body).expect(200)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    "body, codes",
    [
        ({"display_name": None}, ["display_name_blank"]),
        ({"display_name": "", "bio": "b"}, ["display_name_blank"]),
        ({"display_name": " \t", "bio": "b"}, ["display_name_blank"]),
        ({"display_name": 7, "bio": "b"}, ["display_name_blank"]),
        ({"display_name": ["x"], "bio": "b"}, ["display_name_blank"]),
        ({"display_name": "n" * 51, "bio": "b"}, ["display_name_exceed_max_chars"]),
        ({"display_name": "n", "bio": "é" * 501}, ["bio_exceed_max_chars"]),
        (
            {"bio": "b" * 501, "display_name": "n" * 51},
            ["display_name_exceed_max_chars", "bio_exceed_max_chars"],
        ),
        ({"bio": "b" * 501}, ["bio_exceed_max_chars"]),
        (
            {"bio": "b" * 501, "display_name": 5},
            ["display_name_blank", "bio_exceed_max_chars"],
        ),
    ],
)
def test_update_rules(api, database, method, body, codes):
    user = database.add_user(bio="before")
    api.request(method, UPDATE, user.token(), json=body).expect(422, codes)
    profile = api.get(f"/api/activities/@{user.handle}").expect(200)["profile"]
    assert (profile["display_name"], profile["bio"]) == (user.display_name, "before")


def test_update_by_a_user_without_a_row(api, key):
    token = token_for(key, "no-row")
    api.put(UPDATE, token, json={"display_name": "n", "bio": ""}).expect(422, ["user_not_found"])


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_update_without_a_token(api, method):
    api.request(method, UPDATE, json={"display_name": "n"}).expect(401, ["generic_401"])
