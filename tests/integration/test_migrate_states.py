"""Databases as deployments have them, in each state of the contract, end with one schema and all rows."""

import pytest

from harness.migrations import (
    BASE, BIO, DONE, FAILED, PENDING, PROJECT, REAL, REPLY, dump, has, history, last_run, load, migrate,
    rollback, run, status,
)
from harness.old_databases import (
    ADD_BIO, ALTER_REPLY, CONTRACT_BASE, NEWEST, OLD_BASE, OTHER_NUMBERS, REPLACE_REPLY, ROWS, prepare, rows,
)
from pg_cluster import psql, query


@pytest.fixture(scope="module")
def one_schema(pg_cluster):
    """The schema that migrations make from nothing."""
    url = pg_cluster.fresh_database()
    migrate(url)
    return dump(url)


STATES = (
    [("neither", "0")]
    + [("first", number) for number in [BIO, *OTHER_NUMBERS]]
    + [("both", number) for number in [REPLY, *OTHER_NUMBERS]]
    + [("second", REPLY)]
)


@pytest.mark.parametrize("state, number", STATES)
@pytest.mark.parametrize("base", [OLD_BASE, CONTRACT_BASE], ids=["old", "contract"])
def test_every_state_comes_to_one_schema(fresh_database, one_schema, base, state, number):
    url = fresh_database()
    before = prepare(url, base, state, number)
    assert status(url)["has_history"] is False
    done = migrate(url)
    after = rows(url)
    assert dump(url) == one_schema
    for key, value in before.items():
        assert after[key] == value, key
    assert last_run(url) == NEWEST
    applied = history(url)
    assert {version for version, row in applied.items() if row["adopted"]} == (
        {BASE} | ({BIO} if state in ("first", "both") else set())
        | ({REPLY} if state in ("second", "both") else set())
    )
    assert len(applied) == len(list(REAL.glob("*.sql")))
    if state != "neither":
        assert number in done.stderr  # what the database said before is told
    assert migrate(url).stdout.startswith("nothing to do")


@pytest.mark.parametrize("state", ["second", "both"])
def test_a_column_that_stands_elsewhere_moves(fresh_database, one_schema, state):
    url = fresh_database()
    before = prepare(url, OLD_BASE, state, REPLY, ALTER_REPLY)
    migrate(url)
    assert dump(url) == one_schema
    assert rows(url)["reply_to_activity_uuid"] == before["reply_to_activity_uuid"] != []


def test_a_database_without_last_successful_run(fresh_database, one_schema):
    url = fresh_database()
    load(url, OLD_BASE + ROWS + "DROP TABLE schema_information;")
    migrate(url)
    assert dump(url) == one_schema and last_run(url) == NEWEST


@pytest.mark.parametrize("value", ["NULL", "''", "'yesterday'"])
def test_a_last_successful_run_that_says_nothing(fresh_database, value):
    url = fresh_database()
    load(url, OLD_BASE + f"UPDATE schema_information SET last_successful_run = {value};")
    migrate(url)
    assert last_run(url) == NEWEST


def test_numbers_that_name_no_activity_are_told(fresh_database):
    url = fresh_database()
    load(url, OLD_BASE + ROWS + "UPDATE activities SET reply_to_activity_uuid = 7 WHERE replies_count = 3;")
    done = migrate(url)
    assert "activity 10000000-0000-4000-8000-000000000003 said 7" in done.stderr
    assert query(url, "SELECT count(*) FROM activities") == [(500,)]


@pytest.mark.parametrize("column, value", [("handle", "user1"), ("cognito_user_id", "sub-3")])
def test_duplicates_are_reported_and_kept(fresh_database, column, value):
    url = fresh_database()
    load(url, OLD_BASE + ROWS + ADD_BIO + REPLACE_REPLY)
    load(url, f"UPDATE schema_information SET last_successful_run = '{REPLY}';"
              f"UPDATE users SET {column} = '{value}' WHERE handle = 'user9';")
    before, schema = rows(url), dump(url)
    done = migrate(url, expect=FAILED)
    twins = query(url, f"SELECT uuid::text FROM users WHERE {column} = %s", value)
    assert len(twins) == 2
    for (uuid,) in twins:
        assert f"user {uuid}" in done.stderr
    assert value in done.stderr and "[23505]" in done.stderr and "hint: " in done.stderr
    assert rows(url) == before and dump(url) == schema and last_run(url) == REPLY
    assert set(history(url)) == {BASE, BIO, REPLY}
    load(url, f"UPDATE users SET {column} = 'settled' WHERE uuid = '{twins[0][0]}'")
    migrate(url)


def test_the_mock_id_may_be_shared(fresh_database):
    url = fresh_database()
    migrate(url)
    insert = "INSERT INTO users (display_name, handle, email, cognito_user_id) VALUES ('a', '{}', 'e', '{}')"
    load(url, insert.format("one", "MOCK") + ";" + insert.format("two", "MOCK"))
    load(url, insert.format("three", "sub"))
    for twin in (insert.format("four", "sub"), insert.format("one", "other")):
        with pytest.raises(Exception, match="duplicate key"):
            query(url, twin)


def test_orphans_are_kept_and_told(fresh_database):
    url = fresh_database()
    load(url, OLD_BASE + ROWS + ADD_BIO + REPLACE_REPLY + """
      INSERT INTO activities (uuid, user_uuid, message, reply_to_activity_uuid)
      VALUES ('20000000-0000-4000-8000-000000000001', '20000000-0000-4000-8000-000000000002', 'lost',
              '20000000-0000-4000-8000-000000000003');""")
    done = migrate(url)
    assert "activity 20000000-0000-4000-8000-000000000001 names user 20000000-0000-4000-8000-000000000002" in done.stderr
    assert "activity 20000000-0000-4000-8000-000000000001 replies to 20000000-0000-4000-8000-000000000003" in done.stderr
    assert query(url, "SELECT count(*) FROM activities") == [(501,)]
    assert query(url, "SELECT conname FROM pg_constraint WHERE NOT convalidated ORDER BY 1") == [
        ("activities_reply_to_activity_uuid_fkey",), ("activities_user_uuid_fkey",)]


def test_the_dumped_schema_is_the_migrated_one(fresh_database, one_schema):
    """db/schema.sql, loaded, and an old database, migrated, are the same."""
    loaded, old = fresh_database(), fresh_database()
    psql(loaded, "-f", str(PROJECT / "db" / "schema.sql"))
    assert status(loaded)["pending"] == 0
    assert migrate(loaded).stdout.startswith("nothing to do")
    prepare(old, OLD_BASE, "both", OTHER_NUMBERS[3])
    migrate(old)
    assert dump(loaded, history=True) == dump(old, history=True)
    assert dump(loaded) == one_schema
    assert last_run(loaded) == last_run(old) == NEWEST
    assert set(history(loaded)) == set(history(old))


def test_a_loaded_database_can_be_rolled_back(fresh_database):
    """The dump stores no SQL: the way back is the file's."""
    url = fresh_database()
    psql(url, "-f", str(PROJECT / "db" / "schema.sql"))
    rollback(url, "--to", BASE)
    assert last_run(url) == BASE and not has(url, "activities_newest_idx")
    migrate(url)
    assert last_run(url) == NEWEST


def test_the_real_migrations_undo_themselves(fresh_database):
    url = fresh_database()
    done = run("verify", url, expect=DONE)
    assert "each undoes what it does" in done.stdout
    assert query(url, "SELECT count(*) FROM pg_database WHERE datname LIKE %s", "%verify%") == [(0,)]


def test_the_real_migrations_pass_their_lint():
    done = run("migrate", None, "--lint", expect=DONE)
    assert "nothing found" in done.stdout


def test_status_tells_what_adoption_would_find(fresh_database):
    url = fresh_database()
    prepare(url, OLD_BASE, "first", OTHER_NUMBERS[0])
    found = status(url)
    states = {item["version"]: item["state"] for item in found["migrations"]}
    assert states[BASE] == states[BIO] == "applied" and states[REPLY] == "pending"
    assert not has(url, "schema_migrations")  # looking changes nothing
    assert run("status", url).returncode == PENDING
