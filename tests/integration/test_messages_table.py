"""The table of docs/messages.md: what a fault of one request to DynamoDB does to a read and to a
write: the status, the requests that are made, and no second message."""

import json

import pytest

from harness.dynamo_proxy import DynamoProxy, Fault
from message_stores import DynamoStore, dynalite  # noqa: F401 (fixture)
from test_messages import MESSAGES, groups_of, listed, start

# The fault, and how many requests it costs a read and a write beside the usual ones. A write whose
# answer is lost is repeated, finds its key taken, and looks who took it.
ONCE = [
    (Fault.RESET, 0, 0),
    (Fault.CUT_LENGTH, 1, 2),
    (Fault.CUT_CLOSE, 1, 2),
    (Fault.CUT_CHUNK, 1, 2),
    (Fault.DRIP, 1, 0),  # the answer to a put is two bytes long, and comes in time
    (Fault.HTML, 1, 2),
    (Fault.EMPTY, 1, 2),
    (Fault.ALTERED, 1, 2),
    (Fault.DROP_AFTER, 1, 2),
    (Fault.FAIL_AFTER, 1, 2),
    (Fault.HANG, 1, 1),
    (Fault.DROP_BEFORE, 1, 1),
    (Fault.FAIL_BEFORE, 1, 1),
    (Fault.BUSY, 1, 1),
    (Fault.TIMEOUT, 1, 1),
    (Fault.TOO_MANY, 1, 1),
    (Fault.THROTTLE, 1, 1),
    (Fault.CONFLICT, 1, 1),
    (Fault.REPLICATED, 1, 1),
    (Fault.LIMIT, 1, 1),
]


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
    return {**settings, **store.settings(), "AWS_ENDPOINT_URL_DYNAMODB": proxy.url}


@pytest.fixture
def pair(database):
    return database.add_user(), database.add_user()


def on_first(condition, fault):
    met = []

    def plan(call):
        if met or not condition(call):
            return None
        met.append(call)
        return fault

    return plan


def is_list(call):
    return call.operation == "Query" and call.pk.startswith("MSG#")


def requests_of(proxy, plan, act):
    proxy.reset()
    proxy.plan = plan
    result = act()
    count = len(proxy.calls)
    proxy.reset()
    return count, result


def send(api, user, group, text):
    body = {"message": text, "message_group_uuid": group}
    return api.post(MESSAGES, user.token(), json=body).expect(200)


def texts(rows):
    return [row["message"] for row in rows]


@pytest.mark.parametrize(("fault", "more_reading", "more_writing"), ONCE)
def test_one_fault_is_survived(
    start_api, api, store, proxy, pair, fault, more_reading, more_writing
):
    if fault in (Fault.DRIP, Fault.HANG):  # which only time ends: a try has two seconds
        api = start_api(CRUDDUR_DDB_DEADLINE_MS="8000")[1]
    group = start(api, *pair, "1")
    reading, _ = requests_of(proxy, lambda call: None, lambda: listed(api, group, pair[0]))
    writing, _ = requests_of(proxy, lambda call: None, lambda: send(api, pair[0], group, "2"))
    count, rows = requests_of(proxy, on_first(is_list, fault), lambda: listed(api, group, pair[1]))
    assert texts(rows) == ["1", "2"]
    assert count == reading + more_reading
    plan = on_first(lambda call: call.writes_message(), fault)
    count, _ = requests_of(proxy, plan, lambda: send(api, pair[1], group, "3"))
    assert count == writing + more_writing
    assert texts(listed(api, group, pair[0])) == ["1", "2", "3"]
    for member in pair:
        assert [row["message"] for row in store.groups(member)] == ["3"]


@pytest.mark.parametrize("fault", [fault for fault, *_ in ONCE if fault is not Fault.RESET])
def test_a_fault_that_stays_is_503_and_no_second_message(start_api, api, proxy, pair, fault):
    server, hasty = start_api(CRUDDUR_DDB_DEADLINE_MS="600")
    group = start(api, *pair, "1")
    proxy.plan = lambda call: fault if is_list(call) else None
    hasty.get(f"{MESSAGES}/{group}", pair[0].token()).expect(503, ["generic_503"])
    proxy.plan = lambda call: fault if call.writes_message() else None
    body = {"message": "2", "message_group_uuid": group}
    answer = hasty.post(MESSAGES, pair[0].token(), json=body)
    if answer.status != 200:  # a conflict with its own first try says that it is done
        answer.expect(503, ["generic_503"])
    proxy.reset()
    assert texts(listed(api, group, pair[0])) in (["1"], ["1", "2"])
    assert server.log.find(message="messages unavailable")


@pytest.mark.parametrize(
    ("fault", "pages"), [(Fault.END_EMPTY, 1), (Fault.END_NULL, 1), (Fault.EMPTY_PAGE, 2)]
)
def test_odd_ends_of_pages(api, store, proxy, pair, fault, pages):
    group = start(api, *pair, "1")
    proxy.plan = lambda call: fault
    assert texts(listed(api, group, pair[0])) == ["1"]
    assert len([call for call in proxy.calls if is_list(call)]) == pages
    assert texts(groups_of(api, pair[1])) == ["1"]
    send(api, pair[1], group, "2")
    proxy.reset()
    assert texts(listed(api, group, pair[0])) == ["1", "2"]
    assert [row["message"] for row in store.groups(pair[0])] == ["2"]


def test_a_page_that_does_not_advance(start_api, api, proxy, pair):
    server, impatient = start_api()
    group = start(api, *pair, "1")
    proxy.plan = lambda call: Fault.STUCK if is_list(call) else None
    impatient.get(f"{MESSAGES}/{group}", pair[0].token()).expect(503, ["generic_503"])
    assert len([call for call in proxy.calls if is_list(call)]) == 2
    line = server.log.wait_for(message="messages unavailable")
    assert "does not advance" in json.dumps(line)
