"""Idempotency-Key on messages, on both stores: first answers again, and every message once."""

import pytest

from harness.load import at_once
from harness.people import parse_time, seconds, utc_now
from message_stores import dynalite, new_uuid, store  # noqa: F401 (fixtures)
from test_idempotency import DAY, age_keys, claim_in, keys_of
from test_idempotency import send as send_once
from test_messages import ENTRY, MESSAGES, groups_of, listed, start
from test_messages_dynamodb import messages_of


@pytest.fixture(scope="module")
def settings(settings, store):  # noqa: F811
    return {**settings, **store.settings()}


@pytest.fixture
def pair(database):
    return database.add_user(), database.add_user()


def to_user(recipient, message="Hello."):
    return {"message": message, "handle": recipient.handle}


def to_group(group, message="Hello again."):
    return {"message": message, "message_group_uuid": group}


def texts(api, group, user):
    return messages_of(listed(api, group, user, "?limit=100"))


# --- The first answer again ---


def test_a_first_message_twice(api, pair):
    andrew, bayko = pair
    name = new_uuid()
    first = send_once(api, MESSAGES, andrew, name, to_user(bayko))
    group = first.expect(200)["message_group_uuid"]
    assert list(first.json()) == ["message_group_uuid"]
    groups = [groups_of(api, member) for member in pair]
    for _ in range(2):
        again = send_once(api, MESSAGES, andrew, name, to_user(bayko))
        assert (again.status, again.body) == (200, first.body)
    assert texts(api, group, bayko) == ["Hello."]
    assert [groups_of(api, member) for member in pair] == groups
    assert groups[0][0]["created_at"] == listed(api, group, andrew)[0]["created_at"]


def test_a_message_twice(api, pair):
    group = start(api, *pair, "first")
    name = new_uuid()
    first = send_once(api, MESSAGES, pair[1], name, to_group(group))
    assert list(first.expect(200)) == ["message_group_uuid", *ENTRY]
    for _ in range(2):
        again = send_once(api, MESSAGES, pair[1], name, to_group(group))
        assert (again.status, again.body) == (200, first.body)
    assert texts(api, group, pair[0]) == ["first", "Hello again."]
    shown = listed(api, group, pair[0])[1]
    assert {"message_group_uuid": group, **shown} == first.json()
    for member in pair:
        assert groups_of(api, member)[0]["created_at"] == shown["created_at"]


def test_a_first_message_into_a_group_that_is_there(api, store, pair):  # noqa: F811
    group = store.add_group(*pair, "long ago")
    name = new_uuid()
    for _ in range(2):
        answer = send_once(api, MESSAGES, pair[1], name, to_user(pair[0], "and now"))
        assert answer.expect(200) == {"message_group_uuid": group}
    assert texts(api, group, pair[0]) == ["long ago", "and now"]
    for member in pair:
        assert messages_of(groups_of(api, member)) == ["and now"]


def test_a_repeated_message_moves_nothing(api, pair):
    andrew, bayko = pair
    start_name, send_name = new_uuid(), new_uuid()
    first = send_once(api, MESSAGES, andrew, start_name, to_user(bayko, "1"))
    group = first.expect(200)["message_group_uuid"]
    second = send_once(api, MESSAGES, andrew, send_name, to_group(group, "2"))
    api.post(MESSAGES, bayko.token(), json=to_group(group, "3")).expect(200)
    groups = [groups_of(api, member) for member in pair]
    assert send_once(api, MESSAGES, andrew, start_name, to_user(bayko, "1")).body == first.body
    again = send_once(api, MESSAGES, andrew, send_name, to_group(group, "2"))
    assert again.body == second.body
    assert texts(api, group, bayko) == ["1", "2", "3"]
    assert [groups_of(api, member) for member in pair] == groups


def test_the_names_are_those_of_the_first_time(api, database, pair):
    andrew, bayko = pair
    group = start(api, *pair)
    names = [new_uuid(), new_uuid()]
    sent = send_once(api, MESSAGES, andrew, names[0], to_group(group))
    started = send_once(api, MESSAGES, andrew, names[1], to_user(bayko))
    profile = {"display_name": "Renamed", "bio": ""}
    api.put("/api/profile/update", andrew.token(), json=profile).expect(200)
    database.run("update public.users set handle = 'was-' || handle where uuid = %s", bayko.uuid)
    assert send_once(api, MESSAGES, andrew, names[0], to_group(group)).body == sent.body
    assert send_once(api, MESSAGES, andrew, names[1], to_user(bayko)).body == started.body
    assert len(texts(api, group, andrew)) == 3


def test_a_clock_that_was_ahead(api, store, pair):  # noqa: F811
    ahead = utc_now() + seconds(3600)
    group = store.add_group(*pair, "from an hour ahead", ahead)
    name = new_uuid()
    first = send_once(api, MESSAGES, pair[1], name, to_group(group, "after it"))
    assert parse_time(first.expect(200)["created_at"]) > ahead
    again = send_once(api, MESSAGES, pair[1], name, to_group(group, "after it"))
    assert again.body == first.body
    assert texts(api, group, pair[0]) == ["from an hour ahead", "after it"]


@pytest.mark.parametrize("prepare", ["on", "off"])
def test_eight_at_once_on_two_instances(start_api, database, prepare):
    apis = [start_api(CRUDDUR_PG_PREPARE=prepare)[1] for _ in range(2)]

    def at_once_through_both(sender, name, body):
        def act(api):
            mine = api.another()
            answer = send_once(mine, MESSAGES, sender, name, body)
            mine.close()
            return answer

        answers = at_once([lambda api=api: act(api) for api in apis * 4])
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1
        return answers[0].json()

    for _ in range(3):
        andrew, bayko = database.add_user(), database.add_user()
        first = at_once_through_both(andrew, new_uuid(), to_user(bayko, "1"))
        group = first["message_group_uuid"]
        assert texts(apis[0], group, bayko) == ["1"]
        at_once_through_both(andrew, new_uuid(), to_user(bayko, "2"))
        at_once_through_both(bayko, new_uuid(), to_group(group, "3"))
        assert texts(apis[1], group, andrew) == ["1", "2", "3"]
        for member in (andrew, bayko):
            shown = groups_of(apis[0], member)
            assert messages_of(shown) == ["3"]
            assert shown[0]["created_at"] == listed(apis[0], group, member)[2]["created_at"]


def test_a_repeat_that_waited_for_the_first_finds_the_new_group(start_api, database, store):  # noqa: F811
    """The first has claimed the key and waits to make the group; the second waits for the key."""
    if store.name != "postgres":
        pytest.skip("the group's uuid is in the key's row")
    apis = [start_api()[1] for _ in range(2)]
    andrew, bayko = database.add_user(), database.add_user()
    session, name = database.session(), new_uuid()
    with session.cursor() as cursor:
        cursor.execute(
            """insert into public.message_groups (first_user_uuid, second_user_uuid, last_message_at)
               values (%s, %s, now())""",
            sorted([andrew.uuid, bayko.uuid]),
        )

    def go():
        database.wait_for_blocked(2)
        session.rollback()

    def act(api):
        return send_once(api, MESSAGES, andrew, name, to_user(bayko))

    *answers, _ = at_once([lambda: act(apis[0]), lambda: act(apis[1]), go])
    session.close()
    group = answers[0].expect(200)["message_group_uuid"]
    assert answers[1].expect(200) == {"message_group_uuid": group}
    assert texts(apis[0], group, bayko) == ["Hello."]


def test_different_keys_at_once_in_one_group(api, pair):
    """Also the first messages of both, which make the group."""

    def act(number):
        mine = api.another()
        sender, other = pair if number % 2 else pair[::-1]
        answer = send_once(mine, MESSAGES, sender, new_uuid(), to_user(other, str(number)))
        group = answer.expect(200)["message_group_uuid"]
        body = to_group(group, str(number + 100))
        send_once(mine, MESSAGES, sender, new_uuid(), body).expect(200)
        mine.close()
        return group

    groups = at_once([lambda number=number: act(number) for number in range(12)])
    assert len(set(groups)) == 1
    found = listed(api, groups[0], pair[0], "?limit=100")
    assert sorted(map(int, messages_of(found))) == [*range(12), *range(100, 112)]
    times = [row["created_at"] for row in found]
    assert times == sorted(set(times))
    for member in pair:
        assert groups_of(api, member)[0]["created_at"] == times[-1]


def test_with_and_without_a_key_they_make_one_group(api, database):
    for _ in range(5):
        andrew, bayko = database.add_user(), database.add_user()

        def act(sender, other, with_key):
            mine = api.another()
            body, headers = to_user(other), {"Idempotency-Key": new_uuid()} if with_key else {}
            answer = mine.post(MESSAGES, sender.token(), json=body, headers=headers)
            mine.close()
            return answer.expect(200)["message_group_uuid"]

        groups = at_once(
            [
                lambda: act(andrew, bayko, True),  # noqa: B023
                lambda: act(bayko, andrew, False),  # noqa: B023
            ]
            * 3
        )
        assert len(set(groups)) == 1
        assert len(texts(api, groups[0], andrew)) == 6


def test_a_message_that_is_gone(api, database, store, pair):  # noqa: F811
    """Nobody deletes messages through the API; if somebody does, nothing is said of another group."""
    if store.name != "postgres":
        pytest.skip("the item would be put again")
    name = new_uuid()
    send_once(api, MESSAGES, pair[0], name, to_user(pair[1])).expect(200)
    database.run("delete from public.messages where user_uuid = %s", pair[0].uuid)
    answer = send_once(api, MESSAGES, pair[0], name, to_user(pair[1]))
    answer.expect(503, ["generic_503"])


# --- Another request, and refusals ---


def test_another_body_or_route(api, database, pair):
    andrew, bayko = pair
    third = database.add_user()
    group = start(api, *pair)
    name = new_uuid()
    send_once(api, MESSAGES, andrew, name, to_group(group)).expect(200)
    others = [to_group(group, "Other."), to_user(bayko), to_user(third)]
    for body in others:
        answer = send_once(api, MESSAGES, andrew, name, body)
        answer.expect(422, ["idempotency_key_reused"])
    body = {"message": "m", "ttl": "1-day"}
    answer = send_once(api, "/api/activities", andrew, name, body)
    answer.expect(422, ["idempotency_key_reused"])
    assert len(texts(api, group, bayko)) == 2
    assert groups_of(api, third) == []
    send_once(api, MESSAGES, bayko, name, to_group(group)).expect(200)
    assert len(texts(api, group, bayko)) == 3


def test_another_body_at_the_same_moment(api, database):
    """Whoever is second writes nothing, not even an empty group."""
    for _ in range(5):
        andrew = database.add_user()
        others = [database.add_user() for _ in range(4)]
        name = new_uuid()

        def act(other):
            mine = api.another()
            answer = send_once(mine, MESSAGES, andrew, name, to_user(other))  # noqa: B023
            mine.close()
            return answer.status

        statuses = at_once([lambda other=other: act(other) for other in others])
        assert sorted(statuses) == [200, 422, 422, 422]
        assert len(groups_of(api, andrew)) == 1
        assert sum(len(groups_of(api, other)) for other in others) == 1


def test_refusals_keep_nothing(api, database, pair):
    andrew, bayko = pair
    stranger = database.add_user()
    group = start(api, *pair)
    name = new_uuid()
    answer = send_once(api, MESSAGES, stranger, name, to_group(group))
    answer.expect(404, ["message_group_not_found"])
    answer = send_once(api, MESSAGES, stranger, name, to_group(new_uuid()))
    answer.expect(404, ["message_group_not_found"])
    answer = send_once(api, MESSAGES, stranger, name, {"message": "m", "handle": "nobody-here"})
    answer.expect(422, ["user_not_found"])
    answer = send_once(api, MESSAGES, stranger, name, to_user(stranger))
    answer.expect(422, ["user_reciever_handle_self"])
    answer = send_once(api, MESSAGES, stranger, name, to_user(bayko, ""))
    answer.expect(422, ["message_blank"])
    assert keys_of(database, stranger) == 0
    send_once(api, MESSAGES, stranger, name, to_user(bayko)).expect(200)
    assert keys_of(database, stranger) == 1
    assert texts(api, group, andrew) == ["Hello."]


def test_a_key_is_new_after_a_day(api, database, pair):
    andrew, bayko = pair
    name = new_uuid()
    group = send_once(api, MESSAGES, andrew, name, to_user(bayko)).json()["message_group_uuid"]
    age_keys(database, andrew, DAY + 1)
    sent = send_once(api, MESSAGES, andrew, name, to_group(group, "new")).expect(200)
    assert send_once(api, MESSAGES, andrew, name, to_group(group, "new")).expect(200) == sent
    assert texts(api, group, bayko) == ["Hello.", "new"]


@pytest.mark.parametrize("kind", ["start", "send"])
def test_it_waits_for_the_request_that_has_the_key(api, database, pair, kind):
    andrew, bayko = pair
    group = start(api, *pair, "first")
    body = to_user(bayko) if kind == "start" else to_group(group, "Hello.")
    for commits, status in ((False, 200), (True, 422)):
        session, name = database.session(), new_uuid()
        claim_in(session, andrew, name)

        def act():
            return send_once(api, MESSAGES, andrew, name, body)  # noqa: B023

        def go():
            database.wait_for_blocked()
            session.commit() if commits else session.rollback()  # noqa: B023

        answer, _ = at_once([act, go])
        session.close()
        answer.expect(status)
    assert texts(api, group, bayko) == ["first", "Hello."]
