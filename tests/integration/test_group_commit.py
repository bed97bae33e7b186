"""Writes that wait leave together as one transaction. Whatever happens to it, an acknowledged write is
there exactly once and a refused one is not.

2,000 acknowledged writes under kill -9 of the server and of Postgres; with CRUDDUR_TEST_FULL=1, 10,000."""

import asyncio
import os
import random
import signal
import tempfile
import uuid

import pytest

from harness import slow_disk
from harness.api import Api
from harness.flood import Flood, Lost, NotSent, Request, at_once
from harness.ledger import Ledger, Write
from harness.people import Database
from harness.server import Server
from conftest import default_settings, load_template
from pg_cluster import PgCluster
from test_telemetry import free_port, metrics_of

WRITES = 10_000 if os.environ.get("CRUDDUR_TEST_FULL") == "1" else 2_000
CLIENTS = 64
BACK_OFF_S = 0.05  # of a refused client, so that most writes are made while Postgres is there
FORBIDDEN = "forbidden by the operator"


@pytest.fixture(scope="module")
def own_cluster():
    """Commits wait for their flush, which takes as long as on a network disk."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = PgCluster.start(
            slow_disk.environment(folder),
            **slow_disk.SETTINGS,
            deadlock_timeout="20ms",
            recovery_init_sync_method="syncfs",  # or each recovery flushes every file, slowly
            log_line_prefix="%e ",
        )
        load_template(cluster)
        yield cluster
        cluster.stop()


@pytest.fixture(scope="module")
def database(own_cluster, key):
    database = Database(own_cluster.fresh_database(template="cruddur_template"), key)
    database.run(
        f"""alter table public.activities add constraint operators_own
            check (message not like '%{FORBIDDEN}%')"""
    )
    yield database
    database.close()


@pytest.fixture(scope="module")
def settings(database, jwks):
    return default_settings(database, jwks.url)


@pytest.fixture(autouse=True)
def no_deadlock(own_cluster):
    """0 × 40P01, whatever a test does."""
    before = own_cluster.log_text().count("40P01")
    yield
    assert own_cluster.log_text().count("40P01") == before, "deadlocks"


def post(user, message):
    body = {"message": message, "ttl": "1-day"}
    return Request("POST", "/api/activities", user.token(), body)


def reply(user, parent, message):
    target = f"/api/activities/{parent}/reply"
    return Request("POST", target, user.token(), {"message": message})


def count(database, pattern):
    sql = "select count(*) from public.activities where message like %s"
    return database.value(sql, pattern)


def expect_exact_counters(database, parents):
    sql = """select uuid::text, replies_count,
                    (select count(*) from public.activities r
                     where r.reply_to_activity_uuid = a.uuid)
             from public.activities a where uuid = any (%s::uuid[])"""
    for parent, counted, stored in database.run(sql, parents):
        assert counted == stored, f"{parent} counts {counted}, has {stored}"


# --- One transaction ---


def test_posts_that_gather_leave_as_one_transaction(start_api, database):
    """Rows of one transaction have one xmin: 64 posts at once take far fewer than 64 of them."""
    user = database.add_user()
    server, api = start_api(CRUDDUR_LOOPS=1)
    api.wait_until_ready()
    server.wait_until_connected()
    for answer in at_once(server.port, [post(user, f"gathered {one}") for one in range(64)]):
        answer.expect(200)
    sql = """select count(*), count(distinct xmin::text) from public.activities
             where message like 'gathered %'"""
    rows, transactions = database.run(sql)[0]
    assert rows == 64
    assert transactions <= 32, f"64 posts took {transactions} transactions"


def test_one_bad_post_harms_no_other(start_api, database):
    """A constraint refuses one of 64; the others run again and are there once."""
    user = database.add_user()
    server, api = start_api(CRUDDUR_LOOPS=1)
    api.wait_until_ready()
    server.wait_until_connected()
    for turn in range(5):
        requests = [post(user, f"good {turn} {one}") for one in range(63)]
        requests.insert(turn * 12, post(user, FORBIDDEN))
        answers = at_once(server.port, requests)
        bad = answers.pop(turn * 12)
        bad.expect(500, ["generic_500"])
        for answer in answers:
            answer.expect(200)
        sql = """select count(*), count(distinct message) from public.activities
                 where message like %s"""
        assert database.run(sql, f"good {turn} %") == [(63, 63)]
    assert count(database, f"%{FORBIDDEN}%") == 0


def test_every_answer_is_its_own(start_api, database):
    """Each of a group gets the row that it wrote, with its time and its expiry."""
    users = [database.add_user() for _ in range(16)]
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    requests = [post(users[one % 16], f"own {one}") for one in range(64)]
    for one, answer in enumerate(at_once(server.port, requests)):
        body = answer.expect(200)
        assert (body["message"], body["handle"]) == (f"own {one}", users[one % 16].handle)
        sql = """select message, user_uuid::text, expires_at - created_at = interval '1 day'
                 from public.activities where uuid = %s"""
        assert database.run(sql, body["uuid"]) == [(f"own {one}", users[one % 16].uuid, True)]


# --- Locks ---


def test_a_locked_row_stops_no_other_write(start_api, database):
    """Replies to a locked parent wait; 200 posts and replies to others are answered meanwhile."""
    user = database.add_user()
    locked = database.add_activity(user)
    free = [database.add_activity(user) for _ in range(4)]
    server, api = start_api(CRUDDUR_PG_DEADLINE_MS=2000)
    api.wait_until_ready()
    server.wait_until_connected()
    replies = [reply(user, locked, f"to the locked {one}") for one in range(8)]
    others = [post(user, f"not locked {one}") for one in range(100)]
    others += [reply(user, free[one % 4], f"not locked {100 + one}") for one in range(100)]
    answers = []

    async def stuck(client, number, turn):
        if turn == 1:
            return None
        answers.append(await client.ask(*replies[number]))
        return answers[-1].status

    session = database.session()
    with session.cursor() as cursor:
        cursor.execute("select from public.activities where uuid = %s for update", (locked,))
        with Flood(server.port, stuck, len(replies)) as flood:
            database.wait_for_blocked(1)
            for first in range(0, len(others), 20):
                for answer in at_once(server.port, others[first : first + 20]):
                    answer.expect(200)
            assert flood.labels[200] == 0, "a reply did not wait for its parent"
            session.close()
            flood.finish()
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {200, 503}
    api.post("/api/activities", user.token(), json=post(user, "the last").json).expect(200)
    assert count(database, "to the locked %") == statuses.count(200)
    assert count(database, "not locked %") == 200
    expect_exact_counters(database, [locked, *free])


def test_a_second_write_of_a_locked_row_waits_behind_the_first(start_api, database):
    """It takes no transaction of its own to find out that the row is locked still."""
    user = database.add_user()
    locked = database.add_activity(user)
    server, api = start_api(CRUDDUR_LOOPS=1, METRICS_PORT=free_port())
    api.wait_until_ready()
    server.wait_until_connected()
    port = server.settings["METRICS_PORT"]

    def wait_behind():
        for _ in range(5000):
            if metrics_of(port)['cruddur_pg_batches_queued{lane="write"}'] >= 1:
                return
        raise AssertionError("the second reply does not wait")

    session = database.session()
    with session.cursor() as cursor:
        cursor.execute("select from public.activities where uuid = %s for update", (locked,))

        async def step(client, number, turn):
            if turn == 1:
                return None
            (await client.ask(*reply(user, locked, f"one behind the other {number}"))).expect(200)
            return 200

        with Flood(server.port, step, 1) as first:
            database.wait_for_blocked(1)
            # Answered once the reply has left the connection for writes.
            api.post("/api/activities", user.token(), json=post(user, "beside").json).expect(200)
            before = metrics_of(port)["cruddur_pg_transaction_writes_count"]
            with Flood(server.port, step, 1) as second:
                wait_behind()
                assert metrics_of(port)["cruddur_pg_transaction_writes_count"] == before
                session.close()
                second.finish()
            first.finish()
    assert count(database, "one behind the other %") == 2


def test_a_short_lock_is_waited_for(start_api, database):
    """Longer than a group's lock_timeout: the write waits elsewhere and is answered 200."""
    user = database.add_user()
    locked = database.add_activity(user)
    server, api = start_api()
    api.wait_until_ready()
    server.wait_until_connected()
    session = database.session()
    with session.cursor() as cursor:
        cursor.execute("select from public.activities where uuid = %s for update", (locked,))

        async def step(client, number, turn):
            if turn == 1:
                return None
            (await client.ask(*reply(user, locked, f"patient {number}"))).expect(200)
            return 200

        with Flood(server.port, step, 8) as flood:
            database.wait_for_blocked(1)
            for answer in at_once(server.port, [post(user, "impatient")] * 32):
                answer.expect(200)
            session.close()
            flood.finish()
    assert count(database, "patient %") == 8
    expect_exact_counters(database, [locked])


def test_no_deadlock(start_api, database):
    """Two instances: replies to few parents, profiles, conversations begun crosswise, keyed posts."""
    users = [database.add_user() for _ in range(12)]
    tokens = [user.token() for user in users]
    parents = [database.add_activity(users[0], f"parent {one}") for one in range(3)]
    ports = []
    for _ in range(2):
        server, api = start_api()
        api.wait_until_ready()
        server.wait_until_connected()
        ports.append(server.port)

    def kinds(number, turn, text):
        me, other = number % 12, (number + turn) % 12
        return [
            ("POST", f"/api/activities/{parents[turn % 3]}/reply", {"message": text}, None),
            ("PUT", "/api/profile/update", {"display_name": text, "bio": ""}, None),
            ("POST", "/api/activities", {"message": text, "ttl": "1-day"}, str(uuid.uuid4())),
            ("POST", f"/api/activities/{parents[-turn % 3]}/reply", {"message": text},
             str(uuid.uuid4())),
            ("POST", "/api/activities", {"message": text, "ttl": "1-day"}, None),
            ("POST", "/api/messages",
             {"message": text, "handle": users[other if other != me else (me + 1) % 12].handle},
             None),
        ]  # fmt: skip

    def step_for(instance):
        async def step(client, number, turn):
            if turn == 30:
                return None
            text = f"no deadlock {instance} {number} {turn}"
            method, target, body, key = kinds(number, turn, text)[(number + turn) % 6]
            answer = await client.ask(method, target, tokens[number % 12], body, key)
            answer.expect(200)
            return method, target.rpartition("/")[2]

        return step

    with Flood(ports[0], step_for(0), 24) as one, Flood(ports[1], step_for(1), 24) as other:
        one.finish()
        other.finish()
    expect_exact_counters(database, parents)
    replies = one.labels["POST", "reply"] + other.labels["POST", "reply"]
    sql = """select sum(replies_count) from public.activities where uuid = any (%s::uuid[])"""
    assert database.value(sql, parents) == replies
    sql = """select count(*), count(distinct (first_user_uuid, second_user_uuid))
             from public.message_groups"""
    groups, pairs = database.run(sql)[0]
    assert groups == pairs
    sql = "select count(*) from public.messages where message like 'no deadlock %'"
    assert database.value(sql) == one.labels["POST", "messages"] + other.labels["POST", "messages"]
    sql = "select deadlocks from pg_stat_database where datname = current_database()"
    assert database.value(sql) == 0


# --- kill -9 ---


class Fleet:
    """One server at a time, killed and started again; clients ask for its port."""

    def __init__(self, settings):
        self.settings = settings
        self.servers = [Server(**settings)]

    @property
    def server(self):
        return self.servers[-1]

    def port(self):
        return self.server.port

    def kill(self):
        """kill -9, and the next one."""
        killed = self.server
        killed.process.kill()
        killed.process.wait()
        killed.log.thread.join(30)
        self.servers.append(Server(**self.settings))


class Workload:
    """Writes of every kind, one after the other for each client, noted in a ledger."""

    def __init__(self, database, fleet, description):
        self.fleet = fleet
        self.ledger = Ledger()
        self.random = random.Random(7)
        self.users = [database.add_user() for _ in range(CLIENTS)]
        self.tokens = [user.token() for user in self.users]
        self.parents = [database.add_activity(self.users[0], f"p {one}") for one in range(4)]
        self.names = [[] for _ in range(CLIENTS)]  # of each user: (display name, status)
        self.groups = self._start_conversations(description)
        self.left = WRITES

    def _start_conversations(self, description):
        """A group for each neighbouring pair of users."""
        api = Api(self.fleet.port(), description)
        api.wait_until_ready()
        groups = []
        for one in range(0, CLIENTS, 2):
            body = {"message": "hello", "handle": self.users[one + 1].handle}
            answer = api.post("/api/messages", self.tokens[one], json=body)
            groups.append(answer.expect(200)["message_group_uuid"])
        api.close()
        return groups

    async def step(self, client, number, turn):
        if self.left <= 0:
            return None
        text = f"w {number} {turn}"
        make = (self.post, self.post, self.reply, self.send, self.start, self.bad, self.rename)
        status = await self.random.choice(make)(client, number, text)
        self.left -= status == 200
        if status == 503:
            await asyncio.sleep(BACK_OFF_S)
        return status

    async def post(self, client, number, text):
        body = {"message": text, "ttl": "7-days"}
        return await self.write(client, number, text, "activities", "/api/activities", body)

    async def reply(self, client, number, text):
        target = f"/api/activities/{self.random.choice(self.parents)}/reply"
        return await self.write(client, number, text, "activities", target, {"message": text})

    async def send(self, client, number, text):
        body = {"message": text, "message_group_uuid": self.groups[number // 2]}
        return await self.write(client, number, text, "messages", "/api/messages", body)

    async def start(self, client, number, text):
        other = self.users[(number + 1 + self.random.randrange(CLIENTS - 1)) % CLIENTS]
        body = {"message": text, "handle": other.handle}
        return await self.write(client, number, text, "messages", "/api/messages", body)

    async def bad(self, client, number, text):
        text = f"{text} {FORBIDDEN}"
        body = {"message": text, "ttl": "7-days"}
        return await self.write(client, number, text, "activities", "/api/activities", body)

    async def rename(self, client, number, text):
        body = {"display_name": text, "bio": ""}
        write = Write(text, None)
        status = await self.ask(client, write, "PUT", "/api/profile/update", number, body)
        self.names[number].append((text, write))
        return status

    async def write(self, client, number, text, table, target, body):
        key = str(uuid.UUID(int=self.random.getrandbits(128))) if self.random.random() < 0.4 else None
        write = Write(text, table, key, ("POST", target, self.tokens[number], body))
        self.ledger.writes.append(write)
        return await self.ask(client, write, "POST", target, number, body)

    async def ask(self, client, write, method, target, number, body):
        """Asks once; a server that is away is asked again, since nothing was sent to it."""
        while True:
            server = self.fleet.server
            try:
                if client.writer is None:
                    await client.open()
                write.server = server
                answer = await client.ask(method, target, self.tokens[number], body, write.key)
                break
            except NotSent:
                continue
            except Lost:
                return "lost"
        write.status = answer.status
        write.request_id = answer.header("X-Request-Id")
        good = (500,) if FORBIDDEN in write.text else (200,)
        assert answer.status in (*good, 503), f"{answer.status} {answer.body!r} for {write}"
        return answer.status


def settle(writes, port):
    """Repeats what is uncertain, with its key, until it is answered 200; those that it did so for."""
    settled = []
    for write in writes:
        if write.key is None or FORBIDDEN in write.text:
            continue
        for _ in range(500):
            answer = at_once(port, [Request(*write.again, write.key)])[0]
            if answer.status == 200:
                break
            assert answer.status in (409, 503), f"{answer.status} {answer.body!r}"
        answer.expect(200)
        settled.append(write)
    return settled


def expect_names(database, workload):
    """Each user's name is the last acknowledged one, or one that came after it and is uncertain."""
    stored = dict(database.run("select uuid::text, display_name from public.users"))
    uncertain = Ledger()
    uncertain.writes = [write for names in workload.names for _, write in names]
    unknown = {id(write) for write in uncertain.uncertain()}
    for user, names in zip(workload.users, workload.names):
        possible = [user.display_name]
        for name, write in names:
            if write.status == 200:
                possible = [name]
            elif id(write) in unknown:
                possible.append(name)
        assert stored[user.uuid] in possible, f"{stored[user.uuid]} of {possible}"


class RowLock:
    """A parent's row, locked by a session of somebody else."""

    def __init__(self, database, parent):
        self.session = database.session()
        with self.session.cursor() as cursor:
            cursor.execute("select from public.activities where uuid = %s for update", (parent,))

    def release(self):
        self.session.close()


def test_acknowledged_writes_survive_kill_9(own_cluster, database, settings, description):
    """Of the server and of Postgres, at random moments, with bad writes and locked rows between."""
    fleet = Fleet({**settings, "CRUDDUR_PG_DEADLINE_MS": "1500"})
    workload = Workload(database, fleet, description)
    with Flood(fleet.port, workload.step, CLIENTS) as flood:
        part = WRITES // 12
        flood.wait_for(200, more=part)
        lock = RowLock(database, workload.parents[0])
        flood.wait_for(200, more=part)
        lock.release()
        fleet.kill()
        flood.wait_for(200, more=part)
        kill_a_backend(database)
        own_cluster.wait_until_answering()
        flood.wait_for(200, more=part)
        restart_at_once(own_cluster, database)
        flood.wait_for(200, more=part)
        fleet.kill()
        flood.wait_for(200, more=part)
        restart_at_once(own_cluster, database)
        flood.finish()
    api = Api(fleet.port(), description)
    api.wait_until_ready()
    api.close()
    database.close()
    database.__init__(database.url, database.key)
    quiet(database)
    uncertain = workload.ledger.uncertain()
    workload.ledger.check(database)
    settled = settle(uncertain, fleet.port())
    workload.ledger.check(database, settled)
    expect_exact_counters(database, workload.parents)
    expect_names(database, workload)
    print(f"{len(workload.ledger)} writes, {dict(flood.labels)}, {len(uncertain)} uncertain")
    fleet.server.stop()


def kill_a_backend(database):
    """kill -9 of one of Postgres's processes: it ends all sessions and recovers by itself."""
    sql = """select pid from pg_stat_activity
             where datname = current_database() and pid <> pg_backend_pid()
               and backend_type = 'client backend' limit 1"""
    os.kill(database.value(sql), signal.SIGKILL)


def restart_at_once(cluster, database):
    """As when the machine's power goes: no checkpoint, and recovery at the start."""
    database.close()
    cluster.down(signal.SIGQUIT)
    cluster.up()
    database.__init__(database.url, database.key)


def quiet(database):
    """Waits until nothing runs that a killed server has left behind."""
    database.wait_until(
        """select count(*) = 0 from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid()
             and state <> 'idle' and backend_type = 'client backend'"""
    )
