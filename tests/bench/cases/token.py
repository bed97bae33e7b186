"""What a token on each request costs: the home feed without and with one."""

import data
import report
from bench import CONNECTIONS, median

TARGET = 0.05


def run(bench):
    token = bench.issuer.token(data.sub(1))
    with bench.server() as server:
        url = server.url(data.HOME_PATH)
        turns = bench.alternate(
            without=lambda seconds: bench.wrk(url, seconds=seconds),
            token=lambda seconds: bench.wrk(url, seconds=seconds, token=token),
        )
    cost = 1 - median(t.rate for t in turns["token"]) / median(t.rate for t in turns["without"])
    yield report.Row(
        f"Home feed with a token, {CONNECTIONS} connections",
        report.rates(turns["token"]),
        f"without: {report.rates(turns['without'])}",
        f"costs {cost * 100:.1f} %",
        f"at most {TARGET * 100:.0f} %",
        cost <= TARGET and all(turn.clean for turn in turns["token"]),
    )
