"""What --dry-run prints is what runs: compared with what Postgres logs of the run, statement by statement."""

import re

import pytest

from harness.migrations import FAILED, REFUSED, Folder, has, history, load, migrate, progress, rollback
from pg_cluster import query


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "migrations")


@pytest.fixture
def url(fresh_database):
    """A database whose statements Postgres logs."""
    url = fresh_database()
    load(url, f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET log_statement = 'all'")
    return url


def statements(sql):
    """The statements of a text, without comments between them and without how long they took."""
    lines = [line for line in sql.splitlines() if line.strip() and not line.startswith("-- ")]
    text = re.sub(r", \d+, current_user", ", DURATION, current_user", "\n".join(lines))
    return [statement.strip() for statement in re.split(r";$", text, flags=re.MULTILINE) if statement.strip()]


def runners_statements(log):
    """What the runner's session sent to be executed; its questions have a protocol of their own."""
    messages = re.findall(r"^\S+ \S+ \S+ \[(\d+)\] LOG:  (.*(?:\n\t.*)*)", log, flags=re.MULTILINE)
    pids = {pid for pid, text in messages if "pg_try_advisory_lock" in text}
    assert len(pids) == 1
    sent = [text.removeprefix("statement: ").replace("\n\t", "\n")
            for pid, text in messages if pid in pids and text.startswith("statement: ")]
    return statements("\n".join(sent))


def compare(cluster, url, folder, **expect):
    """Runs --dry-run and then the migrations; returns what was printed."""
    printed = migrate(url, "--dry-run", dir=folder).stdout
    before = len(cluster.log_text())
    migrate(url, dir=folder, **expect)
    assert runners_statements(cluster.log_text()[before:]) == statements(printed)
    return printed


def test_the_dry_run_prints_what_runs(pg_cluster, url, folder):
    folder.add("CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);", "DROP TABLE a;")
    folder.add("CREATE SCHEMA s;\nSET search_path = s;\nCREATE TABLE c (d int);", options="lock_timeout:7s")
    folder.add("CREATE TABLE e (f int);\nCREATE INDEX CONCURRENTLY i ON a (b);\nVACUUM a;\nSET work_mem = '1MB';",
               options="transaction:false")
    folder.add("CREATE TABLE g (h int);")
    printed = compare(pg_cluster, url, folder)
    assert "application_name = 'cruddur migrate 17000000010000000_m'" in printed
    assert printed.count("INSERT INTO public.schema_migrations_progress") == 6
    assert len(history(url)) == 4 and not progress(url)


def test_the_dry_run_prints_how_a_database_is_adopted(pg_cluster, url, folder):
    folder.write("-- migrate:applied-if to_regclass('gap') IS NOT NULL\n-- migrate:up\nCREATE TABLE gap ();\n")
    folder.write("-- migrate:applied-if to_regclass('there') IS NOT NULL\n-- migrate:up\nSELECT 1/0;\n")
    load(url, "CREATE TABLE there (a int)")
    printed = compare(pg_cluster, url, folder)
    assert "INSERT INTO public.schema_migrations_progress" in printed  # the gap is no late file
    assert has(url, "gap") and not progress(url)


def test_the_dry_run_goes_on_where_a_run_ended(pg_cluster, url, folder):
    """Settings are set again, and the invalid index of a failed build goes first."""
    load(url, "CREATE TABLE a (b int); INSERT INTO a VALUES (1), (1)")
    version = folder.add("SET work_mem = '1MB';\nCREATE UNIQUE INDEX CONCURRENTLY i ON a (b);\nCREATE TABLE c (d int);",
                         options="transaction:false")
    migrate(url, dir=folder, expect=FAILED)
    assert progress(url) == {version: (1, True)}
    load(url, "DELETE FROM a")
    printed = compare(pg_cluster, url, folder)
    assert "-- its first 1 statements are done\nSET work_mem" in printed
    assert "DROP INDEX CONCURRENTLY i;\nCREATE UNIQUE INDEX CONCURRENTLY i ON a (b);\n" in printed
    assert version in history(url)


def test_a_dry_run_refuses_what_a_run_refuses(url, folder):
    """The statements that are done were edited: found before anything of the run is done."""
    first = folder.add("CREATE TABLE t1 (a int);\nSELECT 1/0;", options="transaction:false")
    migrate(url, dir=folder, expect=FAILED)
    folder.add("CREATE TABLE t2 (a int);", version="1600000000")
    folder.file(first).write_text("-- migrate:up transaction:false\nCREATE TABLE t9 (a int);\nSELECT 1;\n")
    for flags in (["--dry-run"], ["--rehearse"], []):
        done = migrate(url, *flags, dir=folder, expect=REFUSED)
        assert "its first 1 statements have run" in done.stderr and not has(url, "t2")


def test_a_rehearsal_goes_on_where_a_run_ended(url, folder):
    folder.add("CREATE TABLE t1 (a int);\nSELECT 1/0;\nCREATE TABLE t2 (a int);", options="transaction:false")
    migrate(url, dir=folder, expect=FAILED)
    path = folder.file("17000000010000000")
    path.write_text(path.read_text().replace("1/0", "1"))
    done = migrate(url, "--rehearse", dir=folder)
    assert "going on with statement 2 of 3" in done.stderr and "rolled back: nothing changed" in done.stdout
    assert progress(url) == {"17000000010000000": (1, False)} and not has(url, "t2")


def test_a_rehearsal_finds_a_history_that_cannot_be_written(url, folder):
    load(url, "CREATE TABLE schema_information (id integer UNIQUE, last_successful_run text NOT NULL CHECK (id > 1))")
    folder.add("CREATE TABLE a (b int);")
    done = migrate(url, "--rehearse", dir=folder, expect=FAILED)
    assert "violates check constraint" in done.stderr and not has(url, "a")


def test_a_version_of_other_digits_is_undone(url, folder):
    """The file was renamed to another way to write the same time: the row of the history goes all the same."""
    version = folder.add("CREATE TABLE a (b int);", "DROP TABLE a;")
    migrate(url, dir=folder)
    folder.file(version).rename(folder.file("1700000001"))
    assert query(url, "SELECT version FROM schema_migrations") == [(version,)]
    rollback(url, dir=folder)
    assert not has(url, "a") and not history(url)
