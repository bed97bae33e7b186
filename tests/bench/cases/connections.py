"""Many kept connections: they hold the rate of a few, and no request of theirs is left behind."""

import data
import report
from bench import CONNECTIONS, median
from clients import STALLED_S

MANY = 512
TARGET = 0.9


def run(bench):
    with bench.server() as server:
        url = server.url(data.HOME_PATH)
        turns = bench.alternate(
            few=lambda seconds: bench.wrk(url, CONNECTIONS, seconds),
            many=lambda seconds: bench.wrk(url, MANY, seconds),
        )
    ratio = median(t.rate for t in turns["many"]) / median(t.rate for t in turns["few"])
    yield report.Row(
        f"Home feed, {MANY} connections",
        report.rates(turns["many"]),
        f"{CONNECTIONS} connections: {report.rates(turns['few'])}",
        f"{ratio:.2f} of its rate",
        f"at least {TARGET}",
        ratio >= TARGET,
    )
    longest = max(turn.longest_ms for turn in turns["many"])
    lost = sum(turn.failures + turn.timeouts for turn in turns["many"])
    yield report.Row(
        f"Slowest answer of all turns, {MANY} connections",
        f"{longest:.0f} ms",
        f"99 % within {median(t.p99_ms for t in turns['many']):.0f} ms",
        f"{lost} failed or stalled",
        f"none failed or over {STALLED_S} s",
        lost == 0,
    )
