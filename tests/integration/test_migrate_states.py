"""Databases as deployments have them, in each state of the contract, end with one schema and all rows."""

import pytest

from harness.migrations import (
    BASE, BIO, DONE, FAILED, PENDING, PROJECT, REAL, REPLY, dump, has, history, last_run, load, migrate,
    rollback, run, status,
)
from pg_cluster import psql, query

OTHER_NUMBERS = ["1682939383240204", "16846905535941799", "1684852644737475", "16843196527889276",
                 "168865974536313", "1688807575097205", "16888083837917128"]
NEWEST = max(path.name.split("_")[0] for path in REAL.glob("*.sql"))

# As the old repository's schema.sql made them.
OLD_BASE = """
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE TABLE IF NOT EXISTS public.schema_information (id integer UNIQUE, last_successful_run text);
INSERT INTO public.schema_information (id, last_successful_run) VALUES (1, '0') ON CONFLICT (id) DO NOTHING;
CREATE TABLE public.users (
  uuid UUID DEFAULT uuid_generate_v4() PRIMARY KEY, display_name text NOT NULL, handle text NOT NULL,
  email text NOT NULL, cognito_user_id text NOT NULL, created_at TIMESTAMP default current_timestamp NOT NULL);
CREATE TABLE public.activities (
  uuid UUID DEFAULT uuid_generate_v4() PRIMARY KEY, user_uuid UUID NOT NULL, message text NOT NULL,
  replies_count integer DEFAULT 0, reposts_count integer DEFAULT 0, likes_count integer DEFAULT 0,
  reply_to_activity_uuid integer, expires_at TIMESTAMP, created_at TIMESTAMP default current_timestamp NOT NULL);
"""
# As the contract words it, by another hand: no defaults for uuids, no extension.
CONTRACT_BASE = """
CREATE TABLE schema_information (id integer UNIQUE, last_successful_run text);
INSERT INTO schema_information VALUES (1, '0');
CREATE TABLE users (uuid uuid PRIMARY KEY, display_name text NOT NULL, handle text NOT NULL,
  email text NOT NULL, cognito_user_id text NOT NULL, created_at timestamp);
CREATE TABLE activities (uuid uuid PRIMARY KEY, user_uuid uuid NOT NULL, message text NOT NULL,
  replies_count integer DEFAULT 0, reposts_count integer DEFAULT 0, likes_count integer DEFAULT 0,
  reply_to_activity_uuid integer, expires_at timestamp,
  created_at timestamp DEFAULT current_timestamp NOT NULL);
"""
ROWS = """
INSERT INTO users (uuid, display_name, handle, email, cognito_user_id, created_at)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'User ' || n, 'user' || n,
       'u' || n || '@example.com', CASE WHEN n % 3 = 0 THEN 'sub-' || n ELSE 'MOCK' END, '2023-04-01'
FROM generate_series(1, 30) n;
INSERT INTO activities (uuid, user_uuid, message, replies_count, expires_at, created_at)
SELECT ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
       ('00000000-0000-4000-8000-' || lpad((n % 30 + 1)::text, 12, '0'))::uuid, 'Crud ' || n,
       CASE WHEN n % 7 = 0 THEN NULL ELSE n END, timestamp '2023-06-01' + n * interval '1 hour',
       timestamp '2023-05-01' + n * interval '1 minute'
FROM generate_series(1, 500) n;
"""
ADD_BIO = "ALTER TABLE public.users ADD COLUMN bio text; UPDATE users SET bio = 'bio of ' || handle;"
REPLACE_REPLY = """ALTER TABLE activities DROP COLUMN reply_to_activity_uuid;
ALTER TABLE activities ADD COLUMN reply_to_activity_uuid uuid;
UPDATE activities SET reply_to_activity_uuid = '10000000-0000-4000-8000-000000000001' WHERE replies_count > 490;"""
ALTER_REPLY = REPLACE_REPLY.replace(
    "ALTER TABLE activities DROP COLUMN reply_to_activity_uuid;",
    "ALTER TABLE activities ALTER COLUMN reply_to_activity_uuid TYPE uuid USING NULL;",
).replace("ALTER TABLE activities ADD COLUMN reply_to_activity_uuid uuid;", "")


def rows(url):
    """Every value of every row, by column name: the order of columns may change, values may not."""
    result = {}
    for table in ("users", "activities"):
        result[table] = query(url, f"SELECT to_jsonb(t) - 'bio' - 'reply_to_activity_uuid' FROM {table} t ORDER BY uuid")
        for column in ("bio", "reply_to_activity_uuid"):
            if query(url, "SELECT 1 FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
                     table, column):
                result[column] = query(url, f"SELECT uuid, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1")
    return result


@pytest.fixture(scope="module")
def one_schema(pg_cluster):
    """The schema that migrations make from nothing."""
    url = pg_cluster.fresh_database()
    migrate(url)
    return dump(url)


def prepare(url, base, state, number, alter=REPLACE_REPLY):
    load(url, base)
    load(url, ROWS)
    if state in ("first", "both"):
        load(url, ADD_BIO)
    if state in ("second", "both"):
        load(url, alter)
    if state != "neither":
        load(url, f"UPDATE schema_information SET last_successful_run = '{number}'")
    return rows(url)


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
