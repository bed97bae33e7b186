"""What was written, what was answered, and whether the database agrees.

A write is acknowledged (200), rejected (4xx, 500), refused (503) or without an answer. An acknowledged
one is there exactly once. A rejected one is not there. A refused one is not there unless the server's
log says of its request `outcome unknown`. Whatever is uncertain is there at most once, and exactly
once after it was repeated with the same Idempotency-Key."""

import collections
import dataclasses


@dataclasses.dataclass
class Write:
    text: str  # found in one table, and in no other write
    table: str
    key: str = None  # its Idempotency-Key
    again: tuple = None  # how to send it once more: (method, target, token, json)
    status: int = None  # None: the connection broke before the answer
    request_id: str = None
    server: object = None


class Ledger:
    def __init__(self):
        self.writes = []

    def __len__(self):
        return len(self.writes)

    def uncertain(self):
        """Writes of which nobody knows what became of them."""
        logs = LogReader()
        return [write for write in self.writes if is_uncertain(write, logs)]

    def check(self, database, settled=()):
        """Holds every write against the database. `settled` were repeated until they were answered."""
        there = rows_by_text(database)
        uncertain = {id(write) for write in self.uncertain()}
        settled = {id(write) for write in settled}
        wrong = []
        for write in self.writes:
            count = there[write.table][write.text]
            if id(write) in settled or write.status == 200:
                good = count == 1
            elif id(write) in uncertain:
                good = count <= 1
            else:
                good = count == 0
            if not good:
                wrong.append(f"{write.text!r}: status {write.status}, {count} rows")
        assert not wrong, f"{len(wrong)} of {len(self.writes)}: {wrong[:10]}"


def says_unknown(event):
    """True for a log line that says of its request that nobody knows what became of it."""
    return any("outcome unknown" in str(value) for value in event.values())


class LogReader:
    """What a server's log says of its requests, read once a server."""

    def __init__(self):
        self.read = {}

    def of(self, server):
        """(requests with an unknown outcome, requests with any line of their own)"""
        if id(server) not in self.read:
            unknown, known = set(), set()
            for event in server.log.find():
                if "request_id" in event:
                    known.add(event["request_id"])
                    if says_unknown(event):
                        unknown.add(event["request_id"])
            self.read[id(server)] = (unknown, known)
        return self.read[id(server)]


def is_uncertain(write, logs):
    if write.status is None:
        return True
    if write.status != 503:
        return False
    unknown, known = logs.of(write.server)
    if write.request_id in unknown:
        return True
    # kill -9 takes with it those last lines of the log that were not written yet.
    return not write.server.running() and write.request_id not in known


def rows_by_text(database):
    found = {}
    for table in ("activities", "messages"):
        sql = f"select message, count(*) from public.{table} group by message"
        found[table] = collections.Counter(dict(database.run(sql)))
    return found
