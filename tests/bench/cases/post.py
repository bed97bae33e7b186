"""Posting a Crud on this machine's own disk: many clients against pgbench running the same statement,
and one client alone against the executable that --old names."""

import posting
import report
from bench import CONNECTIONS, median

TARGET = 1.5
ALONE_TARGET = 0.93


def run(bench):
    database = bench.database()
    with bench.server() as server:
        yield posting.compare(bench, server, database, CONNECTIONS, TARGET, "Posting", "post")
    if bench.old_binary:
        yield compare_with_old(bench)
    else:
        bench.say("  without --old there is no executable to compare one client with")


def compare_with_old(bench):
    new, old = bench.database(), bench.database(old=True)
    with bench.server() as server, bench.server(old=True) as old_server:
        turns = bench.alternate(
            server=posting.post(bench, server, new, 1), old=posting.post(bench, old_server, old, 1)
        )
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["old"])
    posting.forget(new)
    posting.forget(old)
    return report.Row(
        "Posting, 1 connection",
        report.rates(turns["server"]),
        f"the older executable: {report.rates(turns['old'])}",
        f"{ratio:.2f} of its rate",
        f"at least {ALONE_TARGET}",
        ratio >= ALONE_TARGET and all(turn.clean for turn in turns["server"]),
    )
