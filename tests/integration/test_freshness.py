"""Freshness under load: whoever asks after a write was answered sees it, on every instance.

Three writers post, reply and change their profile without pause on a disk as slow as a network disk;
96 readers ask both instances. A reader notes, before it sends, what has been acknowledged by then: its
answer must hold at least that. Fewer rounds by default; with CRUDDUR_TEST_FULL=1, many."""

import collections
import os
import tempfile

import pytest

from harness import slow_disk
from harness.flood import Flood
from harness.people import Database
from conftest import default_settings, load_template
from pg_cluster import PgCluster

HOME = "/api/activities/home"
WRITERS = 3
READERS = 96
ROUNDS = 400 if os.environ.get("CRUDDUR_TEST_FULL") == "1" else 60


@pytest.fixture(scope="module")
def slow_cluster():
    with tempfile.TemporaryDirectory() as folder:
        cluster = PgCluster.start(slow_disk.environment(folder), **slow_disk.SETTINGS)
        load_template(cluster)
        yield cluster
        cluster.stop()


@pytest.fixture(scope="module")
def database(slow_cluster, key):
    database = Database(slow_cluster.fresh_database(template="cruddur_template"), key)
    yield database
    database.close()


@pytest.fixture(scope="module")
def settings(database, jwks):
    return default_settings(database, jwks.url)


@pytest.fixture
def instances(start_api):
    """The ports of two servers on one database, both ready."""
    started = [start_api() for _ in range(2)]
    for _, api in started:
        api.wait_until_ready()
    return [server.port for server, _ in started]


class Writer:
    """A user who writes numbers, and what was acknowledged of them."""

    def __init__(self, database, number):
        self.name = f"w{number}"
        self.user = database.add_user()
        self.token = self.user.token()
        self.parent = database.add_activity(self.user, f"{self.name} parent", expires_in=None)
        self.posted = self.replied = self.renamed = 0

    async def round(self, client, number):
        """One of each; what was acknowledged is noted as soon as the answer is there."""
        body = {"message": f"{self.name} post {number}", "ttl": "1-day"}
        (await client.ask("POST", "/api/activities", self.token, body)).expect(200)
        self.posted = number
        target = f"/api/activities/{self.parent}/reply"
        body = {"message": f"{self.name} reply {number}"}
        (await client.ask("POST", target, self.token, body)).expect(200)
        self.replied = number
        body = {"display_name": f"Name {number}", "bio": ""}
        (await client.ask("PUT", "/api/profile/update", self.token, body)).expect(200)
        self.renamed = number


Noted = collections.namedtuple("Noted", "posted replied renamed")


def last_number(messages, prefix):
    """The highest number that the messages with this prefix end in."""
    found = [int(one.rsplit(" ", 1)[1]) for one in messages if one.startswith(prefix)]
    return max(found, default=0)


def look_at_home(writer, noted, body, limit):
    """The newest known post is there, or the list is full of newer ones."""
    messages = [row["message"] for row in body]
    others = {row["message"].split(" ")[0] for row in body} - {writer.name}
    there = last_number(messages, f"{writer.name} post ")
    assert there >= noted.posted or (len(body) == limit and others), (
        f"{writer.name}: {there} at home, {noted.posted} acknowledged before"
    )


def look_at_profile(writer, noted, body):
    messages = [row["message"] for row in body["activities"]]
    newest = max(
        last_number(messages, f"{writer.name} post "), last_number(messages, f"{writer.name} reply ")
    )
    assert newest >= max(noted.posted, noted.replied)
    assert body["profile"]["cruds_count"] >= 1 + noted.posted + noted.replied
    look_at_short(writer, noted, body["profile"])


def look_at_status(writer, noted, body):
    assert body["activity"]["replies_count"] >= noted.replied
    if noted.renamed:
        assert last_number([body["activity"]["display_name"]], "Name ") >= noted.renamed


def look_at_short(writer, noted, body):
    if noted.renamed:
        there = last_number([body["display_name"]], "Name ")
        assert there >= noted.renamed, f"{writer.name} is {there}, {noted.renamed} acknowledged"


class Reader:
    """Asks for one target after the other, with the tag of what it has: 304 says that that still holds."""

    def __init__(self, writers, number):
        self.writers = writers
        self.number = number
        self.kept = {}

    async def look(self, client, turn):
        writer = self.writers[(self.number + turn) % len(self.writers)]
        kind = (self.number // 3 + turn) % 4
        noted = Noted(writer.posted, writer.replied, writer.renamed)
        target = (
            f"{HOME}?limit=100",
            f"/api/activities/@{writer.user.handle}",
            f"/api/activities/@{writer.user.handle}/status/{writer.parent}",
            f"/api/users/@{writer.user.handle}/short",
        )[kind]
        body = await self.fetch(client, target)
        if kind == 0:
            look_at_home(writer, noted, body, 100)
        else:
            (look_at_profile, look_at_status, look_at_short)[kind - 1](writer, noted, body)

    async def fetch(self, client, target):
        tag, body = self.kept.get(target, (None, None))
        headers = {"If-None-Match": tag} if tag and self.number % 2 else {}
        answer = await client.ask("GET", target, headers=headers)
        if answer.status != 304:
            body = answer.expect(200)
            self.kept[target] = (answer.header("ETag"), body)
        return body


def test_every_read_sees_what_was_acknowledged_before(instances, database):
    writers = [Writer(database, number) for number in range(WRITERS)]
    readers = [Reader(writers, number) for number in range(READERS)]

    async def write(client, number, turn):
        if turn == ROUNDS:
            return None
        await writers[number].round(client, turn + 1)
        return "round"

    async def read(client, number, turn):
        await readers[number].look(client, turn)
        return "read"

    with Flood(instances[0], read, READERS // 2) as here:
        there_readers = readers[READERS // 2 :]

        async def read_there(client, number, turn):
            await there_readers[number].look(client, turn)
            return "read"

        # The writers share one thread with no reader: what they note is noted before it is read.
        with Flood(instances[1], read_there, READERS - READERS // 2) as there:
            with Flood(instances[0], write, WRITERS) as writing:
                writing.finish()
            there.wait_for(more=READERS)
            here.wait_for(more=READERS)
    assert all(writer.posted == ROUNDS for writer in writers)
    for writer in writers:
        sql = """select replies_count, (select count(*) from public.activities r
                                        where r.reply_to_activity_uuid = a.uuid)
                 from public.activities a where uuid = %s"""
        assert database.run(sql, writer.parent) == [(ROUNDS, ROUNDS)]


def test_expired_posts_disappear_at_once(instances, database):
    """A read that begins after the moment, by the database's clock, does not show it."""
    user = database.add_user()
    targets = [f"{HOME}?limit=100", f"/api/activities/@{user.handle}"]
    gone = set()  # the messages whose moment has passed

    async def step(client, number, _):
        expired = set(gone)
        body = (await client.ask("GET", targets[number % 2])).expect(200)
        rows = body if number % 2 == 0 else body["activities"]
        shown = {row["message"] for row in rows}
        assert not shown & expired, f"expired and shown: {shown & expired}"
        return "with" if any(one.startswith("soon gone") for one in shown) else "without"

    with Flood(instances[0], step, 12) as here, Flood(instances[1], step, 12) as there:
        for number in range(10):
            message = f"soon gone {number}"
            activity = database.add_activity(user, message)
            here.wait_for("with")
            there.wait_for("with")
            moment = database.value(
                """update public.activities
                   set expires_at = timezone('UTC', clock_timestamp()) + interval '50 ms'
                   where uuid = %s returning expires_at""",
                activity,
            )
            database.wait_until("select timezone('UTC', clock_timestamp()) >= %s", moment)
            gone.add(message)
            here.wait_for("without")
            there.wait_for("without")
