"""32 writers at once on two servers, while a fifth of the requests to DynamoDB are lost, delayed,
throttled, failed or damaged: what was acknowledged is there once and in order, in every member's list;
what was not is there at most once; no answer is 500.

1,000 messages; with CRUDDUR_TEST_FULL=1, 10,000."""

import collections
import os

import pytest

from harness.dynamo_proxy import USUAL, DynamoProxy, Fault, random_faults
from harness.load import at_once
from message_stores import DynamoStore, dynalite  # noqa: F401 (fixture)
from test_messages import MESSAGES, groups_of, send
from test_pagination import next_target

WRITERS = 32
MESSAGES_IN_ALL = 10_000 if os.environ.get("CRUDDUR_TEST_FULL") == "1" else 1_000
FAULTS = 0.2  # of the requests
KINDS = USUAL + (
    Fault.RESET, Fault.CUT_LENGTH, Fault.CUT_CLOSE, Fault.CUT_CHUNK, Fault.HTML, Fault.EMPTY, Fault.ALTERED,
    Fault.CONFLICT, Fault.TIMEOUT, Fault.TOO_MANY, Fault.BUSY, Fault.END_EMPTY, Fault.END_NULL,
    Fault.EMPTY_PAGE,
)  # fmt: skip

# No answer about these messages ever comes back: one kind is written, the other one is not.
DOOMED = " (doomed, written)", " (doomed)"


@pytest.fixture(scope="module")
def store(dynalite):  # noqa: F811
    return DynamoStore(dynalite)


@pytest.fixture(scope="module")
def proxy(dynalite):  # noqa: F811
    proxy = DynamoProxy(dynalite.port, delay_s=1.5)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def settings(settings, store, proxy):
    return {
        **settings,
        **store.settings(),
        "AWS_ENDPOINT_URL_DYNAMODB": proxy.url,
        "CRUDDUR_DDB_DEADLINE_MS": "8000",  # what is doomed is given up soon
    }


class Writer:
    """Writes to one other user, mostly to the group once it is known, now and then by handle."""

    def __init__(self, number, user, other):
        self.number = number
        self.user = user
        self.other = other
        self.acknowledged = []
        self.unacknowledged = []
        self.groups = set()

    def run(self, api, count):
        for turn in range(count):
            text = f"writer {self.number} message {turn}"
            if turn == 5 and self.number % 5 == 0:
                text += DOOMED[self.number % 2]
            body = {"message": text}
            if not self.groups or turn % 10 == 0:
                body["handle"] = self.other.handle
            else:
                body["message_group_uuid"] = next(iter(self.groups))
            answer = api.post(MESSAGES, self.user.token(), json=body)
            if answer.status == 200:
                self.acknowledged.append(text)
                self.groups.add(answer.json()["message_group_uuid"])
            else:
                answer.expect(503, ["generic_503"])
                self.unacknowledged.append(text)


def doom(plan):
    """The plan, but for the doomed messages."""

    def doomed(call):
        text = call.body.get("Item", {}).get("message", {}).get("S", "")
        if call.writes_message() and text.endswith(DOOMED):
            return Fault.DROP_AFTER if text.endswith(DOOMED[0]) else Fault.DROP_BEFORE
        return plan(call)

    return doomed


def everything(api, user, group):
    """All messages of a group as one member sees them, page by page."""
    answer = api.get(f"{MESSAGES}/{group}?limit=100", user.token())
    found = answer.expect(200)
    while next_target(answer):
        answer = api.get(next_target(answer), user.token())
        found = answer.expect(200) + found
    return found


def check_list(rows, writers):
    texts = [row["message"] for row in rows]
    times = [row["created_at"] for row in rows]
    assert times == sorted(times)
    assert len({row["uuid"] for row in rows}) == len(rows)
    counted = collections.Counter(texts)
    known = set()
    for writer in writers:
        assert all(counted[text] == 1 for text in writer.acknowledged)
        assert all(counted[text] <= 1 for text in writer.unacknowledged)
        for text in writer.unacknowledged:
            assert counted[text] == 0 or not text.endswith(DOOMED[1])
        mine = [text for text in texts if text in set(writer.acknowledged)]
        assert mine == writer.acknowledged
        known |= set(writer.acknowledged) | set(writer.unacknowledged)
    assert set(texts) <= known


def test_nothing_lost_nothing_doubled(api, start_api, database, store, proxy):
    apis = [api, start_api()[1]]
    writers = []
    for number in range(0, WRITERS, 2):
        first, second = database.add_user(), database.add_user()
        writers += [Writer(number, first, second), Writer(number + 1, second, first)]

    def run(writer):
        mine = apis[writer.number % 2].another()
        writer.run(mine, MESSAGES_IN_ALL // WRITERS)
        mine.close()

    plan = random_faults(20230520, FAULTS, KINDS)
    proxy.plan = doom(plan)
    at_once([lambda writer=writer: run(writer) for writer in writers], timeout=3600)
    proxy.reset()
    assert all(plan.counts[fault] >= MESSAGES_IN_ALL / 50 for fault in KINDS), plan.counts
    acknowledged = sum(len(writer.acknowledged) for writer in writers)
    print(f"{acknowledged} of {MESSAGES_IN_ALL} acknowledged, {dict(plan.counts)}")
    assert acknowledged > 0  # how many are given up depends on the machine
    assert sum(len(writer.unacknowledged) for writer in writers) >= WRITERS // 5
    for pair in zip(writers[::2], writers[1::2]):
        groups = pair[0].groups | pair[1].groups
        assert len(groups) == 1
        group = groups.pop()
        lists = [everything(api, writer.user, group) for writer in pair]
        assert lists[0] == lists[1]
        check_list(lists[0], pair)
        for writer in pair:
            shown = groups_of(api, writer.user)
            assert [row["uuid"] for row in shown] == [group]
            assert shown[0]["message"] == lists[0][-1]["message"]
            assert shown[0]["created_at"] == lists[0][-1]["created_at"]
        sent = send(api, pair[0].user, group, "the last")
        for writer in pair:
            assert [row["sk"] for row in store.groups(writer.user)] == [sent["created_at"]]
