"""Runners that sleep or are cut off: others are soon let in, and what holds in the database is said."""

import signal

import pytest

from harness.cut import Cut
from harness.migrations import (
    DONE, UNAVAILABLE, Folder, Runner, has, history, load, migrate, run, runs, until, waits_in,
)
from pg_cluster import connect, query


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "migrations")


@pytest.fixture
def url(fresh_database):
    return fresh_database()


def set_for_all(url, name, value):
    """As an operator sets it: for everybody who connects to this database."""
    load(url, f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET {name} = '{value}'")


SETTINGS = ("idle_in_transaction_session_timeout", "idle_session_timeout", "statement_timeout")


@pytest.mark.parametrize("own, limit", [("0", "10s"), ("1h", "10s"), ("3s", "3s"), ("2500ms", "2500ms")])
def test_a_silent_session_is_ended_soon(url, folder, own, limit):
    set_for_all(url, SETTINGS[0], own)
    values = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    folder.add(f"CREATE TABLE a AS SELECT * FROM (VALUES ({values})) v;")
    folder.add(f"RESET ALL;\nCREATE TABLE b AS SELECT * FROM (VALUES ({values})) v;")
    folder.add(f"CREATE TABLE c AS SELECT * FROM (VALUES ({values})) v;")
    migrate(url, dir=folder)
    assert query(url, "SELECT * FROM a") == query(url, "SELECT * FROM c") == [(limit, "1min", "0")]


def test_a_frozen_runner_locks_nobody_out(url, folder):
    """SIGSTOP between two statements of a transaction: its session ends, and with it its locks."""
    set_for_all(url, SETTINGS[0], "3s")  # long enough for a runner on a busy machine
    load(url, "CREATE TABLE a (b int)")
    version = folder.add("ALTER TABLE a ADD COLUMN c int;\nSELECT pg_advisory_xact_lock(7);\nSELECT 1;")
    holder = connect(url)
    holder.cursor().execute("SELECT pg_advisory_lock(7)")
    runner = Runner("migrate", url, "--lock-timeout", "3600000", dir=folder)
    pid = waits_in(url, "pg_advisory_xact_lock")
    runner.process.send_signal(signal.SIGSTOP)
    holder.close()  # and with it the lock
    until(lambda: not query(url, "SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid))
    assert query(url, "SELECT * FROM a") == []  # nobody holds the table any more
    migrate(url, "--wait", "0", dir=folder)
    runner.process.send_signal(signal.SIGCONT)
    runner.end(UNAVAILABLE)
    assert f"asked over a new one, {version} is applied" in runner.output


def test_a_connection_lost_behind_the_first_commit(url, folder, pg_cluster):
    """The history's own tables: what holds is asked for, as it is for the migrations."""
    version = folder.add("CREATE TABLE a (b int);")
    cut = Cut(pg_cluster, lambda: has(url, "schema_migrations"))
    try:
        done = run("migrate", cut.url(url.rsplit("/", 1)[1]), dir=folder, expect=UNAVAILABLE)
    finally:
        cut.close()
    assert (f"state: the connection was lost; asked over a new one, {version} is not applied; "
            "the history's own tables are there\n") in done.stderr
    assert not history(url)
    migrate(url, dir=folder)


def test_that_a_statement_still_runs_is_said(url, folder):
    folder.add("SELECT pg_sleep(600);")
    runner = Runner("migrate", url, dir=folder)
    runs(url, "pg_sleep(600)")
    runner.wait_for("the statement has been running for 1")
    runner.interrupt()
    runner.end()


def test_the_session_that_waits_for_a_verification_is_not_ended(url, folder):
    set_for_all(url, "idle_session_timeout", "1s")
    folder.add("SELECT pg_sleep(3);", "SELECT 1;")
    run("verify", url, dir=folder, expect=DONE)
    assert query(url, "SELECT count(*) FROM pg_database WHERE datname LIKE %s", "%verify%") == [(0,)]
