"""`-- migrate:repeat`: a backfill in batches, each committed, that goes on where it was cut off."""

import pytest

from harness.migrations import (
    DONE, FAILED, Folder, Runner, dump, history, load, migrate, progress, rollback, status, waits_in,
)
from pg_cluster import query

BATCH = """-- migrate:up transaction:false
ALTER TABLE a ADD COLUMN IF NOT EXISTS lower_name text;
-- migrate:repeat
UPDATE a SET lower_name = lower(name), times = times + 1
WHERE id IN (SELECT id FROM a WHERE lower_name IS NULL ORDER BY id LIMIT 100);
ALTER TABLE a ALTER lower_name SET NOT NULL;
-- migrate:down transaction:false
-- migrate:repeat
DELETE FROM a WHERE id IN (SELECT id FROM a LIMIT 300);
ALTER TABLE a DROP COLUMN lower_name;
"""


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "migrations")


@pytest.fixture
def url(fresh_database):
    url = fresh_database()
    load(url, "CREATE TABLE a (id serial PRIMARY KEY, name text, times integer DEFAULT 0);"
              "INSERT INTO a (name) SELECT 'Name ' || n FROM generate_series(1, 1050) n;")
    return url


def test_each_batch_is_a_transaction(url, folder):
    version = folder.write(BATCH)
    done = migrate(url, dir=folder)
    assert "statement 2 changed 1050 rows in 11 batches" in done.stderr
    assert query(url, "SELECT count(*), count(DISTINCT xmin::text), sum(times) FROM a WHERE lower_name = lower(name)") == [
        (1050, 11, 1050)]
    assert version in history(url) and not progress(url)
    done = rollback(url, dir=folder)
    assert "statement 1 changed 1050 rows in 4 batches" in done.stderr


def test_a_backfill_that_fails_goes_on_after_its_last_batch(url, folder):
    version = folder.write(BATCH)
    load(url, "ALTER TABLE a ADD CONSTRAINT no CHECK (id <> 450 OR times = 0)")
    done = migrate(url, dir=folder, expect=FAILED)
    assert "1 of 3 statements are done and stay; the next run goes on with this one" in done.stderr
    assert progress(url) == {version: (1, False)} and status(url, folder, {version: "partial"})
    assert query(url, "SELECT count(*) FROM a WHERE times = 1") == [(400,)]  # four batches stay
    load(url, "ALTER TABLE a DROP CONSTRAINT no")
    migrate(url, dir=folder)
    assert query(url, "SELECT min(times), max(times) FROM a") == [(1, 1)]


@pytest.mark.parametrize("end", ["kill", "interrupt"])
def test_a_runner_that_ends_between_batches(url, folder, end):
    """A batch sleeps: what was committed before it stays, and none is done twice."""
    version = folder.write(BATCH)
    load(url, "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
              " 'BEGIN PERFORM pg_sleep(600); RETURN NEW; END';"
              "CREATE TRIGGER wait BEFORE UPDATE ON a FOR EACH ROW WHEN (old.id = 250) EXECUTE FUNCTION wait();")
    runner = Runner("migrate", url, dir=folder)
    waits_in(url, "UPDATE a SET", kind="Timeout")  # in the third batch
    getattr(runner, end)()
    runner.end()
    load(url, "DROP TRIGGER wait ON a")
    assert progress(url) == {version: (1, False)}
    assert query(url, "SELECT count(*) FROM a WHERE times = 1") == [(200,)]
    migrate(url, dir=folder)
    assert query(url, "SELECT min(times), max(times) FROM a") == [(1, 1)]


def test_it_is_printed_and_rehearsed(url, folder):
    folder.write(BATCH)
    before = dump(url)
    printed = migrate(url, "--dry-run", dir=folder).stdout
    assert "-- a run repeats this transaction until this changes no row\nUPDATE a SET" in printed
    done = migrate(url, "--rehearse", dir=folder, expect=DONE)
    assert "statement 2 changed 1050 rows in 11 batches" in done.stderr
    assert dump(url) == before
