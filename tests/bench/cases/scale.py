"""What the home feed costs when there are many more activities."""

import data
import report
from bench import median
from cases.home import check

TARGET = 1.3


def run(bench):
    small, large = bench.database(), bench.database(bench.large_rows)

    def sql(database):
        return lambda seconds: bench.pgbench(
            database, "activities/home", data.HOME_PARAMETERS, seconds=seconds
        )

    turns = bench.alternate(small=sql(small), large=sql(large))
    yield compare(bench, "the SQL alone (pgbench)", turns)
    with bench.server() as server, bench.server(bench.large_rows) as large_server:
        check(large_server)
        turns = bench.alternate(
            small=lambda seconds: bench.wrk(server.url(data.HOME_PATH), seconds=seconds),
            large=lambda seconds: bench.wrk(large_server.url(data.HOME_PATH), seconds=seconds),
        )
    yield compare(bench, "served", turns)


def compare(bench, how, turns):
    cost = median(t.rate for t in turns["small"]) / median(t.rate for t in turns["large"])
    return report.Row(
        f"Home feed of {bench.large_rows:,} activities, {how}",
        report.rates(turns["large"]),
        f"of {bench.rows:,}: {report.rates(turns['small'])}",
        f"{cost:.2f} times the cost",
        f"at most {TARGET}",
        cost <= TARGET,
    )
