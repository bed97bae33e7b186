"""Posting a Crud over HTTP, and the same statement by pgbench: what several cases compare."""

import json

import data
import report
from bench import median
from cluster import psql

SUB = data.sub(1)
PATH = "/api/activities"
BODY = json.dumps({"message": data.MESSAGE, "ttl": data.TTL})
PARAMETERS = (SUB, data.MESSAGE, str(data.TTL_SECONDS))


def post(bench, server, database, connections):
    """The turn of a server that writes into `database`."""
    token = bench.issuer.token(SUB)

    def turn(seconds):
        psql(database, "-c", "CHECKPOINT")  # or one side would pay for the pages of the other
        return bench.wrk(server.url(PATH), connections, seconds, token=token, body=BODY)

    return turn


def insert(bench, database, connections, way=None):
    """The turn of pgbench, through `way`, another URL of the database, where there is one."""

    def turn(seconds):
        psql(database, "-c", "CHECKPOINT")
        return bench.pgbench(way or database, "activities/create", PARAMETERS, connections, seconds)

    return turn


def compare(bench, server, database, connections, target, what, figure, way=None):
    turns = bench.alternate(
        server=post(bench, server, database, connections),
        pgbench=insert(bench, database, connections, way),
    )
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["pgbench"])
    forget(database)
    return report.Row(
        f"{what}, {connections} connection{'s' if connections > 1 else ''}",
        report.rates(turns["server"]),
        f"pgbench, same SQL: {report.rates(turns['pgbench'])}",
        f"{ratio:.2f} of its rate; 99 % within {median(t.p99_ms for t in turns['server']):.0f} ms",
        f"at least {target}" if target else "",
        ratio >= target and all(turn.clean for turn in turns["server"]) if target else None,
        figure,
        ratio,
    )


def forget(database):
    """Leaves the data as the other cases expect it."""
    command = f"DELETE FROM public.activities WHERE message = '{data.MESSAGE}'"
    psql(database, "-c", command)
    psql(database, "-c", "VACUUM ANALYZE public.activities")
