"""Reads at 64 connections beside writers that post 300 times a second on a slow disk, against the same
reads alone."""

import data
import posting
import report
from bench import median
from cases.profiles import REQUESTS
from cluster import psql
from pace import Pace

POSTS_A_SECOND = 300
RATE_TARGET = 0.5
P99_TARGET = 3  # times the one alone


def run(bench):
    database = bench.database(slow=True)
    reads = {
        "1,000 different profiles": lambda seconds: bench.wrk(
            server.url("/"), seconds=seconds, requests=REQUESTS
        ),
        "Home feed": lambda seconds: bench.wrk(server.url(data.HOME_PATH), seconds=seconds),
    }
    with bench.server(database=database) as server:
        for what, read in reads.items():
            yield compare(bench, server, database, what, read)
    posting.forget(database)


def compare(bench, server, database, what, read):
    written = []

    def beside(seconds):
        psql(database, "-c", "CHECKPOINT")
        with Pace(bench, server, POSTS_A_SECOND) as pace:
            load = read(seconds)
        written.append(pace)
        return load

    turns = bench.alternate(beside=beside, alone=read)
    ratio = median(t.rate for t in turns["beside"]) / median(t.rate for t in turns["alone"])
    p99 = {side: median(t.p99_ms for t in turns[side]) for side in turns}
    failed = sum(pace.failed for pace in written)
    late = sum(pace.late for pace in written)
    bench.say(f"  {sum(pace.good for pace in written):,} posts, {failed} failed, {late} late")
    clean = failed == late == 0 and all(turn.clean for turn in turns["beside"])
    return report.Row(
        f"{what} beside {POSTS_A_SECOND} posts a second, flushes of 2 ms",
        f"{report.rates(turns['beside'])}, 99 % within {p99['beside']:.1f} ms",
        f"alone: {report.rates(turns['alone'])}, {p99['alone']:.1f} ms",
        f"{ratio:.2f} of the rate, {p99['beside'] / p99['alone']:.1f} times the latency; "
        f"{failed} posts failed, {late} late",
        f"at least {RATE_TARGET}, at most {P99_TARGET} times",
        ratio >= RATE_TARGET and p99["beside"] <= P99_TARGET * p99["alone"] and clean,
    )
