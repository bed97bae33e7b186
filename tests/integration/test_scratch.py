"""What a killed test run leaves: nothing that runs, and no folder after the next run began."""

import os
import select
import signal
import subprocess
import sys

import psycopg2

from harness import scratch
from harness.description import PROJECT

PROGRAM = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pg_cluster import PgCluster
cluster = PgCluster.start()
print(cluster.folder, flush=True)
time.sleep(600)
"""


def test_a_killed_run_leaves_nothing():
    run = subprocess.Popen([sys.executable, "-c", PROGRAM, str(PROJECT / "tests/integration")],
                           stdout=subprocess.PIPE, text=True)  # fmt: skip
    folder = run.stdout.readline().strip()
    host = folder.replace("/", "%2F")
    connection = psycopg2.connect(f"postgresql://postgres@{host}/postgres")
    with open(os.path.join(folder, "data", "postmaster.pid"), encoding="ascii") as file:
        postmaster = os.pidfd_open(int(file.readline()))
    run.send_signal(signal.SIGKILL)
    run.wait()
    poll = select.poll()
    poll.register(postmaster, select.POLLIN)
    assert poll.poll(60_000), "Postgres lives on"
    os.close(postmaster)
    connection.close()
    scratch.swept = False
    mine = scratch.make_folder("test")
    try:
        assert os.path.isdir(mine) and not os.path.exists(folder)
    finally:
        os.rmdir(mine)
