"""Posting a Crud where each flush of Postgres takes 2 ms more, as on the network disks of RDS."""

import posting
from bench import CONNECTIONS

TARGETS = {CONNECTIONS: 3, 8: 1.3}


def run(bench):
    database = bench.database(slow=True)
    with bench.server(database=database) as server:
        for connections, target in TARGETS.items():
            what = "Posting, flushes of 2 ms"
            yield posting.compare(bench, server, database, connections, target, what, f"slow_disk_{connections}")
