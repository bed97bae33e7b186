"""Instructions that a home request costs in the server's process, as callgrind counts them: unlike a
rate, a figure that does not depend on what else the machine does."""

import http.client
import re
import subprocess

import report

PATH = "/api/activities/home"  # 50 rows unless ?limit= asks for another number
ROWS = 50
REQUESTS = 500
WARM_UP = 50
TARGET = 250_000


def run(bench):
    output = f"{bench.cluster.folder}/callgrind.out"
    under = ("valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}")
    # A statement's time counts from the wall clock, which runs on while valgrind is slow.
    settings = {"CRUDDUR_LOOPS": "1", "CRUDDUR_PG_DEADLINE_MS": "20000"}
    with bench.server(under=under, **settings) as server:
        if len(server.get_json(PATH)) != ROWS:
            raise RuntimeError(f"the home feed has not {ROWS} rows")
        ask(server, WARM_UP)
        control(server, "--zero")
        length = ask(server, REQUESTS)
        control(server, "--dump")
    counted = total(f"{output}.1") / REQUESTS
    yield report.Row(
        f"Instructions of a home answer of {ROWS} rows",
        f"{counted:,.0f}",
        f"{length / 1000:.1f} kB, mean of {REQUESTS} requests",
        target=f"at most {TARGET:,}",
        met=counted <= TARGET,
        figure="instructions",
        value=counted,
    )


def ask(server, requests):
    """Sends so many on one kept connection; the length of the last answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        for _ in range(requests):
            connection.request("GET", PATH)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{PATH} answered {answer.status} under callgrind")
        return len(body)
    finally:
        connection.close()


def control(server, what):
    command = ["callgrind_control", what, str(server.process.pid)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def total(dump):
    """Instructions of a dump: those of the program and of the libraries it is linked with."""
    with open(dump, encoding="utf-8") as file:
        found = re.search(r"^(?:summary|totals): (\d+)", file.read(), re.MULTILINE)
    return int(found.group(1))
