"""Migrations that fail, runners that die: the history and the schema agree, and the next run finishes."""

import os
import pty
import re
import signal
import subprocess

import pytest

from harness.migrations import (
    DONE, FAILED, REFUSED, UNAVAILABLE, Folder, Runner, columns, has, history, last_run, load, migrate, progress,
    rollback, run, runs, status, until, waits_in,
)
from harness.pgbouncer import PgBouncer
from harness.server import BINARY, environment
from pg_cluster import connect, query

LONG = ("--lock-timeout", "3600000")  # so that a test may hold a lock as long as it likes


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "migrations")


@pytest.fixture
def url(fresh_database):
    return fresh_database()


@pytest.fixture
def held(url):
    """held(sql) runs it in a transaction that stays open; held.release() ends it."""

    class Held:
        connection = connect(url, autocommit=False)

        def __call__(self, sql):
            cursor = self.connection.cursor()
            cursor.execute(sql)
            return self.connection.info.backend_pid

        def release(self):
            self.connection.rollback()

    held = Held()
    yield held
    held.connection.close()


def nobody_else(url):
    """Waits until what a dead runner left in the server is gone."""
    sql = ("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
           " AND pid <> pg_backend_pid() AND application_name LIKE 'cruddur%%'")
    until(lambda: query(url, sql) == [(0,)])


# --- What Postgres refuses ---


def test_an_error_is_told_as_a_compiler_would(url, folder):
    folder.add("CREATE TABLE a (b int);")
    version = folder.add("""CREATE TABLE t1 (a int);
CREATE TABLE t2 (a int);
    CREATE TABEL t3 (a int);
CREATE TABLE t4 (a int);
CREATE TABLE t5 (a int);""")
    done = migrate(url, dir=folder, expect=FAILED)
    path = folder.file(version)
    assert f'{path}:4:12: error: syntax error at or near "TABEL" [42601]\n' in done.stderr
    assert "    4 |     CREATE TABEL t3 (a int);\n      |            ^\n" in done.stderr
    assert ("state: the transaction was rolled back; the newest applied migration is 17000000010000000; 1 of 2 were"
            " done in this run and stay\nnext: correct the file, then run it again\n") in done.stderr
    assert done.stdout == "applied 17000000010000000_m (" + done.stdout.split("(", 1)[1]
    assert version not in done.stdout  # "applied" is said of nothing that is not
    assert not has(url, "t1") and version not in history(url) and last_run(url) == "17000000010000000"
    path.write_text(path.read_text().replace("TABEL", "TABLE"))
    migrate(url, dir=folder)
    assert has(url, "t5") and last_run(url) == version


def test_the_caret_counts_characters(url, folder):
    version = folder.add("SELECT 'äöü→',\n  'é', nothing;")
    done = migrate(url, dir=folder, expect=FAILED)
    assert f"{version}_m.sql:3:8: error: column \"nothing\" does not exist [42703]\n    3 |   'é', nothing;\n      |        ^\n" in done.stderr


def test_an_error_in_a_code_block_points_into_it(url, folder):
    version = folder.add("-- one\nDO $$\nBEGIN\n  PERFORM 1;\n  RAISE EXCEPTION 'no' USING DETAIL = 'why', HINT = 'how';\nEND\n$$;")
    done = migrate(url, dir=folder, expect=FAILED)
    assert f"{version}_m.sql:6:3: error: no [P0001]\n    6 |   RAISE EXCEPTION 'no'" in done.stderr
    assert "\ndetail: why\nhint: how\nwhere: PL/pgSQL function inline_code_block line 4 at RAISE\n" in done.stderr


def test_an_error_in_a_query_of_a_function_shows_it(url, folder):
    folder.add("DO $$ BEGIN PERFORM nothing FROM nowhere; END $$;")
    done = migrate(url, dir=folder, expect=FAILED)
    assert "in the query: SELECT nothing FROM nowhere" in done.stderr


def test_what_the_commit_finds_rolls_back(url, folder):
    version = folder.add("CREATE TABLE a (b int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1), (1);")
    done = migrate(url, dir=folder, expect=FAILED)
    assert f"{version}_m.sql:1:1: error: duplicate key value" in done.stderr
    assert "change the rows that Postgres names" in done.stderr
    assert not has(url, "a") and not history(url) and last_run(url) == "0"


def test_the_server_runs_out_of_room(url, folder):
    """A limit on temporary files stands for a full disk: the server refuses in the middle of the work."""
    load(url, "ALTER DATABASE " + url.rsplit("/", 1)[1] + " SET temp_file_limit = '1MB'; ")
    load(url, "ALTER DATABASE " + url.rsplit("/", 1)[1] + " SET work_mem = '64kB'; ")
    folder.add("CREATE TABLE a (b int);\nCREATE TABLE c AS SELECT n FROM generate_series(1, 500000) n ORDER BY n DESC;")
    done = migrate(url, dir=folder, expect=FAILED)
    assert "[53400]" in done.stderr and "make room on the database server" in done.stderr
    assert not has(url, "a") and not history(url)
    load(url, "ALTER DATABASE " + url.rsplit("/", 1)[1] + " RESET temp_file_limit")
    migrate(url, dir=folder)
    assert query(url, "SELECT count(*) FROM c") == [(500000,)]


def test_transactions_are_the_runners(url, folder):
    folder.add("CREATE TABLE a (b int);\nCOMMIT;\nCREATE TABLE c (d int);")
    done = migrate(url, dir=folder, expect=FAILED)
    assert ":3:1: error: the runner begins and ends transactions itself" in done.stderr
    assert not has(url, "a")


def test_a_failing_rollback_rolls_back(url, folder):
    version = folder.add("CREATE TABLE a (b int);", "DROP TABLE a;\nSELECT 1/0;")
    migrate(url, dir=folder)
    done = rollback(url, dir=folder, expect=FAILED)
    assert f"{version}_m.sql:6:1: error: division by zero" in done.stderr
    assert has(url, "a") and version in history(url)


# --- Locks ---


def test_a_lock_that_is_not_to_be_had(url, folder, held):
    load(url, "CREATE TABLE a (b int)")
    version = folder.add("CREATE TABLE c (d int);\nALTER TABLE a ADD COLUMN e int;")
    pid = held("SELECT * FROM a")
    done = migrate(url, "--lock-timeout", "1200", "--lock-tries", "2", dir=folder, expect=FAILED)
    assert "try 2 of 2 in" in done.stderr and f"blocked by pid {pid} (role postgres" in done.stderr
    assert "idle in transaction" in done.stderr and "SELECT * FROM a" in done.stderr
    assert f"{version}_m.sql:3:1: error: canceling statement due to lock timeout [55P03]" in done.stderr
    assert not has(url, "c") and not history(url)
    held.release()
    migrate(url, dir=folder)
    assert columns(url, "a") == ["b", "e"]


def test_the_whole_transaction_is_tried_again(url, folder, held):
    """Between two tries nothing is locked; when the lock comes, everything is done once."""
    load(url, "CREATE TABLE a (b int); CREATE TABLE log (n serial)")
    folder.add("INSERT INTO log DEFAULT VALUES;\nALTER TABLE a ADD COLUMN e int;")
    held("SELECT * FROM a")
    runner = Runner("migrate", url, "--lock-timeout", "100", "--lock-tries", "1000", dir=folder)
    runner.wait_for("try 3 of 1000")
    held.release()
    runner.end(DONE)
    assert query(url, "SELECT count(*) FROM log") == [(1,)] and columns(url, "a") == ["b", "e"]


def test_a_migration_has_its_own_lock_timeout(url, folder, held):
    load(url, "CREATE TABLE a (b int)")
    folder.add("CREATE TABLE seen AS SELECT current_setting('lock_timeout') t;", options="lock_timeout:7s")
    folder.add("INSERT INTO seen SELECT current_setting('lock_timeout');")
    migrate(url, "--lock-timeout", "1500", dir=folder)
    assert query(url, "SELECT t FROM seen") == [("7s",), ("1500ms",)]


def test_a_deadlock_is_tried_again(url, folder, held):
    load(url, "CREATE TABLE a (b int); CREATE TABLE c (d int)")
    folder.add("LOCK TABLE a;\nLOCK TABLE c;\nALTER TABLE a ADD COLUMN e int;")
    held("LOCK TABLE c")
    runner = Runner("migrate", url, *LONG, dir=folder)
    waits_in(url, "LOCK TABLE c")
    try:
        held("LOCK TABLE a")  # one of the two is chosen as the victim
    except Exception:  # noqa: BLE001
        pass
    held.release()
    runner.end(DONE)
    assert columns(url, "a") == ["b", "e"]


def test_one_runner_at_a_time_and_the_holder_is_named(url, folder, held):
    load(url, "CREATE TABLE a (b int)")
    version = folder.add("ALTER TABLE a ADD COLUMN e int;")
    held("SELECT * FROM a")
    first = Runner("migrate", url, *LONG, dir=folder)
    pid = waits_in(url, "ALTER TABLE a")
    second = Runner("migrate", url, dir=folder)
    second.wait_for("waiting for another runner")
    assert re.search(rf"pid {pid}, role postgres, from local, 'cruddur migrate {version}_m', active for \d+ s: ALTER TABLE a",
                     second.output)
    done = migrate(url, "--wait", "0", dir=folder, expect=UNAVAILABLE)
    assert "another runner holds" in done.stderr and "nothing was done" in done.stderr
    held.release()
    first.end(DONE)
    second.end(DONE)
    assert "nothing to do" in second.output


def test_waiting_blocks_no_concurrent_build(url, folder, held):
    """A waiting runner holds no snapshot that the build would wait for."""
    load(url, "CREATE TABLE a (b int)")
    folder.add("CREATE INDEX CONCURRENTLY i ON a (b);", options="transaction:false")
    held("SELECT pg_advisory_lock((1668445540::bigint << 32) | 1685418529)")  # as a runner does
    waiting = Runner("migrate", url, dir=folder)
    waiting.wait_for("waiting for another runner")
    query(url, "SELECT 1")
    load(url, "CREATE INDEX CONCURRENTLY other ON a (b)")
    held("SELECT pg_advisory_unlock_all()")
    held.release()
    waiting.end(DONE)
    assert has(url, "i")


def test_ten_runners_at_once_apply_each_once(url, folder):
    for i in range(20):
        folder.add(f"CREATE TABLE t{i} (a int);\nSELECT pg_sleep(0.01);")
    runners = [Runner("migrate", url, dir=folder) for _ in range(10)]
    for runner in runners:
        runner.end(DONE)
    applied = re.findall(r"applied (\d+)_m", "".join(runner.output for runner in runners))
    assert sorted(applied) == sorted(history(url)) and len(applied) == 20
    assert sum("nothing to do" in runner.output for runner in runners) == 9


def test_an_interrupted_wait_does_nothing(url, folder, held):
    held("SELECT pg_advisory_lock((1668445540::bigint << 32) | 1685418529)")
    folder.add("SELECT 1;")
    runner = Runner("migrate", url, dir=folder)
    runner.wait_for("waiting for another runner")
    runner.interrupt()
    runner.end(FAILED)
    assert "interrupted while waiting; nothing was done" in runner.output and not has(url, "schema_migrations")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_and_rolls_back(url, folder, number):
    folder.add("CREATE TABLE a (b int);\nSELECT pg_sleep(600);")
    runner = Runner("migrate", url, dir=folder)
    runs(url, "pg_sleep")
    runner.interrupt(number)
    runner.end(FAILED)
    assert "canceling statement due to user request [57014]" in runner.output
    assert "it goes on from here" in runner.output and not has(url, "a")
    nobody_else(url)


# --- Runners that die ---


def finishes(url, folder, versions):
    """After a dead runner: history and schema agree, and the next run does the rest, each once."""
    nobody_else(url)
    applied = set(history(url)) if has(url, "schema_migrations") else set()
    for i, version in enumerate(versions, 1):
        assert has(url, f"t{i}") == (version in applied)
    migrate(url, dir=folder)
    assert set(history(url)) == set(versions) and last_run(url) == versions[-1]
    assert all(has(url, f"t{i}") for i in range(1, len(versions) + 1))


def pausing(folder, up="ALTER TABLE gate ADD COLUMN x int;"):
    """Three tables; the second migration comes to a table that the test holds."""
    return [folder.add("CREATE TABLE t1 (a int);"), folder.add(f"CREATE TABLE t2 (a int);\n{up}"),
            folder.add("CREATE TABLE t3 (a int);")]


def test_killed_before(url, folder, held):
    versions = pausing(folder, "SELECT 1;")
    held("SELECT pg_advisory_lock((1668445540::bigint << 32) | 1685418529)")
    runner = Runner("migrate", url, dir=folder)
    runner.wait_for("waiting for another runner")
    runner.kill()
    held("SELECT pg_advisory_unlock_all()")
    finishes(url, folder, versions)


def test_killed_while_it_adopts(url, folder, held):
    versions = pausing(folder, "SELECT 1;")
    load(url, "CREATE TABLE schema_information (id integer UNIQUE, last_successful_run text);"
              "INSERT INTO schema_information VALUES (1, '0');")
    held("CREATE TABLE schema_migrations (x int)")
    runner = Runner("migrate", url, dir=folder)
    waits_in(url, "CREATE TABLE IF NOT EXISTS public.schema_migrations")
    runner.kill()
    held.release()
    finishes(url, folder, versions)


def test_killed_during_the_sql(url, folder, held):
    load(url, "CREATE TABLE gate (a int)")
    versions = pausing(folder)
    held("SELECT * FROM gate")
    runner = Runner("migrate", url, *LONG, dir=folder)
    waits_in(url, "ALTER TABLE gate")
    runner.kill()
    nobody_else(url)  # the server notices by itself, while the lock is still held
    held.release()
    finishes(url, folder, versions)


def test_killed_after_the_sql(url, folder, held):
    """All statements ran; the row of last_successful_run is what the commit still waits for."""
    versions = pausing(folder, "SELECT 1;")
    folder.file(versions[1]).rename(folder.path / "second")
    folder.file(versions[2]).rename(folder.path / "third")
    migrate(url, dir=folder)
    (folder.path / "second").rename(folder.file(versions[1]))
    (folder.path / "third").rename(folder.file(versions[2]))
    held("SELECT * FROM schema_information FOR UPDATE")
    runner = Runner("migrate", url, *LONG, dir=folder)
    waits_in(url, "UPDATE public.schema_information")
    runner.kill()
    nobody_else(url)
    held.release()
    finishes(url, folder, versions)


def test_killed_during_a_rollback(url, folder, held):
    load(url, "CREATE TABLE gate (a int)")
    version = folder.add("CREATE TABLE t1 (a int);", "DROP TABLE t1;\nALTER TABLE gate ADD COLUMN y int;")
    migrate(url, dir=folder)
    held("SELECT * FROM gate")
    runner = Runner("rollback", url, *LONG, dir=folder)
    waits_in(url, "ALTER TABLE gate")
    runner.kill()
    nobody_else(url)
    held.release()
    assert has(url, "t1") and version in history(url)
    rollback(url, dir=folder)
    assert not has(url, "t1") and not history(url) and last_run(url) == "0"


def building(url, folder, held):
    """A runner in the middle of a concurrent build: it waits for the test's transaction."""
    load(url, "CREATE TABLE a (b int); INSERT INTO a SELECT generate_series(1, 1000)")
    version = folder.add("CREATE TABLE t1 (a int);\nCREATE INDEX CONCURRENTLY i ON a (b);\nCREATE TABLE t2 (a int);",
                         "DROP TABLE t2;\nDROP INDEX CONCURRENTLY i;\nDROP TABLE t1;", options="transaction:false")
    held("INSERT INTO a VALUES (0)")
    runner = Runner("migrate", url, dir=folder)
    waits_in(url, "CREATE INDEX CONCURRENTLY")
    return version, runner


def valid(url, index="i"):
    rows = query(url, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", index)
    return rows[0][0] if rows else None


def test_killed_during_a_concurrent_build(url, folder, held):
    version, runner = building(url, folder, held)
    runner.kill()
    nobody_else(url)
    assert progress(url) == {version: (1, True)} and version not in history(url)
    assert has(url, "t1") and valid(url) is False and not has(url, "t2")
    assert status(url, folder)["migrations"][0]["state"] == "partial"
    held.release()
    done = migrate(url, dir=folder)
    assert "going on with statement 2 of 3" in done.stderr and "index i is invalid" in done.stderr
    assert valid(url) and has(url, "t2") and version in history(url) and not progress(url)
    assert last_run(url) == version


def test_the_heartbeat_names_who_a_build_waits_for(url, folder, held):
    _, runner = building(url, folder, held)
    runner.wait_for("waiting for a lock, blocked by pid")
    assert "INSERT INTO a VALUES (0)" in runner.output
    held.release()
    runner.end(DONE)


def test_terminated_during_a_concurrent_build(url, folder, held):
    version, runner = building(url, folder, held)
    query(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%%'")
    held.release()
    runner.end(UNAVAILABLE)
    assert re.search(rf"state: the connection was lost; asked over a new one, {version} is not applied, with 1 of its 3", runner.output)
    migrate(url, dir=folder)
    assert valid(url) and version in history(url)


def test_killed_between_the_build_and_its_resume_point(url, folder, held):
    """The index is there and valid, but nobody said so: it is not built twice."""
    load(url, "CREATE TABLE a (b int)")
    version = folder.add("CREATE INDEX CONCURRENTLY i ON a (b);\nCREATE TABLE t1 (a int);", options="transaction:false")
    folder.add("SELECT 1;", version="1600000000")
    migrate(url, dir=folder)
    query(url, "DELETE FROM schema_migrations WHERE version = %s", version)
    load(url, "DROP TABLE t1")
    checksum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing
    query(url, "INSERT INTO schema_migrations_progress VALUES (%s, 'm', 'up', 0, true, %s)", version, checksum)
    before = query(url, "SELECT 'i'::regclass::oid")
    done = migrate(url, dir=folder)
    assert "statement 1 was done by an earlier run" in done.stderr
    assert query(url, "SELECT 'i'::regclass::oid") == before and has(url, "t1") and version in history(url)


def test_a_concurrent_unique_index_that_fails_is_built_anew(url, folder):
    load(url, "CREATE TABLE a (b int); INSERT INTO a VALUES (1), (1)")
    version = folder.add("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b);", options="transaction:false")
    done = migrate(url, dir=folder, expect=FAILED)
    assert "could not create unique index" in done.stderr and "0 of 1 statements are done and stay" in done.stderr
    assert valid(url) is False and version not in history(url)
    migrate(url, dir=folder, expect=FAILED)
    load(url, "DELETE FROM a")
    done = migrate(url, dir=folder)
    assert "index i is invalid" in done.stderr and valid(url) and version in history(url)


def test_an_invalid_index_is_found_in_its_tables_schema(url, folder):
    load(url, 'CREATE SCHEMA s; CREATE TABLE s."Odd" (b int); INSERT INTO s."Odd" VALUES (1), (1)')
    folder.add('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "I x" ON ONLY s."Odd" (b);', options="transaction:false")
    migrate(url, dir=folder, expect=FAILED)
    assert valid(url, 's."I x"') is False
    load(url, 'DELETE FROM s."Odd"')
    migrate(url, dir=folder)
    assert valid(url, 's."I x"')


def test_statement_by_statement_goes_on_after_a_failure(url, folder):
    version = folder.add("CREATE TABLE t1 (a int);\nCREATE TABLE t2 (a int);\nSELECT 1/0;\nCREATE TABLE t3 (a int);",
                         options="transaction:false")
    done = migrate(url, dir=folder, expect=FAILED)
    assert f"{version}_m.sql:4:1: error: division by zero" in done.stderr
    assert "2 of 4 statements are done and stay; the next run goes on with this one" in done.stderr
    assert progress(url) == {version: (2, False)} and has(url, "t2") and not has(url, "t3")
    refused = rollback(url, dir=folder, expect=REFUSED)
    assert "was begun and is not finished" in refused.stderr
    path = folder.file(version)
    text = path.read_text()
    path.write_text(text.replace("t1", "t9"))
    done = migrate(url, dir=folder, expect=REFUSED)
    assert "its first 2 statements have run" in done.stderr and not has(url, "t9")
    path.write_text(text.replace("SELECT 1/0", "SELECT 1"))
    migrate(url, dir=folder)
    assert has(url, "t3") and version in history(url) and not progress(url)


def test_a_resume_point_can_be_forgotten(url, folder):
    version = folder.add("CREATE TABLE t1 (a int);\nSELECT 1/0;", options="transaction:false")
    migrate(url, dir=folder, expect=FAILED)
    run("repair", url, "--forget", version, dir=folder, expect=DONE)
    assert not progress(url) and has(url, "t1")
    folder.file(version).write_text("-- migrate:up\nCREATE TABLE IF NOT EXISTS t1 (a int);")
    migrate(url, dir=folder)
    assert version in history(url)


def test_settings_are_set_again_on_the_way_on(url, folder):
    version = folder.add("CREATE SCHEMA s;\nSET search_path = s;\nSELECT 1/0;\nCREATE TABLE t1 (a int);", options="transaction:false")
    migrate(url, dir=folder, expect=FAILED)
    path = folder.file(version)
    path.write_text(path.read_text().replace("1/0", "1"))
    migrate(url, dir=folder)
    assert has(url, "s.t1") and not has(url, "public.t1")


def test_code_that_commits_by_itself(url, folder):
    folder.add("CREATE TABLE a (b int);\nDO $$ BEGIN FOR i IN 1..3 LOOP INSERT INTO a VALUES (i); COMMIT; END LOOP; END $$;\n"
               "VACUUM a;\nREINDEX TABLE CONCURRENTLY a;", "DROP TABLE a;", options="transaction:false")
    migrate(url, dir=folder)
    assert query(url, "SELECT count(*) FROM a") == [(3,)]


def test_a_rollback_statement_by_statement_goes_on(url, folder, held):
    version, runner = building(url, folder, held)
    held.release()
    runner.end(DONE)
    held("SELECT * FROM a")
    runner = Runner("rollback", url, dir=folder)
    waits_in(url, "DROP INDEX CONCURRENTLY")
    runner.kill()
    nobody_else(url)
    assert version in history(url) and not has(url, "t2")
    assert status(url, folder)["migrations"][0]["state"] == "partial-down"
    done = migrate(url, dir=folder, expect=REFUSED)
    assert "finish it with `cruddur rollback`" in done.stderr
    held.release()
    rollback(url, dir=folder)
    assert not has(url, "i") and not has(url, "t1") and not history(url) and not progress(url)


# --- Connections ---


def test_a_connection_lost_in_the_sql(url, folder, held):
    load(url, "CREATE TABLE gate (a int)")
    versions = pausing(folder)
    held("SELECT * FROM gate")
    runner = Runner("migrate", url, *LONG, dir=folder)
    pid = waits_in(url, "ALTER TABLE gate")
    query(url, "SELECT pg_terminate_backend(%s)", pid)
    runner.end(UNAVAILABLE)
    assert "terminating connection due to administrator command [57P01]" in runner.output
    assert f"asked over a new one, {versions[1]} is not applied" in runner.output
    held.release()
    finishes(url, folder, versions)


def test_a_server_that_goes_away(url, folder, held, pg_cluster):
    versions = [folder.add("CREATE TABLE t1 (a int);"), folder.add("CREATE TABLE t2 (a int);\nSELECT pg_sleep(600);")]
    runner = Runner("migrate", url, dir=folder)
    runs(url, "pg_sleep")
    query(url, "CHECKPOINT")  # the test's cluster does not wait for its disk
    pg_cluster.down(signal.SIGQUIT)
    try:
        runner.end(UNAVAILABLE)
        assert "cannot be asked now; `cruddur status` will tell" in runner.output
    finally:
        pg_cluster.up()
    assert set(history(url)) == {versions[0]} and not has(url, "t2")


def test_the_commit_came_through_but_not_its_answer(url, folder):
    """The server ends the session right after the commit: the truth is asked for, not guessed."""
    version = folder.add("""CREATE TABLE t1 (a int);
SELECT pg_sleep(0);
CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $f$;
CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON t1 DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut();
INSERT INTO t1 VALUES (1);""")
    done = migrate(url, dir=folder, expect=UNAVAILABLE)
    applied = version in history(url)
    assert f"asked over a new one, {version} is {'applied' if applied else 'not applied'}" in done.stderr
    assert has(url, "t1") == applied


@pytest.mark.parametrize("size", [1, 2])
def test_a_pooler_in_transaction_mode_is_refused(url, folder, pg_cluster, size):
    folder.add("CREATE TABLE a (b int);")
    bouncer = PgBouncer(pg_cluster, pool_size=size)
    try:
        done = migrate(bouncer.url(url.rsplit("/", 1)[1]), dir=folder, expect=REFUSED)
        assert "pooler in transaction mode" in done.stderr and "session mode" in done.stderr
        assert not has(url, "schema_migrations")
    finally:
        bouncer.stop()


def test_a_pooler_keeps_no_trace(url, folder, pg_cluster):
    """Whoever gets the pool's connection next finds nothing that we set: not read-only, no timeouts changed."""
    folder.add("CREATE TABLE a (b int);")
    load(url, f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET statement_timeout = '77s'")
    settings = ("SELECT name, setting FROM pg_settings WHERE name NOT IN ('application_name', 'TimeZone')"
                " AND name NOT LIKE 'ssl%%' ORDER BY 1")
    before = query(url, settings)
    bouncer = PgBouncer(pg_cluster, pool_size=1)
    bounced = bouncer.url(url.rsplit("/", 1)[1])
    try:
        assert status(bounced, folder)["pending"] == 1  # looking works through a pooler
        migrate(bounced, "--dry-run", dir=folder)
        assert query(bounced, settings) == before
        migrate(bounced, dir=folder, expect=REFUSED)
        assert query(bounced, settings) == before
    finally:
        bouncer.stop()


def test_a_pooler_in_session_mode_is_fine(url, folder, pg_cluster):
    folder.add("CREATE TABLE a (b int);")
    bouncer = PgBouncer(pg_cluster, pool_size=4, mode="session")
    try:
        migrate(bouncer.url(url.rsplit("/", 1)[1]), dir=folder)
        assert has(url, "a")
    finally:
        bouncer.stop()


def test_progress_is_shown_on_a_terminal(url, folder, held):
    """What the build does, and whom it waits for, on the terminal's last line; nothing of it in a pipe."""
    load(url, "CREATE TABLE a (b int)")
    folder.add("CREATE INDEX CONCURRENTLY i ON a (b);", options="transaction:false")
    pid = held("INSERT INTO a VALUES (0)")
    master, slave = pty.openpty()
    command = [str(BINARY), "migrate", "--dir", str(folder)]
    process = subprocess.Popen(command, env=environment(CONNECTION_URL=url), stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    while b"waiting for writers before build" not in seen:
        seen += os.read(master, 4096)
    held.release()
    while True:
        try:
            seen += os.read(master, 4096)
        except OSError:  # the other end is closed
            break
    os.close(master)
    assert process.wait(60) == DONE
    assert f", waiting for pid {pid} (0 of 1)".encode() in seen
    assert b"\r\033[K\033[32mdone: 1 migration applied" in seen  # over the progress that is out of date
