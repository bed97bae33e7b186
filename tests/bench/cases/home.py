"""The home feed at 64 connections against pgbench running the same SQL."""

import data
import report
from bench import CONNECTIONS, median

TARGET = 1.5


def run(bench):
    database = bench.database()
    with bench.server() as server:
        check(server)
        turns = bench.alternate(
            server=lambda seconds: bench.wrk(server.url(data.HOME_PATH), seconds=seconds),
            pgbench=lambda seconds: bench.pgbench(
                database, "activities/home", data.HOME_PARAMETERS, seconds=seconds
            ),
        )
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["pgbench"])
    yield report.Row(
        f"Home feed, {CONNECTIONS} connections",
        report.rates(turns["server"]),
        f"pgbench, same SQL: {report.rates(turns['pgbench'])}",
        f"{ratio:.2f} of its rate",
        f"at least {TARGET}",
        ratio >= TARGET and all(turn.clean for turn in turns["server"]),
        figure="home",
        value=ratio,
    )


def check(server):
    """What is measured must be the answer that is meant."""
    feed = server.get_json(data.HOME_PATH)
    if len(feed) != data.HOME_LIMIT or not all(activity["handle"] for activity in feed):
        raise RuntimeError(f"the home feed is not as expected: {feed}")
