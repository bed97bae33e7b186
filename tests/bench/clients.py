"""The load generators: wrk for HTTP, pgbench for SQL."""

import dataclasses
import pathlib
import re
import subprocess

import data
from cluster import BIN

SCRIPT = pathlib.Path(__file__).resolve().parent / "wrk.lua"
MANY_SCRIPT = SCRIPT.with_name("wrk_many.lua")
STALLED_S = 2  # an answer that takes longer counts as a time-out


@dataclasses.dataclass
class Load:
    """What wrk saw in one turn."""

    rate: float  # good answers a second
    failures: int  # answers other than 2xx and 3xx, lost connections
    timeouts: int  # requests without an answer in STALLED_S
    p99_ms: float
    longest_ms: float

    def __str__(self):
        text = f"{self.rate:,.0f}/s, 99 % within {self.p99_ms:.0f} ms, all {self.longest_ms:.0f} ms"
        if self.failures or self.timeouts:
            text += f"; {self.failures} failed, {self.timeouts} timed out"
        return text

    @property
    def clean(self):
        return self.failures == 0 and self.timeouts == 0


def wrk(url, connections, seconds, threads, token=None, body=None, requests=(), headers=()):
    """Sends GET, or POST where there is a body, on kept connections without a pause. With `requests`,
    a list of (path, token or "", body or ""), it sends them in turn."""
    command = ["wrk", "-t", str(min(threads, connections)), "-c", str(connections)]
    command += ["-d", f"{seconds}s", "--timeout", f"{STALLED_S}s"]
    command += ["-s", str(MANY_SCRIPT if requests else SCRIPT)]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    for header in headers:
        command += ["-H", header]
    command += [url, "--", *([body] if body else [])]
    command += [part for request in requests for part in request]
    done = subprocess.run(command, check=False, text=True, capture_output=True)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.MULTILINE)
    if not found:
        raise RuntimeError(f"wrk said: {done.stdout}{done.stderr}")
    answers, microseconds, failures, timeouts, p99, longest = map(float, found.group(1).split())
    return Load(
        rate=(answers - failures) / microseconds * 1e6,
        failures=int(failures),
        timeouts=int(timeouts),
        p99_ms=p99 / 1000,
        longest_ms=longest / 1000,
    )


@dataclasses.dataclass
class Transactions:
    """What pgbench saw in one turn."""

    rate: float

    def __str__(self):
        return f"{self.rate:,.0f}/s"


def pgbench(database, script, parameters, connections, seconds, threads, folder):
    file = pathlib.Path(folder) / "script.pgbench"
    file.write_text(script, encoding="utf-8")
    command = [f"{BIN}/pgbench", "-n", "-M", "prepared", "-c", str(connections)]
    command += ["-j", str(min(threads, connections)), "-T", str(seconds), "-f", str(file)]
    for number, value in enumerate(parameters, 1):
        if not isinstance(value, data.Expression):
            command += ["-D", f"p{number}={value}"]
    done = subprocess.run([*command, database], check=False, text=True, capture_output=True)
    found = re.search(r"^tps = ([\d.]+) \(without initial", done.stdout, re.MULTILINE)
    failed = re.search(r"^number of failed transactions: (\d+)", done.stdout, re.MULTILINE)
    if not found or (failed and int(failed.group(1)) > 0):
        raise RuntimeError(f"pgbench said: {done.stdout}{done.stderr}")
    return Transactions(float(found.group(1)))
