"""The pages of 1,000 users at 64 connections, so that hardly two requests at a time are the same,
against pgbench running the same two statements, sent together as the server sends them."""

import data
import report
from bench import CONNECTIONS, median

TARGET = 0.75
USERS = 1000
PAGE = 40  # activities of a page by default

REQUESTS = [(f"/api/activities/@user{number}", "", "") for number in range(1, USERS + 1)]
HANDLE = data.Expression("'user' || :user")
PARAMETERS = (HANDLE, *data.HOME_PARAMETERS[:2], str(PAGE + 1))
SCRIPT = "".join(
    (
        f"\\set user random(1, {USERS})\n\\startpipeline\n",
        data.pgbench_script("users/profile", PARAMETERS),
        data.pgbench_script("activities/profile", PARAMETERS),
        "\\endpipeline\n",
    )
)


def run(bench):
    database = bench.database()
    with bench.server() as server:
        page = server.get_json(REQUESTS[0][0])
        if len(page["activities"]) != min(PAGE, bench.rows // USERS):
            raise RuntimeError(f"the page is not as expected: {page}")
        turns = bench.alternate(
            server=lambda seconds: bench.wrk(server.url("/"), seconds=seconds, requests=REQUESTS),
            pgbench=lambda seconds: bench.run_pgbench(database, SCRIPT, PARAMETERS, seconds=seconds),
        )
    ratio = median(t.rate for t in turns["server"]) / median(t.rate for t in turns["pgbench"])
    yield report.Row(
        f"{USERS:,} different profiles, {CONNECTIONS} connections",
        report.rates(turns["server"]),
        f"pgbench, same SQL: {report.rates(turns['pgbench'])}",
        f"{ratio:.2f} of its rate",
        f"at least {TARGET}",
        ratio >= TARGET and all(turn.clean for turn in turns["server"]),
        figure="profiles",
        value=ratio,
    )
