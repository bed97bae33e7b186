"""Migrations applied, undone, listed, linted, rehearsed: what an operator does on good days."""

import json
import os
import re
import subprocess

import pytest

from harness.migrations import (
    BINARY, DONE, FAILED, PENDING, REAL, REFUSED, UNAVAILABLE, USAGE, CREDENTIALS, Folder, columns, dump, has, history,
    last_run, load, migrate, progress, rollback, run, status,
)
from harness.server import environment
from pg_cluster import psql, query


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "migrations")


@pytest.fixture
def url(fresh_database):
    return fresh_database()


def three(folder):
    """Three tables, each undone by its way back; their versions."""
    return [folder.add(f"CREATE TABLE t{i} (a int);", f"DROP TABLE t{i};") for i in (1, 2, 3)]


def test_applies_in_the_order_of_time(url, folder):
    """Not in the order of the digits as a number: one of 15 digits may be later."""
    folder.add("INSERT INTO seen VALUES (DEFAULT, 'third');", version="168865974536313")
    folder.add("CREATE TABLE seen (n serial, word text);", version="16812294605993273")
    folder.add("INSERT INTO seen VALUES (DEFAULT, 'second');", version="1682939383240204")
    done = migrate(url, dir=folder)
    assert query(url, "SELECT word FROM seen ORDER BY n") == [("second",), ("third",)]
    assert re.findall(r"applied (\d+)_m \(\d+ ms\)", done.stdout) == [
        "16812294605993273", "1682939383240204", "168865974536313"]
    assert last_run(url) == "168865974536313"


def test_the_history_tells_everything(url, folder):
    version = folder.add("CREATE TABLE a (b int);", "DROP TABLE a;", name="make_a")
    migrate(url, dir=folder)
    row = history(url)[version]
    assert row["name"] == "make_a" and not row["adopted"] and row["duration_ms"] >= 0
    assert row["up_sql"] == "-- migrate:up \nCREATE TABLE a (b int);\n\n"
    assert row["down_sql"] == "-- migrate:down \nDROP TABLE a;\n"
    assert re.fullmatch("[0-9a-f]{64}", row["checksum"])
    assert row["applied_by"].startswith("postgres (") and "@" in row["applied_by"]


def test_rows_of_the_history_commit_with_the_change(url, folder):
    """One transaction id for the change, the history and last_successful_run."""
    version = folder.add("CREATE TABLE a (b int);")
    migrate(url, dir=folder)
    found = query(url, """
      SELECT (SELECT xmin::text FROM pg_class WHERE oid = 'a'::regclass),
             (SELECT xmin::text FROM schema_migrations WHERE version = %s),
             (SELECT xmin::text FROM schema_information WHERE id = 1)""", version)[0]
    assert len(set(found)) == 1


def test_up_to_date_exits_0_and_pending_3(url, folder):
    first, second, third = three(folder)
    assert run("status", url, dir=folder).returncode == PENDING
    migrate(url, dir=folder)
    done = run("status", url, dir=folder)
    assert done.returncode == DONE and "up to date" in done.stdout
    found = status(url, folder, {first: "applied", second: "applied", third: "applied"})
    assert found["last_successful_run"] == found["newest_applied"] == third
    folder.add("SELECT 1;")
    assert status(url, folder)["pending"] == 1


def test_rollback_one_and_steps_and_to(url, folder):
    first, second, third = three(folder)
    fourth = folder.add("CREATE TABLE t4 (a int);", "DROP TABLE t4;")
    migrate(url, dir=folder)
    rollback(url, dir=folder)
    assert not has(url, "t4") and last_run(url) == third and fourth not in history(url)
    rollback(url, "--steps", "2", dir=folder)
    assert not has(url, "t2") and has(url, "t1") and last_run(url) == first
    migrate(url, dir=folder)
    rollback(url, "--to", second, dir=folder)
    assert last_run(url) == second and has(url, "t2") and not has(url, "t3")
    rollback(url, "--to", "0", dir=folder)
    assert last_run(url) == "0" and not history(url) and not has(url, "t1")
    assert "nothing to roll back" in rollback(url, dir=folder).stdout


def test_rollback_runs_what_was_stored(url, folder):
    """The file may be gone or say something else by then."""
    version = folder.add("CREATE TABLE a (b int);", "DROP TABLE a;")
    migrate(url, dir=folder)
    folder.file(version).write_text("-- migrate:up\nCREATE TABLE a (b int);\n-- migrate:down\nSELECT 1/0;\n")
    rollback(url, dir=folder)
    assert not has(url, "a")
    folder.file(version).write_text("-- migrate:up\nCREATE TABLE a (b int);\n-- migrate:down\nDROP TABLE a;\n")
    migrate(url, dir=folder)
    folder.file(version).unlink()
    rollback(url, dir=folder)
    assert not has(url, "a") and not history(url)


def test_rollback_without_a_way_back_does_nothing(url, folder):
    folder.add("CREATE TABLE a (b int);")
    folder.add("CREATE TABLE c (d int);", "DROP TABLE c;")
    migrate(url, dir=folder)
    done = rollback(url, "--steps", "2", dir=folder, expect=REFUSED)
    assert "no way back; nothing was done" in done.stderr
    assert has(url, "a") and has(url, "c")


def test_rollback_to_what_is_not_applied(url, folder):
    three(folder)
    migrate(url, dir=folder)
    assert "not applied" in rollback(url, "--to", "1234567890", dir=folder, expect=USAGE).stderr
    assert "takes a version" in rollback(url, "--to", "soon", dir=folder, expect=USAGE).stderr
    rollback(url, "--steps", "0", dir=folder, expect=USAGE)
    rollback(url, "--steps", "2", "--to", "0", dir=folder, expect=USAGE)
    assert len(history(url)) == 3


def test_a_late_file_is_named_with_the_flag(url, folder):
    first, second, third = three(folder)
    migrate(url, dir=folder)
    late = folder.add("CREATE TABLE late (a int);", "DROP TABLE late;", version="1700000002500")
    newer = folder.add("CREATE TABLE newer (a int);", "DROP TABLE newer;")
    status(url, folder, {first: "applied", second: "applied", third: "applied", late: "late", newer: "pending"})
    done = migrate(url, dir=folder, expect=REFUSED)
    assert f"{late}_m.sql" in done.stderr and "--allow-late" in done.stderr and "nothing was done" in done.stderr
    assert not has(url, "newer")
    migrate(url, "--allow-late", dir=folder)
    assert has(url, "late") and has(url, "newer") and last_run(url) == newer


def test_a_late_file_alone_leaves_last_successful_run(url, folder):
    third = three(folder)[2]
    migrate(url, dir=folder)
    folder.add("CREATE TABLE late (a int);", version="1700000002500")
    migrate(url, "--allow-late", dir=folder)
    assert has(url, "late") and last_run(url) == third


def test_a_changed_file_is_shown_and_repaired(url, folder):
    version = folder.add("CREATE TABLE a (\n  b int\n);", "DROP TABLE a;")
    migrate(url, dir=folder)
    text = folder.file(version).read_text()
    folder.file(version).write_text("-- a comment\n" + text.replace("CREATE", "create"))
    assert status(url, folder)["migrations"][0]["state"] == "applied"  # only what it says counts
    folder.file(version).write_text(text.replace("b int", "b bigint"))
    folder.add("CREATE TABLE c (d int);")
    done = migrate(url, dir=folder, expect=REFUSED)
    assert "-  b int\n+  b bigint\n" in done.stderr and "cruddur repair" in done.stderr
    assert not has(url, "c") and status(url, folder)["migrations"][0]["state"] == "changed"
    assert "accepted" in run("repair", url, version, dir=folder, expect=DONE).stdout
    assert "b bigint" in history(url)[version]["up_sql"]
    migrate(url, dir=folder)
    assert has(url, "c") and columns(url, "a") == ["b"]
    assert "nothing to repair" in run("repair", url, dir=folder, expect=DONE).stdout


def test_a_missing_file_is_told_and_hurts_nothing(url, folder):
    version = three(folder)[1]
    migrate(url, dir=folder)
    folder.file(version).unlink()
    folder.add("CREATE TABLE c (d int);")
    done = migrate(url, dir=folder)
    assert f"{version}_m is applied, but there is no such migration here" in done.stderr
    assert has(url, "c")


def test_a_dry_run_prints_what_would_run_and_changes_nothing(fresh_database, folder):
    url, other = fresh_database(), fresh_database()
    three(folder)
    folder.add("CREATE INDEX CONCURRENTLY i ON t1 (a);", options="transaction:false")
    sql = migrate(url, "--dry-run", dir=folder).stdout
    assert dump(url, history=True) == dump(other, history=True)
    psql(other, sql=sql)  # what it prints does the same
    migrate(url, dir=folder)
    assert dump(url, history=True) == dump(other, history=True)
    assert history(url).keys() == history(other).keys() and last_run(url) == last_run(other)
    assert status(other, folder)["pending"] == 0
    assert "nothing to do" in migrate(url, "--dry-run", dir=folder).stdout


def test_a_dry_run_needs_no_database(folder):
    three(folder)
    done = run("migrate", None, "--dry-run", dir=folder, expect=DONE)
    assert "CREATE TABLE t3" in done.stdout and "CONNECTION_URL is not set" in done.stderr


def test_a_rehearsal_tells_time_and_locks_and_changes_nothing(url, folder):
    folder.add("CREATE TABLE a (b int);")
    migrate(url, dir=folder)
    before = dump(url, history=True)
    folder.add("ALTER TABLE a ADD COLUMN c int;")
    folder.add("CREATE INDEX CONCURRENTLY i ON a (b);\nVACUUM a;", options="transaction:false")
    done = migrate(url, "--rehearse", dir=folder)
    assert re.search(r"rehearsed 17000000020000000_m \(\d+ ms\), takes\n    AccessExclusiveLock on a\n", done.stdout)
    assert "    ShareLock on a\n" in done.stdout and "rolled back: nothing changed" in done.stdout
    assert ":3: left out of the rehearsal" in done.stderr
    assert dump(url, history=True) == before and len(history(url)) == 1


def test_a_rehearsal_leaves_out_only_what_it_must(url, folder):
    """By the statement's kind: words such as subscription, system or COMMIT say nothing by themselves."""
    load(url, "CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN CREATE TABLE lost (); COMMIT; END';"
              "CREATE PROCEDURE fills() LANGUAGE plpgsql AS 'BEGIN CREATE TABLE kept (); END';")
    folder.add("CREATE TABLE a (b int);\nALTER TABLE a ADD COLUMN subscription text, ADD COLUMN system text;\n"
               "DO $$ BEGIN CREATE TEMP TABLE t (c int) ON COMMIT DROP; INSERT INTO t VALUES (1); END $$;\n"
               "INSERT INTO a (subscription, system) VALUES ('x', 'y');\n"
               "CALL fills();\nALTER TABLE kept ADD COLUMN d int;\nCALL commits();\n"
               "DO $$ BEGIN INSERT INTO a VALUES (1); COMMIT; END $$;", options="transaction:false")
    done = migrate(url, "--rehearse", dir=folder)
    left_out = re.findall(r":(\d+): left out of the rehearsal: it ends transactions by itself: (.*)", done.stderr)
    assert left_out == [("8", "CALL commits()"), ("9", "DO $$ BEGIN INSERT INTO a VALUES (1); COMMIT; END $$")]
    assert not has(url, "a") and not has(url, "kept")
    migrate(url, dir=folder)
    assert has(url, "lost") and columns(url, "kept") == ["d"] and query(url, "SELECT count(*) FROM a") == [(2,)]


def test_a_rehearsal_finds_what_fails_in_code(url, folder):
    folder.add("DO $$ BEGIN PERFORM 1/0; COMMIT; END $$;", options="transaction:false")
    assert "division by zero" in migrate(url, "--rehearse", dir=folder, expect=FAILED).stderr


def test_a_rehearsal_finds_what_fails(url, folder):
    folder.add("CREATE TABLE a (b int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (1), (1);")
    done = migrate(url, "--rehearse", dir=folder, expect=FAILED)
    assert "duplicate key" in done.stderr and "everything was rolled back" in done.stderr
    assert not has(url, "a") and not has(url, "schema_migrations")


def test_verify_finds_a_way_back_that_leads_elsewhere(url, folder):
    folder.add("CREATE TABLE a (b int, c int);", "DROP TABLE a;")
    bad = folder.add("ALTER TABLE a DROP COLUMN c, ADD d int;", "ALTER TABLE a DROP COLUMN d;")
    done = run("verify", url, dir=folder, expect=FAILED)
    assert f"{bad}_m.sql: error: its way back leads elsewhere" in done.stderr
    assert "-column public.a.c integer" in done.stderr
    assert not has(url, "a") and not has(url, "schema_migrations")


def test_verify_finds_a_second_way_up_that_leads_elsewhere(url, folder):
    folder.add("CREATE TABLE a (b int);\nCREATE TYPE e AS ENUM ('x');", "DROP TABLE a; DROP TYPE e;")
    folder.add("DO $$ BEGIN IF current_setting('x.y', true) IS NULL THEN PERFORM set_config('x.y', '1', true); END IF;"
               " END $$;\nCREATE SEQUENCE IF NOT EXISTS s START 5;", "SELECT 1;")
    done = run("verify", url, dir=folder, expect=FAILED)
    assert "its way back leads elsewhere" in done.stderr and "sequence public.s" in done.stderr


def test_verify_drops_its_database_when_a_migration_fails(url, folder):
    folder.add("SELECT 1/0;", "SELECT 1;")
    assert "division by zero" in run("verify", url, dir=folder, expect=FAILED).stderr
    assert query(url, "SELECT count(*) FROM pg_database WHERE datname LIKE %s", "%verify%") == [(0,)]


def test_lint_names_place_and_rule(url, folder):
    version = folder.add("CREATE TABLE a (b int);\nDROP TABLE IF EXISTS old_one;")
    done = migrate(url, "--lint", dir=folder, expect=FAILED)
    assert f"{version}_m.sql:3:1: warning: DROP" in done.stderr and "[drop]" in done.stderr
    assert "DROP TABLE IF EXISTS old_one;\n      | ^" in done.stderr and "[missing-down]" in done.stderr
    assert not has(url, "a")
    done = migrate(url, dir=folder)  # by default it warns
    assert "[drop]" in done.stderr and has(url, "a")


def test_lint_asks_the_database_for_the_size(url, folder):
    load(url, "CREATE TABLE big (b text); INSERT INTO big SELECT repeat('x', 1000) FROM generate_series(1, 10000);"
              "CREATE TABLE small (b text);")
    folder.add("CREATE INDEX i ON small (b);", "DROP INDEX i;")
    assert "nothing found" in migrate(url, "--lint", dir=folder).stdout
    folder.add("CREATE INDEX j ON big (b);", "DROP INDEX j;")
    assert "[index-not-concurrent]" in migrate(url, "--lint", dir=folder, expect=FAILED).stderr
    assert "[index-not-concurrent]" in run("migrate", None, "--lint", dir=folder, expect=FAILED).stderr


def test_lint_names_locks_and_sizes(fresh_database, url, folder, tmp_path):
    """On a pull request, without a database: the sizes come from a file that production wrote."""
    sizes = tmp_path / "sizes.json"
    load(url, "CREATE TABLE big (b text); INSERT INTO big SELECT repeat('x', 1000) FROM generate_series(1, 10000);"
              "CREATE SCHEMA other; CREATE TABLE other.small (b text); ANALYZE big;")
    run("status", url, "--sizes", str(sizes), dir=folder, expect=DONE)
    assert {table["name"] for table in json.loads(sizes.read_text())["tables"]} == {"big", "other.small"}
    folder.add("ALTER TABLE other.small ALTER b TYPE int USING 1;\nCREATE TABLE new (b int);", "SELECT 1;")
    options = ("--lint", "--sizes", str(sizes))
    run("migrate", None, *options, dir=folder, expect=DONE)
    folder.add("ALTER TABLE public.big ALTER b TYPE varchar;", "SELECT 1;")
    for database in (None, fresh_database()):  # the file counts, not the database at hand
        done = run("migrate", database, *options, dir=folder, expect=FAILED)
        assert re.search(r"detail: lock: ACCESS EXCLUSIVE, while every row and every index is written again; "
                         r"on public.big; it has 11\.\d MiB, about 10000 rows\n", done.stderr)
    assert "on public.big\n" in run("migrate", None, "--lint", dir=folder, expect=FAILED).stderr


def test_files_of_sizes_that_are_none(url, folder, tmp_path):
    sizes = tmp_path / "sizes.json"
    for text in ("", "[]", "{}", '{"tables": [{"name": "a"}]}', '{"tables": 7}'):
        sizes.write_text(text)
        assert "sizes.json" in run("migrate", None, "--lint", "--sizes", str(sizes), dir=folder, expect=USAGE).stderr
    run("migrate", url, "--sizes", str(sizes), dir=folder, expect=USAGE)
    done = run("status", url, "--sizes", str(tmp_path / "nowhere" / "f"), dir=folder, expect=USAGE)
    assert "No such file or directory" in done.stderr


def test_new_migrations_sort_after_every_other(folder, url):
    folder.add("SELECT 1;", version="99999999980000000")
    names = []
    for name in ("Add Likes", "add--more?", "x"):
        done = run("migration", None, "new", name, dir=folder, expect=DONE)
        names.append(done.stdout.strip().rsplit("/", 1)[1])
    assert names == ["99999999980000001_add_likes.sql", "99999999980000002_add_more.sql", "99999999980000003_x.sql"]
    migrate(url, dir=folder)
    run("migration", None, "new", "!?", dir=folder, expect=USAGE)
    run("migration", None, "new", dir=folder, expect=USAGE)
    run("migration", None, "old", "x", dir=folder, expect=USAGE)


def test_a_new_version_has_17_digits_of_now(folder):
    done = run("migration", None, "new", "x", dir=folder, expect=DONE)
    assert re.search(r"/\d{17}_x\.sql\n$", done.stdout)


def test_settings_of_a_migration_stay_its_own(url, folder):
    folder.add("CREATE SCHEMA other;\nSET search_path = other;\nSET ROLE pg_monitor;\nRESET ROLE;\nCREATE TABLE a (b int);")
    folder.add("CREATE TABLE c (d int);")
    migrate(url, dir=folder)
    assert has(url, "other.a") and has(url, "public.c")


LEAKS = {
    "capitals": "SELECT SET_CONFIG('search_path', 'other', false);",
    "a function": "CREATE FUNCTION leak() RETURNS text LANGUAGE sql AS"
                  " 'SELECT pg_catalog.set_config(''search_path'', ''other'', false)';\nSELECT leak();",
    "a role": "DO $$ BEGIN PERFORM pg_catalog.set_config('role', 'pg_database_owner', false); END $$;\nRESET ROLE;"
              "DO $$ BEGIN EXECUTE 'SET search_path = other'; END $$;",
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_no_way_of_setting_leaks_into_the_next_migration(url, folder, leak):
    load(url, "CREATE SCHEMA other")
    folder.add(leak)
    folder.add("CREATE TABLE c (d int);")
    migrate(url, dir=folder)
    assert has(url, "public.c") and not has(url, "other.c")


@pytest.mark.parametrize("sql, code", [
    ("VACUUM;", "25001"), ("CREATE TABLE a (b int);\nCREATE INDEX CONCURRENTLY i ON a (b);", "25001"),
    ("ALTER TYPE e ADD VALUE 'b';\nCREATE TABLE c AS SELECT 'b'::e;", "55P04"),
    ("DO $$ BEGIN COMMIT; END $$;", "2D000"),
], ids=["vacuum", "index", "enum", "commit"])
def test_the_hint_names_transaction_false(url, folder, sql, code):
    load(url, "CREATE TYPE e AS ENUM ('a')")
    folder.add(sql)
    done = migrate(url, dir=folder, expect=FAILED)
    assert f"[{code}]" in done.stderr
    assert re.search(r"^(hint: |    )write transaction:false behind the section's marker", done.stderr, re.MULTILINE)


def test_files_of_other_editors(url, folder):
    """A byte order mark is skipped, UTF-16 is named, a lone return ends a comment as psql has it."""
    (folder.path / "1700000001_m.sql").write_bytes("\ufeff-- migrate:up\r\nCREATE TABLE a ();\r\n".encode())
    (folder.path / "1700000002_m.sql").write_bytes(b"-- migrate:up\n-- first\rCREATE TABLE b ();\nSELECT 1;\n")
    migrate(url, dir=folder)
    assert has(url, "a") and has(url, "b")
    (folder.path / "1700000003_m.sql").write_bytes("-- migrate:up\nSELECT 1;\n".encode("utf-16"))
    assert "1700000003_m.sql: this is UTF-16; save it as UTF-8" in migrate(url, dir=folder, expect=FAILED).stderr


def test_the_session_is_in_utc(url, folder):
    folder.add("CREATE TABLE a AS SELECT current_setting('TimeZone') zone;")
    migrate(url, dir=folder)
    assert query(url, "SELECT zone FROM a") == [("UTC",)]


def test_what_a_migration_warns_of_is_told(url, folder):
    folder.add("DO $$ BEGIN RAISE WARNING 'look here' USING DETAIL = 'at this'; RAISE NOTICE 'noise'; END $$;")
    done = migrate(url, dir=folder)
    assert "warning: look here\nat this" in done.stderr and "noise" not in done.stderr


def test_the_embedded_migrations_are_those_of_the_folder(url):
    migrate(url)
    assert status(url, REAL)["pending"] == 0


@pytest.mark.parametrize("command", ["migrate", "rollback", "status", "verify", "repair", "migration"])
def test_help_and_wrong_flags(command):
    done = subprocess.run([str(BINARY), command, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Usage: cruddur {command}") and not done.stderr
    done = subprocess.run([str(BINARY), command, "--nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == USAGE and not done.stdout


def test_no_url_is_a_usage_error(folder):
    for command in ("migrate", "rollback", "status", "verify", "repair"):
        done = run(command, None, dir=folder, expect=USAGE)
        assert "CONNECTION_URL" in done.stderr


def test_a_url_that_makes_no_sense_does_not_tell_the_password(folder):
    done = run("migrate", "postgresql://u:secret@host:port/d", dir=folder, expect=USAGE)
    assert "secret" not in done.stderr
    done = run("migrate", "password=secret nonsense", dir=folder, expect=USAGE)
    assert "secret" not in done.stderr


def test_nobody_at_home(folder, tmp_path):
    done = migrate(f"postgresql:///d?host={tmp_path}", dir=folder, expect=UNAVAILABLE)
    assert "cannot connect to the database" in done.stderr


def test_a_database_that_is_not_there(url, folder):
    assert "does not exist" in migrate(url + "x", dir=folder, expect=FAILED).stderr


def test_a_role_that_is_not_there(url, folder):
    done = migrate(url.replace("postgres@", "nobody_at_all@"), dir=folder, expect=CREDENTIALS)
    assert "nobody_at_all" in done.stderr


def test_a_role_that_may_not(url, folder, pg_cluster):
    load(url, "DO $$ BEGIN CREATE ROLE weak LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;")
    folder.add("SELECT 1;")
    done = run("migrate", url.replace("postgres@", "weak@"), dir=folder, expect=CREDENTIALS)
    assert "permission denied" in done.stderr


def test_a_folder_that_is_not_there(url, tmp_path):
    assert "folder" in migrate(url, dir=tmp_path / "nowhere", expect=USAGE).stderr


def test_twins_and_bad_names_are_refused(url, folder):
    folder.add("SELECT 1;", version="1700000001")
    folder.add("SELECT 1;", version="17000000010")
    assert "have the same version" in migrate(url, dir=folder, expect=FAILED).stderr
    folder.file("17000000010").rename(folder.path / "not_a_version.sql")
    assert "VERSION_name.sql" in migrate(url, dir=folder, expect=FAILED).stderr


def test_another_tools_table_is_recognised(url, folder):
    load(url, "CREATE TABLE schema_migrations (version text PRIMARY KEY)")
    folder.add("SELECT 1;")
    done = migrate(url, dir=folder, expect=FAILED)
    assert "another tool's table" in done.stderr


def test_what_cannot_be_looked_for_is_not_adopted(url, folder):
    """A migration without applied-if is applied, whatever last_successful_run says."""
    load(url, "CREATE TABLE schema_information (id integer UNIQUE, last_successful_run text);"
              "INSERT INTO schema_information VALUES (1, '170000000250');")
    versions = three(folder)
    status(url, folder, {version: "pending" for version in versions})
    migrate(url, dir=folder)
    assert has(url, "t1") and has(url, "t3") and last_run(url) == versions[-1]
    assert not any(row["adopted"] for row in history(url).values())


def test_a_gap_found_at_adoption_is_filled_even_on_a_later_run(url, folder):
    """What is missing between what is there is no late file."""
    gap = folder.write("-- migrate:applied-if to_regclass('gap') IS NOT NULL\n-- migrate:up\nSELECT 1/0;\n")
    there = folder.write("-- migrate:applied-if to_regclass('there') IS NOT NULL\n-- migrate:up\nSELECT 1/0;\n")
    load(url, "CREATE TABLE there (a int)")
    migrate(url, dir=folder, expect=FAILED)
    assert set(history(url)) == {there}
    folder.file(gap).write_text("-- migrate:applied-if to_regclass('gap') IS NOT NULL\n-- migrate:up\nCREATE TABLE gap ();\n")
    migrate(url, dir=folder)
    assert has(url, "gap") and set(history(url)) == {gap, there} and not progress(url)
    assert last_run(url) == there


def test_an_applied_if_that_fails_is_named(url, folder):
    folder.write("-- migrate:applied-if no_such_function()\n-- migrate:up\nSELECT 1;\n")
    done = migrate(url, dir=folder, expect=FAILED)
    assert "migrate:applied-if" in done.stderr and "no_such_function" in done.stderr


def test_status_json_is_one_object(url, folder):
    folder.add("SELECT 1;", name="a-name_1")
    done = run("status", url, "--json", dir=folder)
    item = json.loads(done.stdout)["migrations"][0]
    assert item == {"version": "17000000010000000", "name": "a-name_1", "state": "pending", "pending": True,
                    "applied_at": None, "applied_by": None, "duration_ms": None, "adopted": False,
                    "statements_done": None}


def test_a_result_of_many_rows_is_not_gathered(url, folder):
    """A SELECT of 400 MB in a migration must not take 400 MB here."""
    folder.add("SELECT repeat('x', 1000) FROM generate_series(1, 400000);\nCREATE TABLE a (b int);")
    command = [str(BINARY), "migrate", "--dir", str(folder)]
    asan = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # freed memory is not kept
    settings = environment(CONNECTION_URL=url, ASAN_OPTIONS=asan)
    process = subprocess.Popen(command, env=settings, stdout=subprocess.DEVNULL)
    _, code, used = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(code) == DONE and has(url, "a")
    assert used.ru_maxrss < 300_000  # kilobytes; sanitizers alone take two thirds of that


def test_the_host_and_the_database_that_were_changed_are_named(url, folder, pg_cluster):
    three(folder)
    name = query(url, "SELECT current_database()")[0][0]
    where = f"{name} on {pg_cluster.folder}"
    assert f"done: 3 migrations applied to {where}; the database is at" in migrate(url, dir=folder).stdout
    undone = rollback(url, "--steps", "2", dir=folder).stdout
    assert f"done: 2 migrations rolled back in {where}; the database is at" in undone


@pytest.mark.parametrize("command", ["migrate", "rollback", "status", "verify"])
def test_a_url_without_a_database_is_refused(command, folder, pg_cluster):
    """libpq would take the database that is called like the user."""
    three(folder)
    bare = f"postgresql://postgres@/?host={pg_cluster.folder}"
    done = run(command, bare, dir=folder, expect=USAGE)
    assert "CONNECTION_URL names no database, for example" in done.stderr
