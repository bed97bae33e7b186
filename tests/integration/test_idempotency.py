"""Idempotency-Key: the same key of the same user gets the first answer again, and is done once."""

import datetime
import json
import uuid

import pytest

from harness.load import at_once
from harness.people import parse_time, seconds, utc_now
from harness.raw import RawConnection
from harness.shapes import ACTIVITY
from harness.tokens import token_for

POSTS = "/api/activities"
DAY = 24 * 3600


@pytest.fixture
def user(database):
    return database.add_user()


@pytest.fixture
def parent(database, user):
    return database.add_activity(user, "parent")


@pytest.fixture
def name():
    """An Idempotency-Key; `key` is what the pool signs with."""
    return new_key()


def new_key():
    return str(uuid.uuid4())


def crud(message="Once."):
    return {"message": message, "ttl": "1-day"}


def reply_path(parent):
    return f"/api/activities/{parent}/reply"


def send(api, path, user, key, body):
    return api.post(path, user.token(), json=body, headers={"Idempotency-Key": key})


def posts_of(database, user):
    return database.value(
        "select count(*) from public.activities where user_uuid = %s and message <> 'parent'",
        user.uuid,
    )


def keys_of(database, user):
    return database.value(
        "select count(*) from public.idempotency_keys where user_uuid = %s", user.uuid
    )


def age_keys(database, user, age):
    database.run(
        "update public.idempotency_keys set claimed_at = claimed_at - %s where user_uuid = %s",
        seconds(age), user.uuid,
    )  # fmt: skip


def counter(database, activity):
    return database.value("select replies_count from public.activities where uuid = %s", activity)


# --- The first answer again ---


def test_a_post_twice(api, database, user, name):
    first = send(api, POSTS, user, name, crud())
    posted = first.expect(200)
    assert posted.keys() == ACTIVITY
    assert parse_time(posted["expires_at"]) - parse_time(posted["created_at"]) == seconds(DAY)
    for _ in range(3):
        again = send(api, POSTS, user, name, crud())
        assert (again.status, again.body) == (200, first.body)
    assert posts_of(database, user) == 1
    assert api.get(f"/api/activities/@{user.handle}").expect(200)["activities"] == [posted]


def test_a_post_with_a_key_looks_like_one_without(api, user, name):
    with_key = send(api, POSTS, user, name, crud()).expect(200)
    without = api.post(POSTS, user.token(), json=crud()).expect(200)
    assert list(with_key) == list(without)
    for field in ("uuid", "created_at", "expires_at"):
        assert with_key.pop(field) != without.pop(field)
    assert with_key == without


def test_a_reply_twice_is_counted_once(api, database, user, parent, name):
    body = {"message": "I agree"}
    first = send(api, reply_path(parent), user, name, body)
    reply = first.expect(200)
    assert reply.keys() == ACTIVITY
    assert reply["reply_to_activity_uuid"] == parent
    assert send(api, reply_path(parent), user, name, body).body == first.body
    assert (counter(database, parent), posts_of(database, user)) == (1, 1)
    thread = api.get(f"/api/activities/@{user.handle}/status/{parent}").expect(200)
    assert thread["replies"] == [reply]


def test_the_values_are_those_of_the_first_time(api, database, user, parent, name):
    posted = send(api, POSTS, user, name, crud()).expect(200)
    reply_key = new_key()
    reply = send(api, reply_path(parent), user, reply_key, {"message": "m"}).expect(200)
    api.put("/api/profile/update", user.token(), json={"display_name": "New", "bio": ""}).expect(200)
    send(api, reply_path(posted["uuid"]), user, new_key(), {"message": "m"}).expect(200)
    database.run(
        "update public.activities set expires_at = %s where user_uuid = %s",
        utc_now() - seconds(1), user.uuid,
    )  # fmt: skip
    assert send(api, POSTS, user, name, crud()).expect(200) == posted
    assert send(api, reply_path(parent), user, reply_key, {"message": "m"}).expect(200) == reply
    database.run("delete from public.activities where uuid = %s", parent)
    assert send(api, reply_path(parent), user, reply_key, {"message": "m"}).expect(200) == reply


def test_every_character_of_a_key_counts(api, database, user):
    keys = ["a", "A", "a b", "~", '"quoted"', "k" * 254, "k" * 255]
    made = {send(api, POSTS, user, key, crud()).expect(200)["uuid"] for key in keys}
    assert len(made) == len(keys) == posts_of(database, user)
    for key in keys:
        assert send(api, POSTS, user, key, crud()).expect(200)["uuid"] in made
    assert posts_of(database, user) == len(keys)


def test_another_user_with_the_same_key(api, database, user, name):
    other = database.add_user()
    posted = send(api, POSTS, user, name, crud()).expect(200)
    theirs = send(api, POSTS, other, name, crud()).expect(200)
    assert theirs["uuid"] != posted["uuid"]
    assert theirs["handle"] == other.handle
    assert (posts_of(database, user), posts_of(database, other)) == (1, 1)


@pytest.mark.parametrize("prepare", ["on", "off"])
def test_eight_at_once_on_two_instances(start_api, database, user, parent, prepare):
    apis = [start_api(CRUDDUR_PG_PREPARE=prepare)[1] for _ in range(2)]
    for path, body in ((POSTS, crud()), (reply_path(parent), {"message": "m"})):
        for _ in range(5):
            before, key = posts_of(database, user), new_key()

            def act(api):
                mine = api.another()
                answer = send(mine, path, user, key, body)  # noqa: B023
                mine.close()
                return answer

            answers = at_once([lambda api=api: act(api) for api in apis * 4])  # noqa: B023
            assert {answer.status for answer in answers} == {200}
            assert len({answer.body for answer in answers}) == 1
            assert posts_of(database, user) == before + 1
    assert counter(database, parent) == 5


def test_replies_with_different_keys_at_once_are_all_counted(api, database, user, parent):
    def act():
        mine = api.another()
        send(mine, reply_path(parent), user, new_key(), {"message": "m"}).expect(200)
        mine.close()

    at_once([act] * 30)
    assert (counter(database, parent), posts_of(database, user)) == (30, 30)


def test_an_answer_that_was_lost(api, server, database, user, name):
    body = json.dumps(crud()).encode()
    with RawConnection(server.port) as connection:
        connection.send(
            f"POST {POSTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {user.token()}\r\n"
            f"Idempotency-Key: {name}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.send(body)
        connection.reset()
    posted = send(api, POSTS, user, name, crud()).expect(200)
    database.wait_until(
        """select count(*) = 0 from pg_stat_activity
           where datname = current_database() and state = 'active' and pid <> pg_backend_pid()"""
    )
    assert posts_of(database, user) == 1
    assert send(api, POSTS, user, name, crud()).expect(200) == posted


# --- Another request ---


def test_another_body(api, database, user, parent, name):
    send(api, POSTS, user, name, crud()).expect(200)
    for body in (crud("Other."), {**crud(), "ttl": "1-hour"}, {**crud(), "more": 1}):
        send(api, POSTS, user, name, body).expect(422, ["idempotency_key_reused"])
    assert posts_of(database, user) == 1
    reply_key = new_key()
    send(api, reply_path(parent), user, reply_key, {"message": "m"}).expect(200)
    answer = send(api, reply_path(parent), user, reply_key, {"message": "n"})
    answer.expect(422, ["idempotency_key_reused"])
    assert counter(database, parent) == 1


def test_another_route(api, database, user, parent, name):
    other = database.add_user()
    body = {**crud(), "handle": other.handle}
    send(api, POSTS, user, name, body).expect(200)
    for path in (reply_path(parent), "/api/messages"):
        send(api, path, user, name, body).expect(422, ["idempotency_key_reused"])
    assert (counter(database, parent), posts_of(database, user)) == (0, 1)
    assert api.get("/api/message_groups", other.token()).expect(200) == []


def test_another_parent(api, database, user, parent, name):
    other = database.add_activity(user, "parent")
    send(api, reply_path(parent), user, name, {"message": "m"}).expect(200)
    answer = send(api, reply_path(other), user, name, {"message": "m"})
    answer.expect(422, ["idempotency_key_reused"])
    assert (counter(database, parent), counter(database, other)) == (1, 0)


# --- Headers that hold no key ---


INVALID = {
    "empty": "",
    "blank": " ",
    "too long": "k" * 256,
    "tab": "tab\there",
    "not ASCII": "Zo\u00eb",
    "delete": "\x7f",
    "control": "\x01",
}


@pytest.mark.parametrize("bad", INVALID.values(), ids=INVALID.keys())
def test_invalid_keys(api, database, user, parent, bad):
    for path in (POSTS, reply_path(parent), "/api/messages"):
        body = {**crud(), "handle": "nobody"}
        send(api, path, user, bad, body).expect(400, ["idempotency_key_invalid"])
    assert (posts_of(database, user), keys_of(database, user)) == (0, 0)


def test_two_keys(server, database, user):
    body = json.dumps(crud())
    with RawConnection(server.port) as connection:
        connection.send(
            f"POST {POSTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {user.token()}\r\n"
            "Idempotency-Key: a\r\nidempotency-key: a\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        connection.read_answer().expect(400, ["idempotency_key_invalid"])
    assert posts_of(database, user) == 0


def test_a_bad_key_is_told_before_any_rule(api, user):
    send(api, POSTS, user, "", {"message": ""}).expect(400, ["idempotency_key_invalid"])


def test_without_a_token_no_key_is_looked_at(api, name):
    headers = {"Idempotency-Key": ""}
    api.post(POSTS, json=crud(), headers=headers).expect(401, ["generic_401"])


# --- Refusals keep nothing ---


def test_what_broke_a_rule_is_judged_anew(api, database, user, parent, name):
    send(api, POSTS, user, name, crud("")).expect(422, ["message_blank"])
    send(api, POSTS, user, name, {"message": "m"}).expect(422, ["ttl_blank"])
    unknown = reply_path(uuid.uuid4())
    send(api, unknown, user, name, {"message": "m"}).expect(404, ["activity_not_found"])
    expired = database.add_activity(user, "parent", expires_in=-1)
    send(api, reply_path(expired), user, name, {"message": "m"}).expect(404)
    assert keys_of(database, user) == 0
    send(api, reply_path(parent), user, name, {"message": "m"}).expect(200)
    assert (counter(database, parent), posts_of(database, user)) == (1, 1)


def test_a_user_who_comes_to_be(api, database, user, parent, name):
    sub = str(uuid.uuid4())
    headers = {"Idempotency-Key": name}
    token = token_for(user.key, sub)
    for path in (POSTS, reply_path(parent)):
        api.post(path, token, json=crud(), headers=headers).expect(422, ["user_not_found"])
    late = database.add_user(sub=sub)
    send(api, POSTS, late, name, crud()).expect(200)
    assert (posts_of(database, late), counter(database, parent)) == (1, 0)


@pytest.mark.parametrize(
    "change",
    [
        "delete from public.activities where uuid = %s",
        "update public.activities set expires_at = '2020-01-01' where uuid = %s",
    ],
    ids=["deleted", "expired"],
)
def test_a_parent_that_goes_at_the_same_moment(api, database, user, parent, name, change):
    session = database.session()
    with session.cursor() as cursor:
        cursor.execute(change, (parent,))

    def act():
        return send(api, reply_path(parent), user, name, {"message": "m"})

    def go():
        database.wait_for_blocked()
        session.commit()

    answer, _ = at_once([act, go])
    session.close()
    answer.expect(404, ["activity_not_found"])
    assert (posts_of(database, user), keys_of(database, user)) == (0, 0)


def test_a_parent_that_changes_at_the_same_moment(api, database, user, parent, name):
    session = database.session()
    with session.cursor() as cursor:
        cursor.execute(
            "update public.activities set replies_count = 41 where uuid = %s", (parent,)
        )

    def act():
        return send(api, reply_path(parent), user, name, {"message": "m"})

    def go():
        database.wait_for_blocked()
        session.commit()

    answer, _ = at_once([act, go])
    session.close()
    answer.expect(200)
    assert counter(database, parent) == 42


# --- In use by a running request ---


def claim_in(session, user, key, age=0):
    with session.cursor() as cursor:
        cursor.execute(
            """insert into public.idempotency_keys
                 (user_uuid, key, request_hash, claimed_at, made_uuid, made_at)
               values (%s, %s, '\\x00', %s, gen_random_uuid(), %s)""",
            (user.uuid, key, utc_now() - seconds(age), utc_now()),
        )


@pytest.mark.parametrize("path", ["post", "reply"])
def test_it_waits_for_the_request_that_has_the_key(api, database, user, parent, path):
    path = POSTS if path == "post" else reply_path(parent)
    for commits, age, status in ((False, 0, 200), (True, 0, 422), (True, DAY + 1, 200)):
        session, key, before = database.session(), new_key(), posts_of(database, user)
        claim_in(session, user, key, age)

        def act():
            return send(api, path, user, key, crud())  # noqa: B023

        def go():
            database.wait_for_blocked()
            session.commit() if commits else session.rollback()  # noqa: B023

        answer, _ = at_once([act, go])
        session.close()
        answer.expect(status)
        written = 1 if status == 200 else 0
        assert posts_of(database, user) == before + written
        assert send(api, path, user, key, crud()).status == status
        assert posts_of(database, user) == before + written


def test_it_does_not_wait_for_ever(start_api, database, user, name):
    _, api = start_api(CRUDDUR_PG_DEADLINE_MS="300")
    api.wait_until_ready()
    session = database.session()
    claim_in(session, user, name)
    send(api, POSTS, user, name, crud()).expect(503, ["generic_503"])
    database.wait_until(
        """select count(*) = 0 from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'"""
    )
    session.rollback()
    session.close()
    assert posts_of(database, user) == 0
    send(api, POSTS, user, name, crud()).expect(200)
    assert posts_of(database, user) == 1


# --- For a day ---


def test_a_key_is_new_after_a_day(api, database, user, parent, name):
    reply_key = new_key()
    first = send(api, POSTS, user, name, crud()).expect(200)
    send(api, reply_path(parent), user, reply_key, {"message": "m"}).expect(200)
    age_keys(database, user, DAY - 60)
    assert send(api, POSTS, user, name, crud()).expect(200) == first
    age_keys(database, user, 61)
    second = send(api, POSTS, user, name, crud("Another body.")).expect(200)
    assert second["uuid"] != first["uuid"]
    assert send(api, POSTS, user, name, crud("Another body.")).expect(200) == second
    send(api, reply_path(parent), user, reply_key, {"message": "m"}).expect(200)
    assert (posts_of(database, user), counter(database, parent)) == (4, 2)
    assert keys_of(database, user) == 2


def fill_keys(database, user, count, age):
    database.run(
        """insert into public.idempotency_keys (user_uuid, key, request_hash, claimed_at, made_uuid)
           select %s, 'age %s number ' || number, '\\x00', %s, gen_random_uuid()
           from generate_series(1, %s) number""",
        user.uuid, age, utc_now() - seconds(age), count,
    )  # fmt: skip


OLD_KEYS = "select count(*) from public.idempotency_keys where claimed_at < %s"


def test_old_keys_are_deleted_and_no_others(start_api, database, user, name):
    fill_keys(database, user, 2500, DAY + 60)
    fill_keys(database, user, 30, DAY - 600)
    apis = [start_api(CRUDDUR_IDEMPOTENCY_PURGE_S="1")[1] for _ in range(2)]
    posted = send(apis[0], POSTS, user, name, crud()).expect(200)
    day_ago = utc_now() - datetime.timedelta(days=1)
    database.wait_until(OLD_KEYS, day_ago, wanted=0)
    assert keys_of(database, user) == 31
    assert send(apis[1], POSTS, user, name, crud()).expect(200) == posted


def test_a_key_that_is_being_claimed_is_not_waited_for(start_api, database, user):
    fill_keys(database, user, 3, DAY + 60)
    session = database.session()
    with session.cursor() as cursor:
        cursor.execute(
            """select from public.idempotency_keys
               where user_uuid = %s and key like '%% number 1' for update""",
            (user.uuid,),
        )
    start_api(CRUDDUR_IDEMPOTENCY_PURGE_S="1")
    day_ago = utc_now() - datetime.timedelta(days=1)
    database.wait_until(OLD_KEYS, day_ago, wanted=1)
    session.rollback()
    session.close()
    database.wait_until(OLD_KEYS, day_ago, wanted=0)


REFUSING = """
create function public.refuse() returns trigger language plpgsql as
$$ begin raise exception 'no'; end $$;
create trigger refuse before delete on public.idempotency_keys
  for each row execute function public.refuse();
"""


def test_a_purge_that_fails_does_no_harm(start_api, database, user, name):
    fill_keys(database, user, 3, DAY + 60)
    database.run(REFUSING)
    server, api = start_api(CRUDDUR_IDEMPOTENCY_PURGE_S="1")
    server.log.wait_for(message="old idempotency keys stay for now")
    posted = send(api, POSTS, user, name, crud()).expect(200)
    database.run("drop function public.refuse cascade")
    day_ago = utc_now() - datetime.timedelta(days=1)
    database.wait_until(OLD_KEYS, day_ago, wanted=0)
    assert send(api, POSTS, user, name, crud()).expect(200) == posted
