"""Many kept connections: they hold the rate of a few, and no request of theirs is left behind."""

import data
import report
from bench import CONNECTIONS, median
from clients import STALLED_S

MANY = 512
TARGETS = {MANY: 0.9, 9000: 0.75}
LIMIT = "10000"  # more than the server takes by default


def run(bench):
    with bench.server(CRUDDUR_MAX_CONNECTIONS=LIMIT) as server:
        for many, target in TARGETS.items():
            yield from compare(bench, server.url(data.HOME_PATH), many, target)


def compare(bench, url, many, target):
    turns = bench.alternate(
        few=lambda seconds: bench.wrk(url, CONNECTIONS, seconds),
        many=lambda seconds: bench.wrk(url, many, seconds),
    )
    ratio = median(t.rate for t in turns["many"]) / median(t.rate for t in turns["few"])
    yield report.Row(
        f"Home feed, {many:,} connections",
        report.rates(turns["many"]),
        f"{CONNECTIONS} connections: {report.rates(turns['few'])}",
        f"{ratio:.2f} of its rate",
        f"at least {target}",
        ratio >= target,
    )
    longest = max(turn.longest_ms for turn in turns["many"])
    lost = sum(turn.failures + turn.timeouts for turn in turns["many"])
    yield report.Row(
        f"Slowest answer of all turns, {many:,} connections",
        f"{longest:.0f} ms",
        f"99 % within {median(t.p99_ms for t in turns['many']):.0f} ms",
        f"{lost} failed or stalled",
        f"none failed or over {STALLED_S} s",
        lost == 0,
    )
