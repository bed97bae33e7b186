"""POST /api/activities/{uuid}/reply: the reply and its parent's counter, always together."""

import uuid

import pytest

from harness.load import at_once
from harness.shapes import ACTIVITY
from harness.tokens import token_for


@pytest.fixture(scope="module")
def author(database):
    return database.add_user()


@pytest.fixture
def parent(database, author):
    return database.add_activity(author, "parent")


def path(parent):
    return f"/api/activities/{parent}/reply"


def counter(database, activity):
    return database.value("select replies_count from public.activities where uuid = %s", activity)


def replies(database, activity):
    return database.value(
        "select count(*) from public.activities where reply_to_activity_uuid = %s", activity
    )


def test_a_reply(api, database, author, parent):
    replier = database.add_user()
    reply = api.post(path(parent), replier.token(), json={"message": "I agree"}).expect(200)
    assert reply.keys() == ACTIVITY
    assert reply["reply_to_activity_uuid"] == parent
    assert reply["handle"] == replier.handle
    assert reply["display_name"] == replier.display_name
    assert reply["message"] == "I agree"
    assert reply["replies_count"] == 0
    thread = api.get(f"/api/activities/@{author.handle}/status/{parent}").expect(200)
    assert thread["replies"] == [reply]
    assert thread["activity"]["replies_count"] == 1
    assert counter(database, parent) == 1


def test_a_reply_to_a_reply(api, database, author, parent):
    first = api.post(path(parent), author.token(), json={"message": "1"}).expect(200)
    second = api.post(path(first["uuid"]), author.token(), json={"message": "2"}).expect(200)
    assert second["reply_to_activity_uuid"] == first["uuid"]
    assert (counter(database, parent), counter(database, first["uuid"])) == (1, 1)


def test_the_path_wins_over_the_body(api, database, author, parent):
    other = database.add_activity(author, "other")
    body = {"message": "m", "activity_uuid": other}
    reply = api.post(path(parent), author.token(), json=body).expect(200)
    assert reply["reply_to_activity_uuid"] == parent
    assert (counter(database, parent), counter(database, other)) == (1, 0)


@pytest.mark.parametrize("given", [None, 7, [], "not a uuid"])
def test_the_body_s_parent_may_be_anything(api, author, parent, given):
    body = {"message": "m", "activity_uuid": given}
    api.post(path(parent), author.token(), json=body).expect(200)


def test_upper_case_in_the_path(api, author, parent):
    reply = api.post(path(parent.upper()), author.token(), json={"message": "m"}).expect(200)
    assert reply["reply_to_activity_uuid"] == parent


def test_a_null_counter_counts_from_zero(api, database, author, parent):
    database.run("update public.activities set replies_count = null where uuid = %s", parent)
    api.post(path(parent), author.token(), json={"message": "m"}).expect(200)
    assert counter(database, parent) == 1


@pytest.mark.parametrize("message", [None, "", " \n", 5, ["x"], {}])
def test_message_blank(api, database, author, parent, message):
    api.post(path(parent), author.token(), json={"message": message}).expect(422, ["message_blank"])
    assert (counter(database, parent), replies(database, parent)) == (0, 0)


def test_length(api, author, parent):
    body = {"message": "\U0001f600" * 1024}
    api.post(path(parent), author.token(), json=body).expect(200)
    body = {"message": "\U0001f600" * 1025}
    api.post(path(parent), author.token(), json=body).expect(422, ["message_exceed_max_chars_1024"])


@pytest.mark.parametrize(
    "unknown",
    [
        "not-a-uuid",
        "00000000-0000-0000-0000-000000000000",
        "{9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b21}",
        "9a2b6b1e7d5c4e0a9c556f6f1f6d2b21",
        "9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b2g",
        "%27or%271",
        "x" * 500,
    ],
)
def test_unknown_parent(api, author, unknown):
    api.post(path(unknown), author.token(), json={"message": "m"}).expect(
        404, ["activity_not_found"]
    )


def test_expired_parent(api, database, author):
    parent = database.add_activity(author, expires_in=-1)
    api.post(path(parent), author.token(), json={"message": "m"}).expect(
        404, ["activity_not_found"]
    )
    assert (counter(database, parent), replies(database, parent)) == (0, 0)


def test_a_user_without_a_row(api, database, key, parent):
    token = token_for(key, str(uuid.uuid4()))
    api.post(path(parent), token, json={"message": "m"}).expect(422, ["user_not_found"])
    assert (counter(database, parent), replies(database, parent)) == (0, 0)


def test_without_a_token(api, database, parent):
    api.post(path(parent), json={"message": "m"}).expect(401, ["generic_401"])
    assert counter(database, parent) == 0


def test_fifty_at_once_are_all_counted(api, database, parent):
    users = [database.add_user() for _ in range(50)]

    def reply(user):
        mine = api.another()
        body = {"message": f"from {user.handle}"}
        answer = mine.post(path(parent), user.token(), json=body).expect(200)
        mine.close()
        assert answer["handle"] == user.handle
        assert answer["message"] == f"from {user.handle}"
        return answer["uuid"]

    made = at_once([lambda user=user: reply(user) for user in users])
    assert len(set(made)) == 50
    assert (counter(database, parent), replies(database, parent)) == (50, 50)
