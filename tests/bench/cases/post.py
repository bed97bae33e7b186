"""Posting a Crud at 64 connections against pgbench running the same statement."""

import json

import data
import report
from bench import CONNECTIONS, median
from cluster import psql

TARGET = 0.6


def run(bench):
    database = bench.database()
    sub = data.sub(1)
    token = bench.issuer.token(sub)
    body = json.dumps({"message": data.MESSAGE, "ttl": data.TTL})
    parameters = (sub, data.MESSAGE, str(data.TTL_SECONDS))
    with bench.server() as server:

        def post(seconds):
            psql(database, "-c", "CHECKPOINT")  # or one side would pay for the pages of the other
            url = server.url("/api/activities")
            return bench.wrk(url, seconds=seconds, token=token, body=body)

        def insert(seconds):
            psql(database, "-c", "CHECKPOINT")
            return bench.pgbench(database, "activities/create", parameters, seconds=seconds)

        turns = bench.alternate(server=post, pgbench=insert)
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["pgbench"])
    forget(database)
    yield report.Row(
        f"Posting, {CONNECTIONS} connections",
        report.rates(turns["server"]),
        f"pgbench, same SQL: {report.rates(turns['pgbench'])}",
        f"{ratio:.2f} of its rate",
        f"at least {TARGET}",
        ratio >= TARGET and all(turn.clean for turn in turns["server"]),
    )


def forget(database):
    """Leaves the data as the other cases expect it."""
    command = f"DELETE FROM public.activities WHERE message = '{data.MESSAGE}'"
    psql(database, "-c", command)
    psql(database, "-c", "VACUUM ANALYZE public.activities")
