"""Direct messages, on both stores: groups, their messages, sending. No answer tells which store it was."""

import datetime
import urllib.parse
import uuid

import pytest

from harness.load import at_once
from harness.people import parse_time, seconds, utc_now
from harness.tokens import token_for
from message_stores import dynalite, store  # noqa: F401 (fixtures)
from test_pagination import next_target

GROUPS = "/api/message_groups"
MESSAGES = "/api/messages"
ENTRY = ["uuid", "display_name", "handle", "message", "created_at"]


@pytest.fixture(scope="module")
def settings(settings, store):  # noqa: F811
    return {**settings, **store.settings()}


@pytest.fixture
def pair(database):
    return database.add_user(), database.add_user()


def listed(api, group, user, query=""):
    return api.get(f"{MESSAGES}/{group}{query}", user.token()).expect(200)


def groups_of(api, user, query=""):
    return api.get(f"{GROUPS}{query}", user.token()).expect(200)


def start(api, sender, recipient, message="Hello."):
    body = {"message": message, "handle": recipient.handle}
    answer = api.post(MESSAGES, sender.token(), json=body).expect(200)
    assert list(answer) == ["message_group_uuid"]
    return answer["message_group_uuid"]


def send(api, sender, group, message="Hello."):
    body = {"message": message, "message_group_uuid": group}
    answer = api.post(MESSAGES, sender.token(), json=body).expect(200)
    assert list(answer) == ["message_group_uuid", *ENTRY]
    return answer


# --- Writing ---


def test_a_first_message_makes_a_group(api, pair):
    andrew, bayko = pair
    before = utc_now()
    group = start(api, andrew, bayko, "Hello, Zoë \U0001f600 \"\\\n\u2028")
    messages = listed(api, group, bayko)
    assert len(messages) == 1
    assert list(messages[0]) == ENTRY
    assert messages[0]["handle"] == andrew.handle
    assert messages[0]["display_name"] == andrew.display_name
    assert messages[0]["message"] == "Hello, Zoë \U0001f600 \"\\\n\u2028"
    assert messages[0]["uuid"] not in (group, andrew.uuid, bayko.uuid)
    assert abs(parse_time(messages[0]["created_at"]) - before) < datetime.timedelta(minutes=5)
    assert listed(api, group, andrew) == messages
    for member, other in ((andrew, bayko), (bayko, andrew)):
        assert groups_of(api, member) == [
            {
                "uuid": group,
                "display_name": other.display_name,
                "handle": other.handle,
                "message": messages[0]["message"],
                "created_at": messages[0]["created_at"],
            }
        ]
        assert list(groups_of(api, member)[0]) == ENTRY


def test_the_group_of_the_two_is_used_again(api, pair):
    andrew, bayko = pair
    group = start(api, andrew, bayko, "1")
    assert start(api, andrew, bayko, "2") == group
    assert start(api, bayko, andrew, "3") == group
    assert [row["message"] for row in listed(api, group, andrew)] == ["1", "2", "3"]
    assert [row["message"] for row in groups_of(api, bayko)] == ["3"]


def test_a_group_from_before_is_used_again(api, store, pair):  # noqa: F811
    andrew, bayko = pair
    group = store.add_group(andrew, bayko, "long ago", datetime.datetime(2021, 3, 4, 5, 6, 7, 89))
    assert start(api, bayko, andrew, "and now") == group
    assert [row["message"] for row in listed(api, group, andrew)] == ["long ago", "and now"]
    for member in pair:
        assert [row["uuid"] for row in groups_of(api, member)] == [group]


def test_a_message_to_a_group(api, pair):
    andrew, bayko = pair
    group = start(api, andrew, bayko, "1")
    sent = send(api, bayko, group, "2")
    assert sent["message_group_uuid"] == group
    assert sent["handle"] == bayko.handle
    assert sent["display_name"] == bayko.display_name
    assert sent["message"] == "2"
    del sent["message_group_uuid"]
    messages = listed(api, group, andrew)
    assert messages[1:] == [sent]
    assert messages[0]["created_at"] < sent["created_at"]


def test_a_later_message_moves_the_group_of_both(api, database, pair):
    andrew, bayko = pair
    others = [database.add_user(), database.add_user()]
    first = start(api, andrew, bayko, "first group")
    for other in others:
        start(api, andrew, other)
        start(api, bayko, other)
    assert [row["uuid"] for row in groups_of(api, andrew)][2] == first
    sent = send(api, andrew, first, "moves up")
    for member in pair:
        groups = groups_of(api, member)
        assert len(groups) == 3
        assert groups[0]["uuid"] == first
        assert groups[0]["message"] == "moves up"
        assert groups[0]["created_at"] == sent["created_at"]


def test_upper_case_in_the_group_s_uuid(api, pair):
    group = start(api, *pair)
    assert send(api, pair[0], group.upper())["message_group_uuid"] == group
    assert len(listed(api, group.upper(), pair[0])) == 2


def test_messages_of_one_sender_are_in_their_order(api, pair):
    group = start(api, *pair, "0")
    for number in range(1, 20):
        send(api, pair[number % 2], group, str(number))
    for member in pair:
        messages = listed(api, group, member)
        assert [row["message"] for row in messages] == [str(number) for number in range(20)]
        times = [row["created_at"] for row in messages]
        assert times == sorted(set(times))


@pytest.mark.parametrize("ahead_s", [3600, 100 * 365 * 86400])
def test_a_clock_that_was_ahead_does_not_mix_the_order(api, store, pair, ahead_s):  # noqa: F811
    """However far: what comes after a message is listed after it, and is what the group shows."""
    ahead = utc_now() + seconds(ahead_s)
    group = store.add_group(*pair, "from the future", ahead)
    sent = send(api, pair[1], group, "after it")
    assert parse_time(sent["created_at"]) > ahead
    assert [row["message"] for row in listed(api, group, pair[0])] == [
        "from the future", "after it",
    ]  # fmt: skip
    assert start(api, *pair, "the last") == group
    for member in pair:
        assert [row["message"] for row in listed(api, group, member)][-1] == "the last"
        assert [row["message"] for row in groups_of(api, member)] == ["the last"]


def test_after_the_end_of_time_messages_have_the_clock_s(api, store, pair):  # noqa: F811
    end = datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)
    group = store.add_group(*pair, "the end", end)
    before = utc_now()
    for number in range(3):
        sent = send(api, pair[1], group, f"number {number}")
        assert before - seconds(60) < parse_time(sent["created_at"]) < before + seconds(3600)
    shown = [row["message"] for row in listed(api, group, pair[0])]
    assert shown == ["number 0", "number 1", "number 2", "the end"]


def test_two_who_write_to_each_other_at_once_end_with_one_group(api, database):
    for _ in range(5):
        andrew, bayko = database.add_user(), database.add_user()

        def write(sender, recipient):
            mine = api.another()
            group = start(mine, sender, recipient, f"from {sender.handle}")
            mine.close()
            return group

        groups = at_once(
            [lambda: write(andrew, bayko), lambda: write(bayko, andrew)] * 4  # noqa: B023
        )
        assert len(set(groups)) == 1
        for member in (andrew, bayko):
            assert [row["uuid"] for row in groups_of(api, member)] == [groups[0]]
            assert len(listed(api, groups[0], member)) == 8


def test_many_at_once_in_one_group(api, pair):
    group = start(api, *pair, "first")

    def write(number):
        mine = api.another()
        sent = send(mine, pair[number % 2], group, f"number {number}")
        mine.close()
        return sent

    sent = at_once([lambda number=number: write(number) for number in range(40)])
    for member in pair:
        messages = listed(api, group, member, "?limit=100")
        assert sorted(row["uuid"] for row in messages[1:]) == sorted(row["uuid"] for row in sent)
        times = [row["created_at"] for row in messages]
        assert times == sorted(times)
        assert groups_of(api, member)[0]["created_at"] == times[-1]
        assert groups_of(api, member)[0]["message"] == messages[-1]["message"]


def test_one_who_is_written_to_by_many_at_once(api, database):
    celebrity = database.add_user()
    fans = [database.add_user() for _ in range(20)]

    def write(fan):
        mine = api.another()
        group = start(mine, fan, celebrity, f"from {fan.handle}")
        mine.close()
        return group

    made = at_once([lambda fan=fan: write(fan) for fan in fans])
    groups = groups_of(api, celebrity)
    assert sorted(row["uuid"] for row in groups) == sorted(made)
    assert {row["message"] for row in groups} == {f"from {fan.handle}" for fan in fans}


# --- Reading ---


def test_no_groups(api, database):
    assert groups_of(api, database.add_user()) == []


def test_the_twenty_newest_oldest_of_them_first(api, store, pair):  # noqa: F811
    at = datetime.datetime(2023, 5, 20, 23, 44, 59, 123456)
    group = store.add_group(*pair, "0", at)
    for number in range(1, 45):
        store.add_message(group, pair[number % 2], str(number), at + seconds(number))
    answer = api.get(f"{MESSAGES}/{group}", pair[0].token())
    found = [row["message"] for row in answer.expect(200)]
    assert found == [str(number) for number in range(25, 45)]
    older = api.get(next_target(answer), pair[0].token())
    assert [row["message"] for row in older.expect(200)] == [str(number) for number in range(5, 25)]
    oldest = api.get(next_target(older), pair[0].token())
    assert [row["message"] for row in oldest.expect(200)] == [str(number) for number in range(5)]
    assert next_target(oldest) is None
    assert oldest.json()[0]["created_at"] == "2023-05-20T23:44:59.123456+00:00"


@pytest.mark.parametrize("limit", [1, 3, 10, 29, 30, 31, 100])
def test_every_message_once_and_in_order(api, store, database, limit):  # noqa: F811
    pair = database.add_user(), database.add_user()
    at = datetime.datetime(2022, 12, 31, 23, 59, 59, 999980)
    group = store.add_group(*pair, "0", at)
    for number in range(1, 30):
        moment = at + datetime.timedelta(microseconds=number)
        store.add_message(group, pair[0], str(number), moment)
    answer = api.get(f"{MESSAGES}/{group}?limit={limit}", pair[1].token())
    found = answer.expect(200)
    while next_target(answer):
        answer = api.get(next_target(answer), pair[1].token())
        page = answer.expect(200)
        assert 0 < len(page) <= limit
        found = page + found
    assert [row["message"] for row in found] == [str(number) for number in range(30)]


@pytest.mark.parametrize("limit", [1, 7, 29, 30, 31])
def test_every_group_once_and_in_order(api, store, database, limit):  # noqa: F811
    user = database.add_user()
    at = datetime.datetime(2019, 12, 31, 23, 0, 0)
    made = []
    for number in range(30):
        other = database.add_user()
        made.append(store.add_group(user, other, str(number), at + seconds(number * 10_000_000)))
    answer = api.get(f"{GROUPS}?limit={limit}", user.token())
    found = answer.expect(200)
    while next_target(answer):
        answer = api.get(next_target(answer), user.token())
        page = answer.expect(200)
        assert 0 < len(page) <= limit
        found += page
    assert [row["uuid"] for row in found] == made[::-1]
    assert [row["message"] for row in found] == [str(number) for number in range(30)][::-1]


def test_fifty_groups_by_default(api, store, database):  # noqa: F811
    user, other = database.add_user(), None
    for number in range(52):
        other = database.add_user()
        store.add_group(user, other, str(number), utc_now() + seconds(number))
    answer = api.get(GROUPS, user.token())
    assert len(answer.expect(200)) == 50
    assert len(api.get(next_target(answer), user.token()).expect(200)) == 2


def test_names_are_those_of_now(api, pair):
    andrew, bayko = pair
    group = start(api, andrew, bayko)
    body = {"display_name": "Andrew the Renamed", "bio": ""}
    api.put("/api/profile/update", andrew.token(), json=body).expect(200)
    assert listed(api, group, bayko)[0]["display_name"] == "Andrew the Renamed"
    assert groups_of(api, bayko)[0]["display_name"] == "Andrew the Renamed"
    assert send(api, andrew, group)["display_name"] == "Andrew the Renamed"


def test_head(api, pair):
    group = start(api, *pair)
    for target in (GROUPS, f"{MESSAGES}/{group}"):
        api.request("HEAD", target, pair[0].token()).expect(200)


# --- Who may ---


def test_only_members_read_and_write(api, database, pair):
    stranger = database.add_user()
    start(api, stranger, pair[0])
    group = start(api, *pair)
    api.get(f"{MESSAGES}/{group}", stranger.token()).expect(404, ["message_group_not_found"])
    body = {"message": "Let me in.", "message_group_uuid": group}
    api.post(MESSAGES, stranger.token(), json=body).expect(404, ["message_group_not_found"])
    assert len(listed(api, group, pair[0])) == 1
    assert group not in [row["uuid"] for row in groups_of(api, stranger)]


@pytest.mark.parametrize(
    "unknown",
    [
        "00000000-0000-0000-0000-000000000000",
        "not-a-uuid",
        "{9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b21}",
        "%27or%271",
        "MSG%2300000000-0000-0000-0000-000000000000",
        "x" * 500,
    ],
)
def test_unknown_groups(api, pair, unknown):
    start(api, *pair)
    token = pair[0].token()
    api.get(f"{MESSAGES}/{unknown}", token).expect(404, ["message_group_not_found"])
    body = {"message": "Hello.", "message_group_uuid": urllib.parse.unquote(unknown)}
    api.post(MESSAGES, token, json=body).expect(404, ["message_group_not_found"])


def test_without_a_token(api, pair):
    group = start(api, *pair)
    for target in (GROUPS, f"{MESSAGES}/{group}"):
        api.get(target).expect(401, ["generic_401"])
    body = {"message": "Hello.", "message_group_uuid": group}
    api.post(MESSAGES, json=body).expect(401, ["generic_401"])
    api.post(MESSAGES, "a.b.c", json=body).expect(401, ["generic_401"])
    assert len(listed(api, group, pair[0])) == 1


def test_a_user_without_a_row(api, key, pair):
    token = token_for(key, str(uuid.uuid4()))
    group = start(api, *pair)
    api.get(GROUPS, token).expect(422, ["user_not_found"])
    api.get(f"{MESSAGES}/{group}", token).expect(422, ["user_not_found"])
    for body in ({"message_group_uuid": group}, {"handle": pair[0].handle}, {"handle": "nobody"}):
        api.post(MESSAGES, token, json={"message": "Hi.", **body}).expect(422, ["user_not_found"])
    assert len(listed(api, group, pair[0])) == 1


def test_the_placeholder_is_nobody_s_sub(api, database, key, pair):
    mock = database.add_user(sub="MOCK")
    token = token_for(key, "MOCK")
    assert api.get(GROUPS, token).status in (401, 422)
    body = {"message": "Hi.", "handle": pair[0].handle}
    assert api.post(MESSAGES, token, json=body).status in (401, 422)
    start(api, pair[0], mock)  # but such a user can be written to


# --- Rules ---


@pytest.mark.parametrize("handle", ["nobody-has-this", "%", "_", "' or 1=1", "\U0001f600"])
def test_unknown_handles(api, pair, handle):
    body = {"message": "Hello.", "handle": handle}
    api.post(MESSAGES, pair[0].token(), json=body).expect(422, ["user_not_found"])


def test_to_oneself(api, pair):
    body = {"message": "Hello.", "handle": pair[0].handle}
    api.post(MESSAGES, pair[0].token(), json=body).expect(422, ["user_reciever_handle_self"])
    assert groups_of(api, pair[0]) == []


BLANK = [None, "", " \n\t\u00a0\u3000", 5, True, ["x"], {"a": 1}]


@pytest.mark.parametrize("message", BLANK)
def test_message_blank(api, pair, message):
    body = {"message": message, "handle": pair[1].handle}
    api.post(MESSAGES, pair[0].token(), json=body).expect(422, ["message_blank"])
    assert groups_of(api, pair[0]) == []


@pytest.mark.parametrize("handle", BLANK)
def test_handle_blank(api, pair, handle):
    body = {"message": "Hello.", "handle": handle}
    api.post(MESSAGES, pair[0].token(), json=body).expect(422, ["user_reciever_handle_blank"])


@pytest.mark.parametrize("group", BLANK[1:])
def test_message_group_uuid_blank(api, pair, group):
    body = {"message": "Hello.", "message_group_uuid": group}
    api.post(MESSAGES, pair[0].token(), json=body).expect(422, ["message_group_uuid_blank"])
    body["handle"] = pair[1].handle
    api.post(MESSAGES, pair[0].token(), json=body).expect(422, ["message_group_uuid_blank"])


def test_a_null_group_with_a_handle_is_for_the_user(api, pair):
    body = {"message": "Hello.", "message_group_uuid": None, "handle": pair[1].handle}
    api.post(MESSAGES, pair[0].token(), json=body).expect(200)


def test_the_group_wins_over_the_handle(api, database, pair):
    group = start(api, *pair)
    other = database.add_user()
    body = {"message": "Hello.", "message_group_uuid": group, "handle": other.handle}
    answer = api.post(MESSAGES, pair[0].token(), json=body).expect(200)
    assert answer["message_group_uuid"] == group
    assert groups_of(api, other) == []


def test_every_broken_rule_the_message_s_first(api, pair):
    token = pair[0].token()
    for body, code in (
        ({"message_group_uuid": ""}, "message_group_uuid_blank"),
        ({"handle": " "}, "user_reciever_handle_blank"),
        ({}, "user_reciever_handle_blank"),
    ):
        api.post(MESSAGES, token, json=body).expect(422, ["message_blank", code])
        body["message"] = "x" * 1025
        api.post(MESSAGES, token, json=body).expect(422, ["message_exceed_max_chars_1024", code])


def test_length(api, pair):
    longest = "\U0001f600" * 1024
    group = start(api, *pair, longest)
    assert send(api, pair[1], group, longest)["message"] == longest
    assert [row["message"] for row in listed(api, group, pair[0])] == [longest, longest]
    token = pair[0].token()
    for body in ({"message_group_uuid": group}, {"handle": pair[1].handle}):
        body["message"] = "\U0001f600" * 1025
        api.post(MESSAGES, token, json=body).expect(422, ["message_exceed_max_chars_1024"])


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit="])
def test_limit_invalid(api, pair, query):
    group = start(api, *pair)
    for target in (GROUPS, f"{MESSAGES}/{group}"):
        api.get(f"{target}?{query}", pair[0].token()).expect(422, ["limit_invalid"])


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "%00", pytest.param("a" * 2000, id="long"), "2023-05-20T23:44:59"]
)
def test_cursor_invalid(api, pair, cursor):
    group = start(api, *pair)
    for target in (GROUPS, f"{MESSAGES}/{group}"):
        api.get(f"{target}?before={cursor}", pair[0].token()).expect(422, ["cursor_invalid"])
        api.get(f"{target}?before={cursor}&limit=0", pair[0].token()).expect(
            422, ["limit_invalid", "cursor_invalid"]
        )


def test_methods(api, pair):
    group = start(api, *pair)
    api.post(GROUPS, pair[0].token(), json={}).expect(405)
    api.get(MESSAGES, pair[0].token()).expect(405)
    api.put(f"{MESSAGES}/{group}", pair[0].token(), json={}).expect(405)


def test_no_message_is_logged(api, server, pair):
    group = start(api, *pair, "secret-of-the-first")
    send(api, pair[0], group, "secret-of-the-second")
    answer = api.get(f"{MESSAGES}/{group}", pair[0].token())
    server.log.wait_for(message="request", request_id=answer.header("X-Request-Id"))
    assert "secret-of" not in server.log.text()
