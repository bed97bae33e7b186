#!/usr/bin/python3
"""Compares `cruddur sync` with aws s3 sync, s3cmd and rclone: 5,000 files, nothing changed and 1 %
changed, in alternating turns against the same double of S3. Prints the table of
docs/sync.md.

    bin/build && /usr/bin/python3 tests/bench/sync.py [ROUNDS]
"""

import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "tests" / "integration"))

from harness import memory  # noqa: E402
from harness.s3_double import S3Double  # noqa: E402
from harness.server import BINARY  # noqa: E402

FILES, CHANGED = 5000, 50


def make_build(folder, chance):
    for number in range(FILES):
        path = folder / f"d{number % 50}" / f"file {number}.{['js', 'css', 'png', 'html'][number % 4]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randint(200, 20000)))


def change(folder, chance):
    for path in chance.sample(sorted(folder.rglob("*.*")), CHANGED):
        path.write_bytes(chance.randbytes(chance.randint(200, 20000)))


def commands(s3, build):
    host = f"127.0.0.1:{s3.port}"
    return {
        "cruddur sync": [str(BINARY), "sync", "--yes", "--keep-html", "--silent", "no_change"],
        "aws s3 sync": ["/usr/bin/aws", "--endpoint-url", s3.url, "s3", "sync", str(build),
                        f"s3://{s3.bucket}", "--quiet"],
        "s3cmd sync": ["/usr/bin/s3cmd", "-c", "/dev/null", "--no-ssl", "--no-progress", "-q",
                       f"--host={host}", f"--host-bucket={host}", f"--region={s3.region}",
                       f"--access_key={s3.key}", f"--secret_key={s3.secret}", "sync",
                       f"{build}/", f"s3://{s3.bucket}/"],
        "rclone sync": ["/usr/bin/rclone", "--config", "/dev/null", "sync", "--checksum",
                        "--fast-list", "--transfers", "16", str(build),
                        f":s3,provider=Other,endpoint='{s3.url}',region={s3.region},"
                        f"access_key_id={s3.key},secret_access_key={s3.secret}:{s3.bucket}"],
    }


def run(command, s3, build, home):
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "AWS_ACCESS_KEY_ID": s3.key,
        "AWS_SECRET_ACCESS_KEY": s3.secret, "AWS_DEFAULT_REGION": s3.region,
        "AWS_ENDPOINT_URL_S3": s3.url, "SYNC_S3_BUCKET": s3.bucket, "SYNC_BUILD_DIR": str(build),
        "SYNC_OUTPUT_CHANGESET_PATH": str(home / "changeset.json")}
    requests = len(s3.calls)
    start = time.monotonic()
    peak, code = memory.peak(command, env=environment, cwd=home)
    seconds = time.monotonic() - start
    assert code == 0, command
    return seconds, peak, len(s3.calls) - requests


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    chance = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="crud-bench-") as folder:
        home = pathlib.Path(folder)
        build = home / "build"
        make_build(build, chance)
        tools = ["cruddur sync", "aws s3 sync", "s3cmd sync", "rclone sync"]
        doubles = {tool: S3Double() for tool in tools}
        results = {(tool, what): [] for tool in tools for what in ("first", "none", "one")}
        for what, times in (("first", 1), ("none", rounds), ("one", rounds)):
            for _ in range(times):
                if what == "one":
                    change(build, chance)
                for tool in tools:
                    s3 = doubles[tool]
                    results[tool, what].append(run(commands(s3, build)[tool], s3, build, home))
        for double in doubles.values():
            double.close()
    print("| tool | first upload | no change | 1 % changed | peak memory | requests, no change |")
    print("|---|---|---|---|---|---|")
    for tool in tools:
        median = {what: statistics.median(one[0] for one in results[tool, what])
                  for what in ("first", "none", "one")}
        peak = max(one[1] for what in ("first", "none", "one") for one in results[tool, what])
        print(f"| `{tool}` | {median['first']:.2f} s | {median['none']:.3f} s | "
              f"{median['one']:.3f} s | {peak:.0f} MB | {results[tool, 'none'][-1][2]} |")


main()
