"""Home feed and posting when each way between the server and Postgres takes 1 ms, as between
availability zones. pgbench takes the same way."""

import data
import posting
import report
from bench import CONNECTIONS, median
from cases.home import check
from delay import Delay

HOME_TARGET = 1.5
POST_TARGET = 3


def run(bench):
    database = bench.database(slow=True)
    with Delay(bench.get_slow_cluster()) as delay:
        way = delay.url(database)
        with bench.server(database=way) as server:
            check(server)
            yield compare_home(bench, server, way)
            what = "Posting, 1 ms to Postgres, flushes of 2 ms"
            yield posting.compare(bench, server, database, CONNECTIONS, POST_TARGET, what, "zones_post", way)


def compare_home(bench, server, way):
    turns = bench.alternate(
        server=lambda seconds: bench.wrk(server.url(data.HOME_PATH), seconds=seconds),
        pgbench=lambda seconds: bench.pgbench(
            way, "activities/home", data.HOME_PARAMETERS, seconds=seconds
        ),
    )
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["pgbench"])
    return report.Row(
        f"Home feed, 1 ms to Postgres, {CONNECTIONS} connections",
        report.rates(turns["server"]),
        f"pgbench, same SQL and way: {report.rates(turns['pgbench'])}",
        f"{ratio:.2f} of its rate",
        f"at least {HOME_TARGET}",
        ratio >= HOME_TARGET and all(turn.clean for turn in turns["server"]),
        "zones_home",
        ratio,
    )
