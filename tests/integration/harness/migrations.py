"""What the tests of migrations share: folders of migrations, the commands, schemas to compare."""

import json
import signal
import subprocess
import threading
import time

from harness.description import PROJECT
from harness.server import BINARY, DEFECTS, environment
from harness.server import run as run_binary
from pg_cluster import psql, query

REAL = PROJECT / "db" / "migrations"
DONE, FAILED, USAGE, PENDING, REFUSED, UNAVAILABLE, CREDENTIALS = range(7)
BASE = "16800000000000000"
BIO = "16812294605993273"
REPLY = "16844665640237772"
HISTORY = ("schema_information", "schema_migrations", "schema_migrations_adopted", "schema_migrations_progress")


class Folder:
    """A folder of migration files; versions count up from 1700000001 unless told."""

    def __init__(self, path):
        self.path = path
        self.count = 0
        path.mkdir(exist_ok=True)

    def __str__(self):
        return str(self.path)

    def write(self, text, version=None, name="m"):
        if version is None:
            self.count += 1
            version = f"1700000{self.count:03d}0000000"
        (self.path / f"{version}_{name}.sql").write_text(text, encoding="utf-8")
        return version

    def add(self, up, down=None, version=None, name="m", options=""):
        text = f"-- migrate:up {options}\n{up}\n"
        if down is not None:
            text += f"\n-- migrate:down {options}\n{down}\n"
        return self.write(text, version, name)

    def file(self, version, name="m"):
        return self.path / f"{version}_{name}.sql"


def run(command, url, *arguments, dir=None, expect=None, **settings):
    """One command to its end; `expect` is the exit code it must have."""
    where = ["--dir", str(dir)] if dir else []
    done = run_binary(command, *where, *arguments, CONNECTION_URL=url, **settings)
    if expect is not None:
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return done


def migrate(url, *arguments, dir=None, expect=DONE, **settings):
    return run("migrate", url, *arguments, dir=dir, expect=expect, **settings)


def rollback(url, *arguments, dir=None, expect=DONE):
    return run("rollback", url, *arguments, dir=dir, expect=expect)


def status(url, dir=None, expect=None):
    done = run("status", url, "--json", dir=dir)
    assert done.returncode in (DONE, PENDING), done.stderr
    result = json.loads(done.stdout)
    assert done.returncode == (PENDING if result["pending"] or result["absent"] else DONE)
    if expect is not None:
        assert {item["version"]: item["state"] for item in result["migrations"]} == expect
    return result


class Runner:
    """A command that runs while the test goes on; its lines on stderr and stdout as they come."""

    def __init__(self, command, url, *arguments, dir=None):
        where = ["--dir", str(dir)] if dir else []
        self.process = subprocess.Popen(
            [str(BINARY), command, *where, *arguments],
            env=environment(CONNECTION_URL=url),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    @property
    def output(self):
        return "".join(self.lines)

    def wait_for(self, words, timeout=60):
        with self.changed:
            assert self.changed.wait_for(lambda: words in self.output, timeout), self.output

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)
        self.thread.join(60)

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)

    def end(self, expect=None, timeout=120):
        code = self.process.wait(timeout)
        self.thread.join(60)
        assert not DEFECTS.search(self.output), self.output
        if expect is not None:
            assert code == expect, (code, self.output)
        return code


def until(condition, timeout=60):
    """Waits for something to become true in the database; returns what it was."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)


def waits_in(url, words, kind="Lock"):
    """Waits until a session whose query has `words` in it waits for `kind`; its pid."""
    sql = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND query LIKE %s AND wait_event_type = %s"
    )
    return until(lambda: query(url, sql, f"%{words}%", kind))[0][0]


def runs(url, words):
    """Waits until a session runs a query with `words` in it; its pid."""
    sql = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND query LIKE %s AND state = 'active'"
    )
    return until(lambda: query(url, sql, f"%{words}%"))[0][0]


def dump(url, history=False):
    """The schema as pg_dump writes it, without what changes from run to run or depends on a mark."""
    tables = ["schema_migrations_adopted"] if history else HISTORY
    left_out = [f"--exclude-table=public.{table}" for table in tables]
    done = subprocess.run(
        ["pg_dump", "--schema-only", "--no-owner", *left_out, "--dbname", url],
        check=True, capture_output=True, text=True,
    )
    return [line for line in done.stdout.splitlines()
            if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]


def history(url):
    """{version: row} of what is applied."""
    rows = query(url, "SELECT version, name, checksum, up_sql, down_sql, duration_ms, applied_by, "
                      "adopted FROM schema_migrations")
    keys = ("version", "name", "checksum", "up_sql", "down_sql", "duration_ms", "applied_by", "adopted")
    return {row[0]: dict(zip(keys, row)) for row in rows}


def progress(url):
    """{version: (statements done, one was running)}"""
    rows = query(url, "SELECT version, statements_done, statement_running FROM schema_migrations_progress")
    return {row[0]: row[1:] for row in rows}


def last_run(url):
    return query(url, "SELECT last_successful_run FROM schema_information WHERE id = 1")[0][0]


def has(url, name):
    return query(url, "SELECT to_regclass(%s) IS NOT NULL", name)[0][0]


def columns(url, table):
    rows = query(url, "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                      " AND NOT attisdropped ORDER BY attnum", table)
    return [row[0] for row in rows]


def load(url, sql):
    psql(url, sql=sql)
