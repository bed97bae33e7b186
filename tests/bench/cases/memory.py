"""Resident memory: idle after the start, and the most it ever was under load."""

import time

import data
import report
from cases.connections import MANY

IDLE_TARGET_MIB = 20
LOAD_TARGET_MIB = 60


def run(bench):
    with bench.server() as server:
        server.get_json(data.HOME_PATH)
        time.sleep(1)
        idle = server.memory_mib("VmRSS")
        bench.wrk(server.url(data.HOME_PATH), MANY, bench.seconds)
        most = server.memory_mib("VmHWM")
    yield report.Row(
        "Resident memory, idle",
        f"{idle:.1f} MiB",
        target=f"at most {IDLE_TARGET_MIB} MiB",
        met=idle <= IDLE_TARGET_MIB,
    )
    yield report.Row(
        f"Resident memory, highest with {MANY} connections",
        f"{most:.1f} MiB",
        target=f"at most {LOAD_TARGET_MIB} MiB",
        met=most <= LOAD_TARGET_MIB,
    )
