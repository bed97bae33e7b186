"""An operator's own objects on columns that our migrations drop and make again: named before anything runs."""

import pytest

from harness.migrations import FAILED, REFUSED, REPLY, dump, has, last_run, load, migrate, run
from harness.old_databases import ALTER_REPLY, NEWEST, OLD_BASE, ROWS, prepare
from pg_cluster import query

COLUMN = "activities.reply_to_activity_uuid"
MESSAGES = "SELECT uuid, user_uuid, message, created_at FROM activities ORDER BY uuid"

# What stands on the column, and whether Postgres would have refused by itself.
OBJECTS = {
    "view replied": ("CREATE VIEW replied AS SELECT uuid, reply_to_activity_uuid FROM activities;", True),
    "materialized view replied": (
        "CREATE MATERIALIZED VIEW replied AS SELECT reply_to_activity_uuid FROM activities;", True),
    "rule quiet of activities": (
        "CREATE RULE quiet AS ON DELETE TO activities WHERE old.reply_to_activity_uuid = 1 DO INSTEAD NOTHING;", True),
    "policy mine of activities": (
        "CREATE POLICY mine ON activities FOR SELECT TO PUBLIC USING (reply_to_activity_uuid IS NULL);", True),
    "trigger noted of activities": (
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER noted BEFORE UPDATE OF reply_to_activity_uuid ON activities"
        " FOR EACH ROW EXECUTE FUNCTION note();", True),
    "generated column activities.is_reply": (
        "ALTER TABLE activities ADD is_reply boolean GENERATED ALWAYS AS (reply_to_activity_uuid IS NOT NULL) STORED;",
        True),
    "foreign key to_thread of activities": (
        "CREATE TABLE threads (id integer PRIMARY KEY); ALTER TABLE activities ADD CONSTRAINT to_thread"
        " FOREIGN KEY (reply_to_activity_uuid) REFERENCES threads;", False),
    "default": ("ALTER TABLE activities ALTER reply_to_activity_uuid SET DEFAULT 0;", False),
    "CHECK positive of activities": (
        "ALTER TABLE activities ADD CONSTRAINT positive CHECK (reply_to_activity_uuid > 0 AND likes_count > -1);", False),
    "index mine_idx": ("CREATE INDEX mine_idx ON activities (reply_to_activity_uuid);", False),
    "UPDATE right of pg_monitor": ("GRANT UPDATE (reply_to_activity_uuid) ON activities TO pg_monitor;", False),
}


@pytest.fixture(scope="module")
def integers(pg_cluster):
    """The name of a template: the old base, where replies name numbers."""
    url = pg_cluster.fresh_database()
    load(url, OLD_BASE + ROWS)
    return url.rsplit("/", 1)[1]


def statements(stderr, words):
    """The lines behind the one that begins with `words`."""
    lines = iter(stderr.splitlines())
    for line in lines:
        if line.startswith(words):
            break
    found = []
    for line in lines:
        if not line.startswith("  "):
            if not found or line.startswith(("and behind", "cruddur")):
                break
        found.append(line)
    return "\n".join(found)


@pytest.mark.parametrize("name, made", OBJECTS.items())
def test_what_stands_on_the_column_is_named_before_anything_runs(fresh_database, integers, name, made):
    make, blocks = made
    url = fresh_database(template=integers)
    load(url, make)
    schema, messages = dump(url), query(url, MESSAGES)
    for arguments in ([], ["--rehearse"], ["--dry-run"]):
        done = migrate(url, *arguments, expect=REFUSED)
        says = "stops the migration" if blocks else "would disappear with the column"
        assert f"\n  {name} on {COLUMN} {says}\n" in done.stderr
        assert "nothing was done" in done.stderr
    assert dump(url) == schema
    drop = statements(done.stderr, "next: ")
    load(url, drop)
    migrate(url)
    assert last_run(url) == NEWEST and query(url, MESSAGES) == messages
    if not name.startswith(("rule", "foreign key", "default", "CHECK")):  # these speak of integers
        load(url, statements(done.stderr, "and behind it"))


def test_views_on_views_are_dropped_in_order(fresh_database, integers):
    url = fresh_database(template=integers)
    load(url, "CREATE VIEW a AS SELECT reply_to_activity_uuid AS parent, uuid FROM activities;"
              "CREATE VIEW b AS SELECT parent FROM a; CREATE VIEW c AS SELECT a.uuid, b.parent FROM a, b;")
    done = migrate(url, expect=REFUSED)
    assert statements(done.stderr, "next: ").split("\n") == ["  DROP VIEW c;", "  DROP VIEW b;", "  DROP VIEW a;"]
    load(url, statements(done.stderr, "next: "))
    migrate(url)
    load(url, statements(done.stderr, "and behind it"))
    assert has(url, "c")


def test_a_column_that_moves_keeps_what_stands_on_it(fresh_database):
    """The brother: a column that stands before created_at is moved to the end of its table."""
    url = fresh_database()
    prepare(url, OLD_BASE, "both", REPLY, ALTER_REPLY)
    load(url, "CREATE INDEX mine ON activities (reply_to_activity_uuid)")
    done = migrate(url, expect=REFUSED)
    assert f"index mine on {COLUMN} would disappear" in done.stderr
    load(url, "DROP INDEX mine")
    migrate(url)


def test_what_stands_elsewhere_is_not_in_the_way(fresh_database):
    """Objects on columns that stay, and on a column that has been replaced already."""
    url = fresh_database()
    prepare(url, OLD_BASE, "both", REPLY)
    load(url, "CREATE VIEW names AS SELECT handle, bio FROM users; CREATE INDEX mine ON activities (message);"
              "CREATE VIEW replied AS SELECT reply_to_activity_uuid FROM activities;")
    migrate(url)
    assert has(url, "names") and has(url, "mine") and has(url, "replied")


def test_a_replaces_line_that_fails_is_named(fresh_database, tmp_path):
    (tmp_path / "1700000001_m.sql").write_text("-- migrate:replaces here.nothing\n-- migrate:up\nSELECT 1;\n")
    done = run("migrate", fresh_database(), dir=tmp_path, expect=FAILED)
    assert "migrate:replaces" in done.stderr and "nothing" in done.stderr
