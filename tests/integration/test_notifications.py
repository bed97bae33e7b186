"""GET /api/activities/notifications: replies to the caller and mentions of the caller."""

import psycopg2
import pytest

from harness.roles import Role
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


@pytest.mark.parametrize("handle", ["under_score", "dot.ted", "da-sh", "_", "日本", "naïve", "UPPER"])
def test_the_signs_of_a_name_are_literal(api, database, other, handle):
    user = database.add_user(handle=handle)
    found = database.add_activity(other, f"hello @{handle}, there")
    for sign in "_.-":
        if sign in handle:
            database.add_activity(other, f"hello @{handle.replace(sign, 'X')} there")
    assert mine(api, user) == [found]


@pytest.mark.parametrize("text", [
    "@{}.", "@{}-", "@{}.-.", "@{}.,", "_@{}", "-@{}", "@x_@{}", "https://cloudnoww.com/, @{}",
])
def test_a_name_is_the_longest_run_that_ends_well(api, database, me, other, text):
    uuid = database.add_activity(other, text.format(me.handle))
    assert mine(api, me) == [uuid]


@pytest.mark.parametrize("text", [
    "@{}-x", "@{}.com", "@{}e\u0301", "me@{}", "me.@{}", "/@{}", "https://cloudnoww.com/@{}",
    "https://cloudnoww.com/?by=@{}", "http://@{}/", "né@{}", "1@{}",
])
def test_no_part_of_a_name_an_address_or_a_url(api, database, me, other, text):
    database.add_activity(other, text.format(me.handle))
    assert mine(api, me) == []


def test_a_decomposed_spelling_is_the_same_name(api, database, other):
    user = database.add_user(handle="ren\u00e9e")
    found = database.add_activity(other, "hello @rene\u0301e")
    assert mine(api, user) == [found]


def test_a_name_without_case_is_whose_it_is_alone(api, database, other):
    alone = database.add_user(handle="OnlyOneOfUs")
    small, capital = database.add_user(handle="twoofus"), database.add_user(handle="TwoOfUs")
    found = database.add_activity(other, "@onlyoneofus", age=9)
    assert mine(api, alone) == [found]
    exact = [database.add_activity(other, "@twoofus"), database.add_activity(other, "@TwoOfUs")]
    database.add_activity(other, "@TWOOFUS")
    assert [mine(api, small), mine(api, capital)] == [[exact[0]], [exact[1]]]


def test_names_find_their_user_when_they_are_read(api, database, other):
    early = database.add_activity(other, "soon here: @latecomer and @renamedone")
    user = database.add_user(handle="latecomer")
    assert mine(api, user) == [early]
    database.run("update public.users set handle = 'renamedone' where uuid = %s", user.uuid)
    assert mine(api, user) == [early]
    database.run("update public.users set handle = 'somethingelse' where uuid = %s", user.uuid)
    assert mine(api, user) == []


# --- Whoever writes ---


def test_what_is_changed_in_the_database_changes_notifications(api, database, me, other):
    uuid = database.add_activity(other, "nobody", expires_in=-1)
    assert mine(api, me) == []
    database.run("update public.activities set message = %s where uuid = %s", f"@{me.handle}", uuid)
    assert mine(api, me) == []
    database.run("update public.activities set expires_at = 'infinity' where uuid = %s", uuid)
    assert mine(api, me) == [uuid]
    database.run("update public.activities set user_uuid = %s where uuid = %s", me.uuid, uuid)
    assert mine(api, me) == []
    database.run("delete from public.activities where uuid = %s", uuid)
    assert database.value("select count(*) from public.notices where activity_uuid = %s", uuid) == 0


def test_a_parent_and_its_reply_may_come_in_one_statement(api, database, me, other):
    reply = database.value(
        """insert into public.activities (uuid, user_uuid, message, reply_to_activity_uuid)
           values (gen_random_uuid(), %s, 'reply', %s), (%s, %s, 'parent', null) returning uuid::text""",
        other.uuid, "00000000-0000-4000-8000-00000000abcd", "00000000-0000-4000-8000-00000000abcd", me.uuid)
    assert mine(api, me) == [reply]


def test_a_writer_needs_no_right_to_the_notices(api, pg_cluster, database, me, other):
    role = Role(pg_cluster, database)
    database.run(f"revoke all on public.notices from {role.name}")
    with psycopg2.connect(role.url) as session, session.cursor() as cursor:
        cursor.execute("insert into public.activities (user_uuid, message) values (%s, %s) returning uuid::text",
                       (other.uuid, f"@{me.handle}"))
        uuid = cursor.fetchone()[0]
    session.close()
    role.drop()
    assert mine(api, me) == [uuid]


def test_a_message_of_many_and_long_names_is_no_burden(api, database, me, other):
    database.add_activity(other, "@" + "a" * 100000)
    database.add_activity(other, "@a" * 50000)
    found = database.add_activity(other, " ".join(f"@name{n}" for n in range(2000)) + f" @{me.handle}")
    assert mine(api, me) == [found]


def test_pages(api, database, me, other):
    made = [database.add_activity(other, f"@{me.handle} {age}", age=age) for age in range(5)]
    first = api.get(f"{PATH}?limit=3", me.token())
    assert uuids(first.expect(200)) == made[:3]
    assert first.header("Link")


def test_a_user_without_a_row(api, key):
    api.get(PATH, token_for(key, "no-row")).expect(422, ["user_not_found"])


def test_without_a_token(api):
    api.get(PATH).expect(401, ["generic_401"])
