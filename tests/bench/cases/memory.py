"""Resident memory: idle after the start, the most it ever was under load, and with many connections
that are kept and idle."""

import contextlib
import socket
import time

import data
import report
from cases.connections import MANY

IDLE_TARGET_MIB = 20
LOAD_TARGET_MIB = 60
KEPT = 10_000
KEPT_TARGET_MIB = 300 * 1e6 / 2**20


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
        figure="memory_idle_mib",
        value=idle,
    )
    yield report.Row(
        f"Resident memory, highest with {MANY} connections",
        f"{most:.1f} MiB",
        target=f"at most {LOAD_TARGET_MIB} MiB",
        met=most <= LOAD_TARGET_MIB,
        figure="memory_load_mib",
        value=most,
    )
    yield with_kept_connections(bench)


def with_kept_connections(bench):
    """Each connection has had one answer, so that everything that it needs is there."""
    request = f"GET {data.HOME_PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    settings = {"CRUDDUR_MAX_CONNECTIONS": str(KEPT + 100), "CRUDDUR_IDLE_TIMEOUT_S": "600"}
    with bench.server(**settings) as server, contextlib.ExitStack() as stack:
        for _ in range(KEPT):
            kept = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            stack.callback(kept.close)
            kept.sendall(request)
            read_answer(kept)
        kept_mib = server.memory_mib("VmRSS")
    return report.Row(
        f"Resident memory with {KEPT:,} kept connections",
        f"{kept_mib:.1f} MiB",
        target=f"at most {KEPT_TARGET_MIB:.0f} MiB",
        met=kept_mib <= KEPT_TARGET_MIB,
    )


def read_answer(kept):
    data_read = b""
    while b"\r\n\r\n" not in data_read:
        data_read += receive(kept)
    head, _, body = data_read.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"a kept connection got {head[:60]!r}")
    length = int(head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += receive(kept)


def receive(kept):
    part = kept.recv(65536)
    if not part:
        raise RuntimeError("the server hung up on a kept connection")
    return part
