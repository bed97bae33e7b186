"""Runs the benchmarks of cases/ and prints what they measured. Called by bin/bench, which documents
the options; needs Python with cryptography, Postgres 15 and wrk."""

import argparse
import datetime
import importlib
import os
import pathlib
import resource
import signal
import subprocess
import sys

import history
import report
from bench import Bench

HERE = pathlib.Path(__file__).resolve().parent
# In the order they run and are reported; each is cases/NAME.py with a run(bench) that yields rows.
CASES = (
    "home",
    "nginx",
    "go",
    "profiles",
    "token",
    "telemetry",
    "post",
    "slow_disk",
    "zones",
    "mixed",
    "messages",
    "connections",
    "memory",
    "start",
    "instructions",
    "scale",
    "blocks",
)


def parse_arguments():
    usage = "bin/bench [OPTION…] [CASE…]; bin/bench --help tells more"
    parser = argparse.ArgumentParser(prog="bin/bench", usage=usage, add_help=False)
    parser.add_argument("cases", nargs="*", choices=(*CASES, "all"), default="all", metavar="CASE")
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--old", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--large-rows", type=int, default=5_000_000)
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    for name in ("seconds", "turns", "cores", "rows", "large_rows"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return arguments


def share_cores(count):
    """Server, Postgres and load generators all run on the same few cores; children inherit it."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def allow_many_files():
    """Thousands of connections need as many descriptors; children inherit it."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))


def main():
    arguments = parse_arguments()
    allow_many_files()
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))
    share_cores(arguments.cores)
    asked = CASES if "all" in arguments.cases else [name for name in CASES if name in arguments.cases]
    rows = []
    with Bench(arguments) as bench:
        for name in asked:
            bench.say(f"{name}:")
            rows.extend(importlib.import_module(f"cases.{name}").run(bench))
    figures = report.markdown(rows, arguments)
    print(figures if arguments.markdown else report.table(rows))
    if arguments.write:
        report.write_document(figures)
        history.write(rows, f"{datetime.date.today()}", report.commit())
    missed = [row for row in rows if row.met is False]
    if missed:
        bench.say(f"{len(missed)} of the targets missed")
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bin/bench: {error}")
