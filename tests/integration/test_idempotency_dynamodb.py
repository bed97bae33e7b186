"""Idempotency-Key with messages in DynamoDB: what lies between the key's row and the items."""

import http.client

import pytest

from harness.dynamo_proxy import Fault
from message_stores import dynalite, new_uuid  # noqa: F401 (fixture)
from test_idempotency import keys_of
from test_idempotency import send as send_once
from test_messages import MESSAGES, groups_of, listed, start
from test_messages_dynamodb import (  # noqa: F401 (fixtures)
    cut_off_after,
    healthy,
    messages_of,
    pair,
    proxy,
    settings,
    store,
)


def new_message(kind, api, pair):  # noqa: F811
    """The body of a message to a user or to a group that is there."""
    if kind == "start":
        return {"message": "new", "handle": pair[1].handle}
    return {"message": "new", "message_group_uuid": start(api, *pair, "before")}


def check_one_message(api, store, group, pair):  # noqa: F811
    """It is there once, for both, and both rows of the group tell of it."""
    rows = [row for row in store.messages(group) if row["message"] == "new"]
    assert len(rows) == 1
    for member in pair:
        assert messages_of(listed(api, group, member)).count("new") == 1
        assert messages_of(groups_of(api, member)) == ["new"]
        assert [row["sk"] for row in store.groups(member)] == [rows[0]["sk"]]
    return rows[0]


@pytest.mark.parametrize("fault", [Fault.DROP_BEFORE, Fault.DROP_AFTER])
@pytest.mark.parametrize("kind", ["start", "send"])
def test_a_repeat_resumes_after_a_cut_at_any_point(
    start_api, api, database, store, proxy, kind, fault  # noqa: F811
):
    _, hasty = start_api(CRUDDUR_DDB_DEADLINE_MS="1500")
    point, resumed = 0, 0
    while True:
        pair = database.add_user(), database.add_user()  # noqa: F811
        body, name = new_message(kind, api, pair), new_uuid()
        cut = cut_off_after(proxy, point, fault)
        first = send_once(hasty, MESSAGES, pair[0], name, body)
        proxy.reset()
        resumed += keys_of(database, pair[0])
        again = send_once(api, MESSAGES, pair[0], name, body)
        check_one_message(api, store, again.expect(200)["message_group_uuid"], pair)
        if first.status == 200:
            assert again.body == first.body
        other = send_once(api, MESSAGES, pair[0], name, {**body, "message": "other"})
        other.expect(422, ["idempotency_key_reused"])
        if cut.is_set():
            point += 1
        elif first.status == 200:
            break  # otherwise it was too slow even so: the same point again
    assert point >= 7  # as many requests as a message takes at least
    assert resumed >= 5


@pytest.mark.parametrize("kind", ["start", "send"])
def test_a_crash_between_the_key_and_the_item(
    start_api, api, database, store, proxy, pair, kind  # noqa: F811
):
    body, name = new_message(kind, api, pair), new_uuid()
    server, doomed = start_api()
    fixed = []

    def crash(call):
        if not call.writes_message():
            return None
        fixed.append((call.pk.removeprefix("MSG#"), call.sk))
        server.process.kill()
        return Fault.DROP_BEFORE

    proxy.plan = crash
    with pytest.raises((OSError, http.client.HTTPException)):
        send_once(doomed, MESSAGES, pair[0], name, body)
    server.process.wait(30)
    proxy.reset()
    group, sk = fixed[0]
    assert keys_of(database, pair[0]) == 1
    assert messages_of(store.messages(group)) == (["before"] if kind == "send" else [])
    database.run("update public.users set display_name = 'Later' where uuid = %s", pair[0].uuid)
    answer = send_once(api, MESSAGES, pair[0], name, body)
    assert answer.expect(200)["message_group_uuid"] == group
    row = check_one_message(api, store, group, pair)
    assert (row["sk"], row["user_display_name"]) == (sk, pair[0].display_name)
    assert send_once(api, MESSAGES, pair[0], name, body).body == answer.body


def test_a_message_that_is_resumed_late_keeps_its_place(
    start_api, api, store, proxy, pair  # noqa: F811
):
    """It was taken before the next one, and the groups go on to tell of that."""
    body, name = new_message("send", api, pair), new_uuid()
    group = body["message_group_uuid"]
    _, hasty = start_api(CRUDDUR_DDB_DEADLINE_MS="1500")
    proxy.plan = lambda call: Fault.DROP_BEFORE if call.writes_message() else None
    send_once(hasty, MESSAGES, pair[0], name, body).expect(503)
    proxy.reset()
    later = {"message": "later", "message_group_uuid": group}
    api.post(MESSAGES, pair[1].token(), json=later).expect(200)
    send_once(api, MESSAGES, pair[0], name, body).expect(200)
    assert messages_of(listed(api, group, pair[1])) == ["before", "new", "later"]
    for member in pair:
        assert messages_of(groups_of(api, member)) == ["later"]
        assert len(store.groups(member)) == 1


def test_another_message_has_the_microsecond(api, store, proxy, pair):  # noqa: F811
    """The message goes to the next one, and whoever repeats it finds it there."""
    body, name = new_message("send", api, pair), new_uuid()
    group, taken = body["message_group_uuid"], []

    def take(call):
        if call.writes_message() and not taken:
            taken.append(call.sk)
            row = {**store.messages(group)[0], "sk": call.sk, "message_uuid": new_uuid()}
            store.table.put_item(Item={**row, "message": "quicker"})

    proxy.before = take
    first = send_once(api, MESSAGES, pair[0], name, body)
    assert first.expect(200)["created_at"] > taken[0]
    assert send_once(api, MESSAGES, pair[0], name, body).body == first.body
    assert messages_of(listed(api, group, pair[1])) == ["before", "quicker", "new"]


def test_without_postgres_no_item_is_written(start_api, database, store, proxy, pair, api):  # noqa: F811
    """The key comes first: where it cannot be claimed, there is no message."""
    body, name = new_message("send", api, pair), new_uuid()
    database.run(
        """create function public.refuse() returns trigger language plpgsql as
           $$ begin raise exception using errcode = '53300', message = 'no'; end $$;
           create trigger refuse before insert on public.idempotency_keys
             for each row execute function public.refuse()"""
    )
    send_once(api, MESSAGES, pair[0], name, body).expect(503, ["generic_503"])
    database.run("drop function public.refuse cascade")
    assert messages_of(store.messages(body["message_group_uuid"])) == ["before"]
    send_once(api, MESSAGES, pair[0], name, body).expect(200)
    check_one_message(api, store, body["message_group_uuid"], pair)
