"""Folders and child processes that go away with a test run, even when it is killed.

A folder's name says whose it is; what dead runs left is removed when the next one makes a folder of
its own. Children get a signal from the kernel when their parent is gone."""

import glob
import os
import re
import shutil
import subprocess
import tempfile

from private_postgres import dies_with_us  # noqa: F401 (used as scratch.dies_with_us)

OWNED = re.compile(r"crud-[a-z]+-(\d+)\.(\d+)-")
swept = False


def started(pid):
    """When a process began, in ticks since the machine did: with the pid it is that process alone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def runs_in(folder):
    """True when the folder's Postgres lives on."""
    try:
        with open(os.path.join(folder, "data", "postmaster.pid"), encoding="ascii") as file:
            return started(int(file.readline())) is not None
    except (OSError, ValueError):
        return False


def sweep():
    global swept
    if swept:
        return
    swept = True
    for folder in glob.glob(os.path.join(tempfile.gettempdir(), "crud-*")):
        owner = OWNED.match(os.path.basename(folder))
        if owner and started(owner[1]) != int(owner[2]) and not runs_in(folder):
            shutil.rmtree(folder, ignore_errors=True)


def make_folder(kind):
    """A new folder for a `kind` of thing: lower-case letters."""
    sweep()
    pid = os.getpid()
    return tempfile.mkdtemp(prefix=f"crud-{kind}-{pid}.{started(pid)}-")


def end(process, folder):
    """Ends a program that was started in `folder`, by force where it must be, and removes the folder."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
