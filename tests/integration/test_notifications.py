"""GET /api/activities/notifications: replies to the caller and mentions of the caller."""

import pytest

from harness.shapes import ACTIVITY, uuids
from harness.tokens import token_for

PATH = "/api/activities/notifications"


@pytest.fixture
def me(database):
    return database.add_user()


@pytest.fixture
def other(database):
    return database.add_user()


def mine(api, user):
    return uuids(api.get(PATH, user.token()).expect(200))


def test_nothing_yet(api, me):
    assert mine(api, me) == []


def test_replies_and_mentions_newest_first(api, database, me, other):
    crud = database.add_activity(me, "my crud", age=100)
    reply = database.add_activity(other, "a reply", age=50, reply_to=crud)
    mention = database.add_activity(other, f"look, @{me.handle}", age=60)
    both = database.add_activity(other, f"@{me.handle} both", age=40, reply_to=crud)
    database.add_activity(other, "not for me", age=30)
    rows = api.get(PATH, me.token()).expect(200)
    assert uuids(rows) == [both, reply, mention]
    assert all(row.keys() == ACTIVITY for row in rows)
    assert {row["handle"] for row in rows} == {other.handle}


def test_not_the_caller_s_own(api, database, me, other):
    crud = database.add_activity(me, f"I am @{me.handle}")
    database.add_activity(me, "replying to myself", reply_to=crud)
    assert mine(api, me) == []
    theirs = database.add_activity(other, "theirs")
    database.add_activity(me, "my reply", reply_to=theirs)
    assert mine(api, me) == []
    assert len(mine(api, other)) == 1


def test_not_the_expired(api, database, me, other):
    crud = database.add_activity(me, "my crud")
    database.add_activity(other, "a reply", expires_in=-1, reply_to=crud)
    database.add_activity(other, f"@{me.handle}", expires_in=-1)
    assert mine(api, me) == []


@pytest.mark.parametrize(
    "text",
    [
        "@{}",
        "@{} first",
        "last @{}",
        "(@{})",
        "@{}, and",
        "hi @{}!",
        "@{}'s",
        "line\n@{}\nline",
        "@@{}",
        "“@{}”",
    ],
)
def test_a_mention(api, database, me, other, text):
    uuid = database.add_activity(other, text.format(me.handle))
    assert mine(api, me) == [uuid]


@pytest.mark.parametrize("text", ["{}", "@{}x", "@{}1", "@{}_", "@x{}", "@ {}", "@{}é", "someone@{}"])
def test_no_mention(api, database, me, other, text):
    database.add_activity(other, text.format(me.handle))
    assert mine(api, me) == []


@pytest.mark.parametrize("handle", ["per%cent", "under_score", "dot.ted", "br[ack](et)", "back\\slash", "pl+us"])
def test_a_handle_of_metacharacters_is_literal(api, database, other, handle):
    user = database.add_user(handle=handle)
    found = database.add_activity(other, f"hello @{handle} there")
    wrong = handle
    for sign in "%_.+":
        wrong = wrong.replace(sign, "X")
    if wrong != handle:
        database.add_activity(other, f"hello @{wrong} there")
    assert mine(api, user) == [found]


def test_pages(api, database, me, other):
    made = [database.add_activity(other, f"@{me.handle} {age}", age=age) for age in range(5)]
    first = api.get(f"{PATH}?limit=3", me.token())
    assert uuids(first.expect(200)) == made[:3]
    assert first.header("Link")


def test_a_user_without_a_row(api, key):
    api.get(PATH, token_for(key, "no-row")).expect(422, ["user_not_found"])


def test_without_a_token(api):
    api.get(PATH).expect(401, ["generic_401"])
