#!/usr/bin/python3
"""Prints how long home takes while something else is slow: the rows of docs/performance.md about locks,
slow users and a server that takes no writes. Times are measured here and nowhere in the tests.

    bin/setup --test; /usr/bin/python3 tests/bench/head_of_line.py [--binary PATH] [--seconds N]

24 readers ask for home, each with a pause of 10 ms, for N seconds a row. The fault lasts all the while.
It stands on the harness of the integration tests, which also causes the faults there."""

import argparse
import asyncio
import contextlib
import os
import pathlib
import sys
import time

PROJECT = pathlib.Path(__file__).resolve().parents[2]
HOME = "/api/activities/home"
NOTIFICATIONS = "/api/activities/notifications"
READERS = 24
PAUSE_S = 0.01
ACTIVITIES = 2_000


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=str(PROJECT / "build" / "release" / "cruddur"))
    parser.add_argument("--seconds", type=float, default=5)
    return parser.parse_args()


arguments = parse_arguments()
os.environ["CRUDDUR_BINARY"] = arguments.binary  # the harness reads it when it is imported
sys.path.insert(0, str(PROJECT / "tests" / "integration"))

# pylint: disable=wrong-import-position
from conftest import default_settings, load_template  # noqa: E402
from harness.api import Api  # noqa: E402
from harness.description import Description  # noqa: E402
from harness.flood import Flood  # noqa: E402
from harness.held import HeldStatements  # noqa: E402
from harness.jwks import JwksServer  # noqa: E402
from harness.people import Database, TableLock  # noqa: E402
from harness.roles import Role  # noqa: E402
from harness.server import Server  # noqa: E402
from harness.tokens import SigningKey  # noqa: E402
from pg_cluster import PgCluster  # noqa: E402


class Lab:
    """A cluster, a database with some activities, a server with the settings that ship."""

    def __init__(self, stack):
        key = SigningKey()
        jwks = JwksServer([key])
        stack.callback(jwks.close)
        cluster = PgCluster.start(fsync="on", synchronous_commit="on")
        stack.callback(cluster.stop)
        load_template(cluster)
        self.database = Database(cluster.fresh_database(template="cruddur_template"), key)
        self.users = [self.database.add_user() for _ in range(8)]
        self.tokens = [user.token() for user in self.users]
        for number in range(ACTIVITIES):
            self.database.add_activity(self.users[number % 8], f"crud {number}")
        role = Role(cluster, self.database)
        self.held = HeldStatements(self.database)
        settings = default_settings(self.database, jwks.url)
        del settings["CRUDDUR_PG_DEADLINE_MS"], settings["CRUDDUR_LOOPS"]
        self.server = Server(**{**settings, "CONNECTION_URL": role.url})
        stack.callback(self.server.process.kill)
        self.port = self.server.port
        api = Api(self.port, Description())
        api.wait_until_ready()
        body = {"message": "hello", "handle": self.users[1].handle}
        answer = api.post("/api/messages", self.tokens[0], json=body)
        self.group = answer.expect(200)["message_group_uuid"]
        api.close()

    def asking(self, targets, clients):
        """Others who ask for what is slow; whatever they are answered."""

        async def step(client, number, turn):
            target = targets[(number + turn) % len(targets)]
            return (await client.ask("GET", target, self.tokens[number % 2])).status

        return Flood(self.port, step, clients)

    def posting(self):
        async def step(client, number, turn):
            body = {"message": f"m {number} {turn}", "ttl": "1-day"}
            answer = await client.ask("POST", "/api/activities", self.tokens[number], body)
            await asyncio.sleep(0.05)
            return answer.status

        return Flood(self.port, step, 2)

    def read_home(self):
        """(answers by status, sorted seconds) of the readers of home."""
        taken = []
        until = time.monotonic() + arguments.seconds

        async def step(client, *_):
            begin = time.monotonic()
            if begin > until:
                return None
            status = (await client.ask("GET", HOME)).status
            taken.append(time.monotonic() - begin)
            await asyncio.sleep(PAUSE_S)
            return status

        with Flood(self.port, step, READERS) as flood:
            flood.finish(arguments.seconds + 120)
        return flood.labels, sorted(taken)


@contextlib.contextmanager
def locked(lab, table):
    targets = ["/api/message_groups", f"/api/messages/{lab.group}"]
    with lab.asking(targets, 24):
        with TableLock(lab.database, table):
            lab.database.wait_for_blocked(1)
            yield


@contextlib.contextmanager
def slow_users(lab, number):
    with lab.asking([NOTIFICATIONS], number):
        with lab.held.holding("concerns AS"):
            lab.database.wait_for_blocked(1)
            yield


@contextlib.contextmanager
def read_only(lab):
    def change(action):
        lab.database.run(f"alter system {action}")
        lab.database.run("select pg_reload_conf()")

    change("set default_transaction_read_only = on")
    try:
        with lab.posting() as posts:
            posts.wait_for(503)
            yield
    finally:
        change("reset default_transaction_read_only")


ROWS = (
    ("nothing is slow", lambda lab: contextlib.nullcontext()),
    ("messages locked", lambda lab: locked(lab, "messages")),
    ("message_groups locked", lambda lab: locked(lab, "message_groups")),
    ("one user's notifications slow", lambda lab: slow_users(lab, 1)),
    ("four users' notifications slow", lambda lab: slow_users(lab, 4)),
    ("posts refused as read-only", read_only),
)


def main():
    with contextlib.ExitStack() as stack:
        lab = Lab(stack)
        print("| home while … | answers | p50 | p99 | slowest |\n|---|---|---|---|---|")
        for name, fault in ROWS:
            with fault(lab):
                statuses, taken = lab.read_home()
            p50, p99 = taken[len(taken) // 2], taken[len(taken) * 99 // 100]
            counts = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
            times = " | ".join(f"{value * 1000:.1f} ms" for value in (p50, p99, taken[-1]))
            print(f"| {name} | {counts} | {times} |", flush=True)


if __name__ == "__main__":
    main()
