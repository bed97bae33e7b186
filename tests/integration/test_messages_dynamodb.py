"""Direct messages in DynamoDB: the items, what was there before, and what lies between two requests."""

import datetime
import http.client
import json
import threading

import pytest

from harness.dynamo_proxy import USUAL, DynamoProxy, Fault
from harness.people import seconds, utc_now
from harness.server import run
from message_stores import (  # noqa: F401 (dynalite is a fixture)
    DynamoStore,
    dynalite,
    group_item,
    message_item,
    new_uuid,
    text_of,
)
from test_messages import GROUPS, MESSAGES, groups_of, listed, send, start
from test_pagination import next_target

OLD = datetime.datetime(2021, 3, 4, 10, 0, 0, 123456)


@pytest.fixture(scope="module")
def store(dynalite):  # noqa: F811
    return DynamoStore(dynalite)


@pytest.fixture(scope="module")
def proxy(dynalite):  # noqa: F811
    proxy = DynamoProxy(dynalite.port)
    yield proxy
    proxy.close()


@pytest.fixture(autouse=True)
def healthy(proxy):
    proxy.reset()
    yield
    proxy.reset()


@pytest.fixture(scope="module")
def settings(settings, store, proxy):
    return {
        **settings,
        **store.settings(),
        "AWS_ENDPOINT_URL_DYNAMODB": proxy.url,
    }


@pytest.fixture
def pair(database):
    return database.add_user(), database.add_user()


def messages_of(rows):
    return [row["message"] for row in rows]


# --- Items ---


def test_the_items_of_a_first_message(api, store, pair):
    andrew, bayko = pair
    group = start(api, andrew, bayko, "Hello.")
    shown = listed(api, group, andrew)[0]
    sk = shown["created_at"]
    assert store.messages(group) == [message_item(group, andrew, "Hello.", sk, shown["uuid"])]
    assert store.groups(andrew) == [group_item(group, andrew, bayko, "Hello.", sk)]
    assert store.groups(bayko) == [group_item(group, bayko, andrew, "Hello.", sk)]


def test_the_items_of_a_later_message(api, store, pair):
    andrew, bayko = pair
    group = start(api, andrew, bayko, "first")
    sent = send(api, bayko, group, "later")
    sk = sent["created_at"]
    assert store.messages(group)[1] == message_item(group, bayko, "later", sk, sent["uuid"])
    assert store.groups(andrew) == [group_item(group, andrew, bayko, "later", sk)]
    assert store.groups(bayko) == [group_item(group, bayko, andrew, "later", sk)]


@pytest.mark.parametrize("offset", ["", "+00:00", "Z", "-00:00"])
def test_rows_of_before_read_back_and_are_moved(api, store, proxy, pair, offset):
    andrew, bayko = pair
    group = store.add_group(andrew, bayko, "old", OLD, offset=offset)
    store.add_message(group, bayko, "older", OLD - seconds(1), offset="")
    store.add_message(group, bayko, "newer", OLD + seconds(1), offset="+00:00")
    moved = threading.Semaphore(0)
    proxy.after = lambda call: moved.release() if is_check_of_a_move(call) else None
    assert messages_of(listed(api, group, andrew)) == ["older", "old", "newer"]
    assert moved.acquire(timeout=30) and moved.acquire(timeout=30)
    for shown in listed(api, group, andrew):
        assert shown["created_at"].endswith("123456+00:00")
    assert groups_of(api, bayko)[0]["message"] == "newer"  # the rows were behind: a reader moved them
    sent = send(api, bayko, group, "newest")
    for member in pair:
        assert [row["sk"] for row in store.groups(member)] == [sent["created_at"]]
        assert messages_of(groups_of(api, member)) == ["newest"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2021-03-04T10:00:00", "2021-03-04T10:00:00.000000+00:00"),
        ("2021-03-04T10:00:00+00:00", "2021-03-04T10:00:00.000000+00:00"),
        ("2021-03-04T10:00:00.5", "2021-03-04T10:00:00.500000+00:00"),
        ("2021-03-04T10:00:00.123456789+00:00", "2021-03-04T10:00:00.123456+00:00"),
        ("2021-03-04T12:00:00.123456+02:00", "2021-03-04T10:00:00.123456+00:00"),
    ],
)
def test_times_of_before(api, store, pair, text, shown):
    group = new_uuid()
    for member, other in (pair, pair[::-1]):
        store.add_group_row(group, member, other, "old", text)
    store.table.put_item(Item=message_item(group, pair[0], "old", text, new_uuid()))
    assert groups_of(api, pair[0])[0]["created_at"] == shown
    assert listed(api, group, pair[1])[0]["created_at"] == shown


SECOND = "2021-03-04T10:00:0"


@pytest.mark.parametrize("limit", [1, 2, 3, 20])
def test_every_way_of_writing_a_time_survives_paging(api, store, pair, limit):
    """Within a second the table's order of such texts is not that of the times."""
    fractions = ["", ".0", ".000", ".000000", ".4", ".5", ".500000", ".55", ".500001", ".9", ".123456789"]
    keys = [
        f"{SECOND}{second}{fraction}{offset}"
        for second in range(3)
        for fraction in fractions
        for offset in ("", "Z", "+00:00")
    ]
    group = store.add_group(*pair, "first", OLD)
    for key in keys:
        store.table.put_item(Item=message_item(group, pair[0], key, key, new_uuid()))
    found, times, target = [], [], f"{MESSAGES}/{group}?limit={limit}"
    while target:
        answer = api.get(target, pair[0].token())
        page = answer.expect(200)
        found = messages_of(page) + found
        times = [row["created_at"] for row in page] + times
        target = next_target(answer)
    assert times == sorted(times)
    assert sorted(found) == sorted(["first", *keys])


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_groups_whose_times_have_no_fraction(api, store, database, limit):
    andrew = database.add_user()
    others = [database.add_user() for _ in range(8)]
    keys = ["", "Z", "+00:00", ".5", ".5Z", ".55", ".9Z", ".95"]
    for other, key in zip(others, keys):
        store.add_group_row(new_uuid(), andrew, other, key, SECOND + "0" + key)
    found, target = [], f"/api/message_groups?limit={limit}"
    while target:
        answer = api.get(target, andrew.token())
        found += answer.expect(200)
        target = next_target(answer)
    times = [row["created_at"] for row in found]
    assert times == sorted(times, reverse=True)
    assert sorted(messages_of(found)) == sorted(keys)


@pytest.mark.parametrize("message", [None, 5])
def test_an_item_without_a_text_is_shown_without_one(api, store, pair, message):
    group = store.add_group(*pair, "good", OLD)
    for item in (
        message_item(group, pair[0], message, text_of(OLD + seconds(1)), new_uuid()),
        group_item(group, pair[0], pair[1], message, text_of(OLD + seconds(1))),
    ):
        if message is None:
            del item["message"]
        store.table.put_item(Item=item)
    assert messages_of(listed(api, group, pair[0])) == ["good", ""]
    assert messages_of(groups_of(api, pair[0])) == [""]


def test_items_that_make_no_sense_are_left_out(api, store, pair):
    group = store.add_group(*pair, "good", OLD)
    andrew = pair[0]
    for sk in ("", "yesterday", "2021-02-30T10:00:00", "2021-03-04 10:00:00", "9"):
        if sk:
            item = message_item(group, andrew, "bad", sk, new_uuid())
            store.table.put_item(Item=item)
            store.table.put_item(Item=group_item(new_uuid(), andrew, pair[1], "bad", sk))
    item = message_item(group, andrew, "bad", text_of(OLD + seconds(5)), "no uuid")
    store.table.put_item(Item=item)
    item = message_item(group, andrew, "bad", text_of(OLD + seconds(6)), new_uuid())
    del item["message_uuid"]
    store.table.put_item(Item=item)
    assert messages_of(listed(api, group, andrew)) == ["good"]
    assert messages_of(groups_of(api, andrew)) == ["good"]


def test_a_group_is_listed_exactly_if_it_can_be_opened(api, store, pair):
    andrew, bayko = pair
    old = start(api, *pair, "old")
    good = store.groups(andrew)[0]
    nobody = {name: good[name] for name in good if name != "user_uuid"}
    for number, row in enumerate([
        {**good, "message_group_uuid": new_uuid().upper()},
        {**nobody, "message_group_uuid": new_uuid()},
        {**good, "message_group_uuid": new_uuid(), "user_uuid": "nobody"},
        {**nobody, "message": "a newer row of the same group"},
    ]):  # fmt: skip
        store.table.put_item(Item={**row, "sk": f"2098-01-01T00:00:0{number}.000000+00:00"})
        group = row["message_group_uuid"]
        answer = api.get(f"{MESSAGES}/{group}", andrew.token())
        answer.expect(200 if group == old else 404)
    assert [row["uuid"] for row in groups_of(api, andrew)] == [old]
    assert start(api, *pair, "new") == old
    assert messages_of(groups_of(api, andrew)) == ["new"]
    assert messages_of(listed(api, old, andrew)) == ["old", "new"]
    assert len(store.groups(andrew)) == 5  # what makes no sense is not deleted


def test_one_time_written_in_two_ways(api, store, pair):
    group = store.add_group(*pair, "first", OLD)
    uuids = [new_uuid() for _ in range(2)]
    moment = OLD + seconds(1)
    for uuid, offset in zip(uuids, ("", "+00:00")):
        store.add_message(group, pair[0], uuid, moment, uuid, offset)
    expected = ["first", *sorted(uuids)]
    assert messages_of(listed(api, group, pair[0])) == expected
    found, answer = [], api.get(f"{MESSAGES}/{group}?limit=1", pair[0].token())
    found = messages_of(answer.expect(200))
    while next_target(answer):
        answer = api.get(next_target(answer), pair[0].token())
        found = messages_of(answer.expect(200)) + found
    assert found == expected


def test_a_user_who_is_gone_keeps_the_name_of_the_items(api, database, store):
    andrew, bayko = database.add_user(), database.add_user()
    group = store.add_group(bayko, andrew, "from one who is gone", OLD)
    database.run("delete from public.users where uuid = %s", bayko.uuid)
    for shown in (listed(api, group, andrew)[0], groups_of(api, andrew)[0]):
        assert shown["handle"] == bayko.handle
        assert shown["display_name"] == bayko.display_name
    send(api, andrew, group, "still there?")
    assert len(listed(api, group, andrew)) == 2


def test_the_newest_of_two_groups_of_the_same_two_is_used(api, store, pair):
    older = store.add_group(*pair, "older", OLD)
    newer = store.add_group(*pair, "newer", OLD + seconds(60))
    assert {row["uuid"] for row in groups_of(api, pair[0])} == {older, newer}
    assert start(api, pair[1], pair[0], "used") == newer
    assert messages_of(listed(api, older, pair[0])) == ["older"]


def test_the_row_of_the_other_member_is_enough_to_find_the_group(api, store, pair):
    group = store.add_group(*pair, "old", OLD)
    store.table.delete_item(Key={"pk": f"GRP#{pair[0].uuid}", "sk": text_of(OLD)})
    assert start(api, *pair, "again") == group
    assert messages_of(listed(api, group, pair[0])) == ["old", "again"]


def test_only_the_newest_of_a_group_s_rows_counts(api, store, pair):
    group = store.add_group(*pair, "newest", OLD)
    for age in (1, 2, 3):
        store.add_group_row(group, *pair, "stale", text_of(OLD - seconds(age)))
    other = store.add_group(pair[0], pair[0], "between", OLD - seconds(1.5))
    assert messages_of(groups_of(api, pair[0])) == ["newest", "between"]
    answer = api.get(f"{GROUPS}?limit=1", pair[0].token())
    assert messages_of(answer.expect(200)) == ["newest"]
    answer = api.get(next_target(answer), pair[0].token())
    assert messages_of(answer.expect(200)) == ["between"]
    assert next_target(answer) is None
    send(api, pair[1], group, "moves all")
    assert sorted(row["message_group_uuid"] for row in store.groups(pair[0])) == sorted(
        [group, other]
    )


# --- Pages of DynamoDB ---


@pytest.fixture(scope="module")
def crowded(database, store):
    """A user with so many groups that DynamoDB gives them in several pages; the oldest one."""
    user, friend = database.add_user(), database.add_user()
    group = store.add_group(user, friend, "the oldest", OLD)
    with store.table.batch_writer() as batch:
        for number in range(900):
            sk = text_of(OLD + seconds(number + 1))
            batch.put_item(Item=group_item(new_uuid(), user, friend, "x" * 4000, sk))
    return user, friend, group


def test_a_member_s_row_far_behind(api, proxy, crowded):
    user, friend, group = crowded
    assert messages_of(listed(api, group, user)) == ["the oldest"]
    queries = [call for call in proxy.calls if call.operation == "Query" and call.pk[:4] == "GRP#"]
    assert len(queries) >= 3
    assert "ExclusiveStartKey" in queries[-1].body
    sent = send(api, friend, group, "and up")
    assert groups_of(api, user, "?limit=1")[0]["uuid"] == sent["message_group_uuid"]
    proxy.reset()
    send(api, user, group, "near the top")
    assert not [call for call in proxy.calls if "ExclusiveStartKey" in call.body]


def test_all_pages_of_groups(api, crowded):
    user, _, group = crowded
    found, answer = [], api.get(f"{GROUPS}?limit=100", user.token())
    found = answer.expect(200)
    while next_target(answer):
        answer = api.get(next_target(answer), user.token())
        found += answer.expect(200)
    assert len({row["uuid"] for row in found}) == len(found) == 901
    assert group in {row["uuid"] for row in found}


def test_long_messages_in_pages(api, store, pair):
    group = store.add_group(*pair, "0", OLD)
    with store.table.batch_writer() as batch:
        for number in range(1, 400):
            sk = text_of(OLD + seconds(number))
            item = message_item(group, pair[0], f"{number} " + "é" * 2000, sk, new_uuid())
            batch.put_item(Item=item)
    answer = api.get(f"{MESSAGES}/{group}?limit=100", pair[0].token())
    found = answer.expect(200)
    while next_target(answer):
        answer = api.get(next_target(answer), pair[0].token())
        found = answer.expect(200) + found
    assert [int(row["message"].split()[0]) for row in found] == list(range(400))


# --- What lies between two requests ---


def once(condition, action):
    """A hook that acts on the first call for which `condition` holds."""
    done = threading.Event()

    def hook(call):
        if not done.is_set() and condition(call):
            done.set()
            action(call)

    hook.done = done
    return hook


def test_two_messages_in_one_microsecond_both_stay(api, store, proxy, pair):
    group = start(api, *pair, "first")
    taken = []

    def take(call):
        item = message_item(group, pair[1], "quicker", call.sk, new_uuid())
        store.table.put_item(Item=item)
        taken.append(call.sk)

    proxy.before = once(lambda call: call.writes_message(), take)
    sent = send(api, pair[0], group, "slower")
    assert messages_of(listed(api, group, pair[1])) == ["first", "quicker", "slower"]
    assert sent["created_at"] > taken[0]
    for member in pair:
        assert messages_of(groups_of(api, member)) == ["slower"]


def test_two_groups_in_one_microsecond_both_stay(api, database, store, proxy, pair):
    third = database.add_user()
    other = new_uuid()

    def take(call):
        store.table.put_item(Item=group_item(other, pair[1], third, "quicker", call.sk))

    condition = f"GRP#{pair[1].uuid}"
    proxy.before = once(lambda call: call.writes_group() and call.pk == condition, take)
    group = start(api, *pair, "slower")
    assert proxy.before.done.is_set()
    assert [row["uuid"] for row in groups_of(api, pair[1])] == [group, other]
    assert messages_of(groups_of(api, pair[1])) == ["slower", "quicker"]


@pytest.mark.parametrize("fault", [fault for fault in USUAL if fault is not Fault.DELAY])
def test_every_request_fails_once(api, proxy, store, pair, fault):
    seen = set()

    def plan(call):
        key = json.dumps(call.body, sort_keys=True)
        return fault if key not in seen and not seen.add(key) else None

    proxy.plan = plan
    group = start(api, *pair, "1")
    send(api, pair[1], group, "2")
    for member in pair:
        assert messages_of(listed(api, group, member)) == ["1", "2"]
        assert messages_of(groups_of(api, member)) == ["2"]
        assert len(store.groups(member)) == 1


def test_a_row_that_the_lambda_is_just_moving(api, store, proxy, pair):
    group = start(api, *pair, "1")
    row = store.groups(pair[0])[0]
    condition = f"GRP#{pair[0].uuid}"

    def hide(call):
        store.table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})

    def show(call):
        store.table.put_item(Item=row)

    for act in (lambda: listed(api, group, pair[0]), lambda: send(api, pair[0], group, "2")):
        row = store.groups(pair[0])[0]
        proxy.before = once(lambda call: call.operation == "Query" and call.pk == condition, hide)
        proxy.after = once(lambda call: call.operation == "Query" and call.pk == condition, show)
        act()
        assert proxy.after.done.is_set()


def test_a_late_lambda_never_leaves_a_member_without_a_row(api, store, proxy, pair):
    """It puts the older row back where the newer one was, right before the older is deleted here."""
    group = start(api, *pair, "1")
    condition = f"GRP#{pair[0].uuid}"

    def move_back(call):
        rows = [row for row in store.groups(pair[0]) if row["sk"] != call.sk]
        assert len(rows) == 1
        store.table.delete_item(Key={"pk": rows[0]["pk"], "sk": rows[0]["sk"]})

    proxy.before = once(lambda call: call.operation == "DeleteItem" and call.pk == condition, move_back)
    send(api, pair[1], group, "2")
    assert proxy.before.done.is_set()
    assert messages_of(groups_of(api, pair[0])) == ["2"]
    assert len(store.groups(pair[0])) == 1


def lambda_of_the_account(store, group, sk, message):
    """What the account's function does with a message that its stream tells it of."""
    rows = store.table.query(
        IndexName="message-group-sk-index",
        KeyConditionExpression="message_group_uuid = :group",
        ExpressionAttributeValues={":group": group},
    )["Items"]
    for row in rows:
        store.table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
        store.table.put_item(Item={**row, "sk": sk, "message": message})


def test_the_lambda_leaves_the_same_rows(api, store, pair):
    group = start(api, *pair, "1")
    sent = send(api, pair[1], group, "2")
    before = [store.groups(member) for member in pair]
    lambda_of_the_account(store, group, sent["created_at"], "2")
    assert [store.groups(member) for member in pair] == before


def test_while_the_lambda_moves_the_same_rows(api, store, proxy, database):
    """Writers and the function at once; when both rest, each member has one row, of the newest."""
    pairs = [(database.add_user(), database.add_user()) for _ in range(4)]
    groups = [start(api, *pair, "0") for pair in pairs]
    events, ended = [], threading.Event()
    changed = threading.Condition()

    def tell(call):
        if call.writes_message() and call.answer[0] == 200:
            with changed:
                events.append((call.pk.removeprefix("MSG#"), call.sk, call.body["Item"]["message"]["S"]))
                changed.notify()

    def work():
        while True:
            with changed:
                changed.wait_for(lambda: events or ended.is_set())
                if not events:
                    return
                event = events.pop(0)
            lambda_of_the_account(store, *event)

    proxy.after = tell
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    refused = []

    def write(pair, group):
        mine = api.another()
        for number in range(1, 16):
            body = {"message": str(number), "message_group_uuid": group}
            answer = mine.post(MESSAGES, pair[number % 2].token(), json=body)
            if answer.status != 200:
                refused.append(answer)
        mine.close()

    writers = [threading.Thread(target=write, args=row) for row in zip(pairs, groups)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    with changed:
        ended.set()
        changed.notify()
    worker.join(120)
    assert refused == []
    for pair, group in zip(pairs, groups):
        newest = store.messages(group)[-1]
        for member, other in (pair, pair[::-1]):
            rows = store.groups(member)
            expected = group_item(group, member, other, newest["message"], newest["sk"])
            assert rows[-1] == expected
            assert messages_of(groups_of(api, member)) == ["15"]


# --- A crash at any point ---


def requests_of(proxy, act):
    with proxy.lock:
        proxy.calls = []
    act()
    return len(proxy.calls)


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
@pytest.mark.parametrize("kind", ["start", "send"])
def test_after_a_crash_at_any_point_the_next_call_repairs(
    start_api, api, database, store, proxy, kind, fault
):
    _, hasty = start_api(CRUDDUR_DDB_DEADLINE_MS="400")
    point = 0
    while True:
        pair = database.add_user(), database.add_user()
        group = start(api, *pair, "before") if kind == "send" else None
        crashed = cut_off_after(proxy, point, fault)
        body = {"message": "cut off", "handle": pair[1].handle}
        if group:
            body = {"message": "cut off", "message_group_uuid": group}
        answer = hasty.post(MESSAGES, pair[0].token(), json=body)
        proxy.reset()
        if not crashed.is_set():
            if answer.status == 200:
                break
            continue  # too slow even so: the same point again
        if fault is Fault.DROP_BEFORE or answer.status != 200:
            answer.expect(503, ["generic_503"])
        check_after_crash(api, store, pair, group, kind)
        point += 1
    assert point >= 7  # as many requests as a message takes at least


def cut_off_after(proxy, number, fault):
    """From request `number` on nothing comes back; that one may still be done, the rest is not."""
    count, crashed = [0], threading.Event()

    def plan(_):
        count[0] += 1
        if count[0] <= number:
            return None
        first = not crashed.is_set()
        crashed.set()
        return fault if first else Fault.DROP_BEFORE

    proxy.plan = plan
    return crashed


def check_after_crash(api, store, pair, group, kind):
    before = ["before"] if kind == "send" else []
    for member in pair:  # whatever is shown, is shown once, and can be read
        for row in groups_of(api, member):
            shown = messages_of(listed(api, row["uuid"], member))
            assert shown in (before, [*before, "cut off"])
    if kind == "send":
        assert send(api, pair[1], group, "next")["message_group_uuid"] == group
    else:
        group = start(api, pair[1], pair[0], "next")
    shown = [messages_of(listed(api, group, member)) for member in pair]
    assert shown[0] == shown[1]
    assert shown[0] in ([*before, "next"], [*before, "cut off", "next"])
    for member in pair:
        assert [(row["uuid"], row["message"]) for row in groups_of(api, member)] == [(group, "next")]
        assert len(store.groups(member)) == 1
    assert start(api, *pair, "same group") == group


@pytest.mark.parametrize("number", [0, 1, 2])
def test_after_a_kill(start_api, api, store, proxy, pair, number):
    """The process ends when its write number `number` was done and before it learns of that."""
    group = start(api, *pair, "before")
    server, doomed = start_api()
    writes, killed = [], threading.Event()

    def kill(call):
        if call.operation == "PutItem":
            writes.append(call)
            if len(writes) == number + 1:
                server.process.kill()
                killed.set()

    proxy.after = kill
    body = {"message": "cut off", "message_group_uuid": group}
    with pytest.raises((OSError, http.client.HTTPException)):
        doomed.post(MESSAGES, pair[0].token(), json=body)
    assert killed.is_set()
    server.process.wait(30)
    proxy.reset()
    check_after_crash(api, store, pair, group, "send")


def test_reading_moves_rows_that_a_crash_left_behind(api, store, proxy, pair):
    group = start(api, *pair, "1")
    store.add_message(group, pair[0], "2", utc_now() + seconds(1))
    moved = threading.Semaphore(0)
    proxy.after = lambda call: moved.release() if is_check_of_a_move(call) else None
    listed(api, group, pair[1])
    for _ in pair:
        assert moved.acquire(timeout=30)
    for member in pair:
        assert messages_of(groups_of(api, member)) == ["2"]
        assert len(store.groups(member)) == 1


def is_check_of_a_move(call):
    return call.operation == "GetItem" and call.pk.startswith("GRP#")


def test_a_reader_does_not_wait_for_rows_to_be_moved(start_api, store, proxy, database):
    _, api = start_api(CRUDDUR_LOOPS="1", CRUDDUR_DDB_DEADLINE_MS="60000")
    user = database.add_user()
    groups = []
    for _ in range(20):  # more than may be moved at once
        other = database.add_user()
        group = store.add_group(user, other, "1")
        store.add_message(group, other, "2", utc_now() + seconds(1))
        groups.append(group)
    arrived, release = threading.Event(), threading.Event()

    def hold(call):
        if call.writes_group():
            arrived.set()
            release.wait(60)

    proxy.before = hold
    for _ in range(2):
        for group in groups:
            assert messages_of(listed(api, group, user)) == ["1", "2"]
    assert arrived.wait(30)
    writes = [call for call in proxy.calls if call.writes_group()]
    release.set()
    assert len({call.body["Item"]["message_group_uuid"]["S"] for call in writes}) <= 16


# --- When DynamoDB does not answer ---


def all_calls(api, pair, group):
    token = pair[0].token()
    yield api.get(GROUPS, token)
    yield api.get(f"{MESSAGES}/{group}", token)
    yield api.post(MESSAGES, token, json={"message": "x", "handle": pair[1].handle})
    yield api.post(MESSAGES, token, json={"message": "x", "message_group_uuid": group})


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.THROTTLE, Fault.FAIL_BEFORE])
def test_unavailable_to_the_end(start_api, api, proxy, pair, fault):
    server, hasty = start_api(CRUDDUR_DDB_DEADLINE_MS="300")
    group = start(api, *pair)
    proxy.plan = lambda call: fault
    for answer in all_calls(hasty, pair, group):
        answer.expect(503, ["generic_503"])
    hasty.get("/api/health-check").expect(200)
    hasty.get("/api/activities/home").expect(200)
    proxy.reset()
    assert messages_of(listed(api, group, pair[0])) == ["Hello."]
    assert server.log.find(message="messages unavailable")


@pytest.mark.parametrize(
    "changes",
    [
        {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"},
        {"DDB_MESSAGE_TABLE": "no-such-table"},
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None},
    ],
)
def test_nothing_to_talk_to(start_api, pair, changes):
    _, api = start_api(CRUDDUR_DDB_DEADLINE_MS="300", **changes)
    for answer in all_calls(api, pair, new_uuid()):
        answer.expect(503, ["generic_503"])
    body = {"message": "x", "handle": "nobody-has-this"}
    api.post(MESSAGES, pair[0].token(), json=body).expect(422, ["user_not_found"])


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_DEFAULT_REGION", None), ("AWS_ENDPOINT_URL_DYNAMODB", "nonsense")]
)
def test_a_bad_setting_stops_the_start(settings, name, value):
    done = run("serve", **{**settings, name: value})
    assert done.returncode == 2
    assert name in done.stderr and "for example" in done.stderr


def test_stopping_ends_what_waits_for_dynamodb(start_api, proxy, pair):
    server, api = start_api(CRUDDUR_DRAIN_TIMEOUT_S="1")
    arrived, release = threading.Event(), threading.Event()

    def hold(call):
        arrived.set()
        release.wait(30)

    proxy.before = hold
    answers = []

    def ask():
        answers.append(api.get(GROUPS, pair[0].token()))

    client = threading.Thread(target=ask)
    client.start()
    assert arrived.wait(30)
    server.terminate()
    assert server.wait(30) == 0
    client.join(30)
    release.set()
    answers[0].expect(503, ["generic_503"])
