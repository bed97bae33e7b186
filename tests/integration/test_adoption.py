"""Databases that other hands made: the schema decides what is applied, whatever last_successful_run says."""

import json
import re
import shutil
from contextlib import contextmanager

import pytest

from harness.migrations import (
    BASE, BIO, DONE, PENDING, REAL, REFUSED, REPLY, Folder, dump, has, history, last_run, load, migrate, rollback,
    run, status,
)
from harness.old_databases import ADD_BIO, NEWEST, OLD_BASE, REPLACE_REPLY, ROWS, prepare, rows
from harness.server import run as run_binary
from pg_cluster import connect, query

BOTH = {BASE, BIO, REPLY}
OURS = sorted(path.name.split("_")[0] for path in REAL.glob("*.sql"))[3:]
ROWS_ALONE = {"17958504129853711"}  # the schema cannot show them: they were never adopted
SHOWN = sorted(set(OURS) - ROWS_ALONE)
FUTURE = "29957810245936"  # of 14 digits, later than any of ours


@pytest.fixture(scope="module")
def old(pg_cluster):
    """The name of a template: both known changes, rows, and no history of ours."""
    url = pg_cluster.fresh_database()
    prepare(url, OLD_BASE, "both", REPLY)
    return url.rsplit("/", 1)[1]


@pytest.fixture
def url(fresh_database, old):
    return fresh_database(template=old)


def say(url, mark):
    query(url, "UPDATE schema_information SET last_successful_run = %s", mark)


MARKS = {
    "1717171717123456": NEWEST, "17171717171234567": NEWEST, "1717171717123": NEWEST, "1717171717.123456": NEWEST,
    "17957810245936": max("17957810245936", NEWEST), FUTURE: FUTURE, "2995781024.5936": "2995781024.5936", "99999999999999999": "99999999999999999",
    "": NEWEST, "0": NEWEST, "soon": NEWEST, None: NEWEST,
}


@pytest.mark.parametrize("mark, after", MARKS.items())
def test_the_mark_decides_nothing(url, mark, after):
    say(url, mark)
    before = rows(url)
    migrate(url)
    assert {version for version, row in history(url).items() if row["adopted"]} == BOTH
    assert has(url, "messages") and has(url, "activities_newest_idx") and has(url, "users_cognito_user_id_key")
    assert rows(url) == before and last_run(url) == after
    assert status(url)["pending"] == 0


def test_the_mark_stays_after_rollbacks(url):
    """The later of the two by time, whatever is undone; status says what was found."""
    say(url, "1717171717123456")
    migrate(url)
    assert last_run(url) == NEWEST and status(url)["adopted_mark"] == "1717171717123456"
    rollback(url)
    while max(history(url)) > "1717171717123456":
        assert last_run(url) == max(history(url))
        rollback(url)
    assert last_run(url) == "1717171717123456"
    assert "found at adoption: 1717171717123456" in run("status", url).stdout
    migrate(url)
    assert last_run(url) == NEWEST


def test_a_mark_that_another_runner_wrote_later_is_kept(url):
    migrate(url)
    say(url, FUTURE)
    rollback(url)
    assert last_run(url) == FUTURE
    migrate(url)
    assert last_run(url) == FUTURE and status(url)["adopted_mark"] == FUTURE


def test_two_rows_and_none_of_a_last_run(url):
    load(url, "INSERT INTO schema_information VALUES (2, '%s'), (NULL, 'x')" % FUTURE)
    migrate(url)
    assert last_run(url) == FUTURE
    load(url, "DELETE FROM schema_information; DROP TABLE schema_migrations, schema_migrations_adopted")
    migrate(url)
    assert last_run(url) == NEWEST


# --- What an earlier version believed ---


@pytest.fixture(scope="module")
def misadopted(pg_cluster, old):
    """The name of a template: an old database in which the history says that everything was found."""
    url = pg_cluster.fresh_database(template=old)
    say(url, FUTURE)
    adopted = pg_cluster.fresh_database(template=url.rsplit("/", 1)[1])
    migrate(adopted)
    load(url, run("migrate", adopted, "--dry-run").stdout)  # nothing: it is up to date
    dumped = query(adopted, "SELECT version, name, checksum, up_sql, down_sql FROM schema_migrations")
    tables = (REAL.parents[1] / "src/lib/migrate/state/history_schema.sql").read_text()
    load(url, tables)
    for row in dumped:
        if row[0] in ROWS_ALONE:
            continue
        query(url, "INSERT INTO schema_migrations (version, name, checksum, up_sql, down_sql, adopted)"
                   " VALUES (%s, %s, %s, %s, %s, true)", *row)
    return url.rsplit("/", 1)[1]


@pytest.fixture
def wrong(fresh_database, misadopted):
    return fresh_database(template=misadopted)


def test_a_wrong_adoption_is_detected_and_repaired(wrong):
    before = rows(wrong)
    found = status(wrong)
    assert found["up_to_date"] is False and (found["pending"], found["absent"]) == (len(ROWS_ALONE), len(SHOWN))
    assert {item["version"] for item in found["migrations"] if item["state"] == "absent"} == set(SHOWN)
    shown = run("status", wrong, expect=PENDING).stdout
    assert "cruddur repair --adoption" in shown and "up to date" not in shown
    for command in ("migrate", "rollback"):
        refused = run(command, wrong, expect=REFUSED)
        assert "cruddur repair --adoption" in refused.stderr and "nothing was done" in refused.stderr
    repaired = run("repair", wrong, "--adoption", expect=DONE)
    assert f"{len(SHOWN)} are pending now" in repaired.stdout and set(history(wrong)) == BOTH
    assert last_run(wrong) == FUTURE
    assert run("status", wrong, expect=PENDING).stdout.endswith(f"{len(OURS)} pending\n")
    migrate(wrong)
    assert rows(wrong) == before and has(wrong, "messages") and last_run(wrong) == FUTURE
    assert "nothing to repair" in run("repair", wrong, "--adoption", expect=DONE).stdout
    assert status(wrong)["up_to_date"] is True


def test_one_wrong_row_among_later_ones_is_no_late_file(wrong):
    """The newest was run by this program: what is repaired before it is applied all the same."""
    run("repair", wrong, "--adoption", expect=DONE)
    migrate(wrong)
    load(wrong, "DROP INDEX activities_newest_idx; UPDATE schema_migrations SET adopted = true"
                " WHERE name = 'api_indexes'")
    assert status(wrong)["absent"] == 1
    run("repair", wrong, "--adoption", expect=DONE)
    migrate(wrong)
    assert has(wrong, "activities_newest_idx") and status(wrong)["up_to_date"] is True


def test_what_this_program_ran_is_not_looked_for(url):
    """Somebody may have dropped an index on purpose."""
    migrate(url)
    load(url, "DROP INDEX activities_newest_idx")
    assert status(url)["up_to_date"] is True


def test_a_wrong_adoption_is_not_served_from(wrong, settings):
    done = run_binary("serve", **{**settings, "CONNECTION_URL": wrong})
    assert done.returncode == PENDING
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert any("cruddur repair --adoption" in line["message"] and "api_indexes" in line["pending"]
               for line in said if "pending" in line), said


def test_repair_adoption_takes_no_version(wrong):
    assert "--adoption" in run("repair", wrong, "--adoption", BIO, expect=2).stderr
    assert "--adoption" in run("repair", wrong, "--adoption", "--forget", expect=2).stderr


# --- applied-if lines ---

# What a migration can make, as (kind, name) and the statement that takes it away.
OBJECTS = """
WITH tables AS (
  SELECT oid, oid::regclass AS name FROM pg_class
  WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND relname NOT LIKE 'schema\\_%%'
)
SELECT 'column', format('%%s.%%I', name, attname), format('ALTER TABLE %%s DROP COLUMN %%I CASCADE', name, attname)
FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'default', format('%%s.%%I', name, attname), format('ALTER TABLE %%s ALTER %%I DROP DEFAULT', name, attname)
FROM tables JOIN pg_attribute ON attrelid = oid AND attnum > 0 AND atthasdef AND attgenerated = ''
UNION ALL
SELECT 'constraint', format('%%s.%%I', name, conname),
       format('ALTER TABLE %%s DROP CONSTRAINT %%I CASCADE', name, conname)
FROM tables JOIN pg_constraint ON conrelid = tables.oid AND conparentid = 0 AND contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL
SELECT 'index', indexrelid::regclass::text, format('DROP INDEX %%s', indexrelid::regclass)
FROM tables JOIN pg_index ON indrelid = oid WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT 'validity', indexrelid::regclass::text,
       format('UPDATE pg_index SET indisvalid = false WHERE indexrelid = %%s', indexrelid)
FROM tables JOIN pg_index ON indrelid = oid WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
UNION ALL
SELECT 'trigger', format('%%s.%%I', name, tgname), format('DROP TRIGGER %%I ON %%s', tgname, name)
FROM tables JOIN pg_trigger ON tgrelid = tables.oid WHERE NOT tgisinternal
UNION ALL
SELECT 'function', oid::regprocedure::text, format('DROP ROUTINE %%s CASCADE', oid::regprocedure) FROM pg_proc f
WHERE pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = f.oid AND deptype = 'e')
UNION ALL
SELECT 'type', oid::regtype::text, format('DROP TYPE %%s CASCADE', oid::regtype) FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
UNION ALL
SELECT 'sequence', oid::regclass::text, format('DROP SEQUENCE %%s CASCADE', oid::regclass) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'
UNION ALL
SELECT 'extension', extname, format('DROP EXTENSION %%I CASCADE', extname) FROM pg_extension
"""


def objects(url):
    return {(kind, name): drop for kind, name, drop in query(url, OBJECTS.replace("%%", "%"))}


def applied_if(path):
    lines = re.findall(r"^-- migrate:applied-if (.*)$", path.read_text(), re.MULTILINE)
    return " AND ".join(f"({line})" for line in lines) or "NULL::boolean"


def shows(cursor, path):
    cursor.execute(f"SELECT {applied_if(path)}")
    return cursor.fetchone()[0]


@contextmanager
def undone(connection):
    """A cursor whose work is rolled back."""
    try:
        yield connection.cursor()
    finally:
        connection.rollback()


def test_each_migration_is_recognised_by_all_its_objects(fresh_database, tmp_path):
    """Of every migration after the two known ones, the applied-if lines name whatever it makes."""
    url, folder = fresh_database(), Folder(tmp_path / "migrations")
    missed = []
    for path in sorted(REAL.glob("*.sql")):
        before = objects(url)
        with undone(connect(url, autocommit=False)) as cursor:
            assert path.name.split("_")[0] in BOTH or shows(cursor, path) is not True, path.name
        shutil.copy(path, folder.path)
        migrate(url, dir=folder)
        made = {key: drop for key, drop in objects(url).items() if key not in before}
        if path.name.split("_")[0] in BOTH:
            continue
        if not made:  # it changes rows alone, and may do so again
            assert "-- migrate:applied-if" not in path.read_text(), path.name
            continue
        connection = connect(url, autocommit=False)
        with undone(connection) as cursor:
            assert shows(cursor, path) is True, path.name
        for key, drop in made.items():
            with undone(connection) as cursor:
                cursor.execute(drop)
                if shows(cursor, path) is not False:
                    missed.append((path.name, *key))
        connection.close()
    assert not missed


def test_a_database_without_last_run_and_with_its_own_tables(fresh_database):
    """An operator's own tables and columns are neither in the way nor touched."""
    url = fresh_database()
    load(url, OLD_BASE + ROWS + ADD_BIO + REPLACE_REPLY + """
      ALTER TABLE users ADD COLUMN avatar text DEFAULT 'none';
      CREATE TABLE likes (user_uuid uuid REFERENCES users (uuid), activity_uuid uuid);
      INSERT INTO likes SELECT user_uuid, uuid FROM activities LIMIT 20;""")
    before, likes = rows(url), query(url, "SELECT * FROM likes ORDER BY 2")
    migrate(url)
    assert query(url, "SELECT * FROM likes ORDER BY 2") == likes and rows(url) == before
    assert any("avatar text DEFAULT" in line for line in dump(url))
