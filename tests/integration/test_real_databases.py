"""A matrix of databases as deployments left them: each is migrated, served from, rolled back by one and migrated again.

One template a state of the contract; each kind is a copy of one, changed as somebody changed theirs.
"""

import pytest

from harness.api import Api
from harness.migrations import FAILED, REPLY, last_run, load, migrate, rollback, status
from harness.old_databases import ADD_BIO, NEWEST, OLD_BASE, REPLACE_REPLY, ROWS, rows
from harness.people import User
from harness.server import Server
from pg_cluster import query

FUTURE = "29957810245936"  # of 14 digits, later than any of ours


def mark(value):
    return f"UPDATE schema_information SET last_successful_run = {value};"


VARCHAR = """
ALTER TABLE users ALTER display_name TYPE varchar(255), ALTER handle TYPE varchar(255), ALTER email TYPE varchar(255),
  ALTER cognito_user_id TYPE varchar(255);
ALTER TABLE activities ALTER message TYPE varchar(1024);
"""
ZONED = """
ALTER TABLE users ALTER created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC';
ALTER TABLE activities ALTER created_at TYPE timestamptz USING created_at AT TIME ZONE 'UTC',
  ALTER expires_at TYPE timestamptz USING expires_at AT TIME ZONE 'UTC';
"""
OWN_TABLE = """
CREATE TABLE likes (user_uuid uuid REFERENCES users (uuid), activity_uuid uuid REFERENCES activities (uuid),
  PRIMARY KEY (user_uuid, activity_uuid));
INSERT INTO likes SELECT user_uuid, uuid FROM activities LIMIT 50;
"""

# Kind: the state of the known changes, and what is different there.
KINDS = {
    "varchar columns": ("both", VARCHAR + mark(f"'{REPLY}'")),
    "varchar columns, nothing applied": ("neither", VARCHAR),
    "timestamptz columns": ("both", ZONED + mark(f"'{REPLY}'")),
    "more columns": ("both", "ALTER TABLE users ADD avatar text DEFAULT 'none', ADD COLUMN age integer;"
                             "ALTER TABLE activities ADD lang varchar(2) DEFAULT 'en' NOT NULL;"),
    "bio by hand": ("neither", "ALTER TABLE users ADD avatar text, ADD bio varchar(500); UPDATE users SET bio = 'mine';"),
    "a table of their own": ("first", OWN_TABLE),
    "no row": ("both", "DELETE FROM schema_information;"),
    "two rows": ("both", f"INSERT INTO schema_information VALUES (2, '{REPLY}');"),
    "an empty mark": ("first", mark("''")),
    "a null mark": ("both", mark("NULL")),
    "a mark of words": ("both", mark("'20230520_add_bio'")),
    "a mark with a point": ("both", mark("'1684466564.0237772'")),
    "a mark of 13 digits": ("both", mark("'1717171717123'")),
    "a mark of 16 digits": ("both", mark("'1717171717123456'")),
    "a mark of 17 digits": ("first", mark("'17171717171234567'")),
    "a mark that lies in the future": ("both", mark(f"'{FUTURE}'")),
    "a mark of both, neither there": ("neither", mark(f"'{REPLY}'")),
    "a mark of both, one there": ("first", mark("'16888083837917128'")),
    "a mark of one, the other there": ("second", mark("'16812294605993273'")),
}


@pytest.fixture(scope="module")
def states(pg_cluster):
    """{state: the name of a template}"""
    made = {}
    for state in ("neither", "first", "second", "both"):
        url = pg_cluster.fresh_database()
        load(url, OLD_BASE + ROWS + (ADD_BIO if state in ("first", "both") else "")
             + (REPLACE_REPLY if state in ("second", "both") else ""))
        made[state] = url.rsplit("/", 1)[1]
    return made


def kept(before, after):
    """Every row that was there is there, with every value."""
    for name, old in before.items():
        new = {str(row) for row in after[name]}
        assert not [row for row in old if str(row) not in new], name


def likes(url):
    there = query(url, "SELECT to_regclass('likes') IS NOT NULL")[0][0]
    return {"likes": query(url, "SELECT user_uuid, activity_uuid FROM likes ORDER BY 2")} if there else {}


def contents(url):
    return {**rows(url), **likes(url)}


def use(api, key):
    """Posts, replies, sends a message, and reads all of it back; the uuids of what was posted."""
    author, reader = (User(key, f"user{n}", f"sub-{n}", f"User {n}", None) for n in (3, 6))
    crud = api.post("/api/activities", author.token(), json={"message": "Still here?", "ttl": "30-days"}).expect(200)
    reply = api.post(f"/api/activities/{crud['uuid']}/reply", reader.token(), json={"message": "Yes."}).expect(200)
    assert reply["reply_to_activity_uuid"] == crud["uuid"]
    home = {item["uuid"]: item for item in api.get("/api/activities/home").expect(200)}
    assert set(home) == {crud["uuid"], reply["uuid"]} and home[crud["uuid"]]["replies_count"] == 1
    assert home[crud["uuid"]]["created_at"] == crud["created_at"] and crud["created_at"].endswith("+00:00")
    group = api.post("/api/messages", author.token(), json={"message": "Hi.", "handle": reader.handle}).expect(200)
    found = api.get(f"/api/messages/{group['message_group_uuid']}", reader.token()).expect(200)
    assert [message["message"] for message in found] == ["Hi."]
    assert api.get("/api/activities/@user3").expect(200)["profile"]["handle"] == "user3"
    api.post("/api/profile/update", reader.token(), json={"bio": "New.", "display_name": "Six"}).expect(200)
    api.post("/api/profile/update", reader.token(), json={"display_name": "User 6"}).expect(200)
    return [crud["uuid"], reply["uuid"]]


def serve_and_use(url, settings, description, key):
    server = Server(**{**settings, "CONNECTION_URL": url, "CRUDDUR_LOOPS": "1"})
    api = Api(server.port, description)
    try:
        api.wait_until_ready()
        return use(api, key)
    finally:
        api.close()
        server.stop()


def adopt_and_use(url, before, settings, description, key):
    """From a migrated database on: everything that its users and its operator do next."""
    before.pop("bio", None)  # one of them is edited
    assert status(url)["up_to_date"] is True
    posted = serve_and_use(url, settings, description, key)
    kept(before, contents(url))
    served = contents(url)
    rollback(url)
    migrate(url)
    kept(served, contents(url))
    assert status(url)["up_to_date"] is True
    assert query(url, "SELECT count(*) FROM activities WHERE uuid = ANY (%s::uuid[])", posted) == [(2,)]
    assert query(url, "SELECT message FROM messages") == [("Hi.",)]


@pytest.mark.parametrize("state, change", KINDS.values(), ids=KINDS)
def test_a_real_database_is_adopted_and_used(fresh_database, states, settings, description, key, state, change):
    url = fresh_database(template=states[state])
    load(url, change)
    before = contents(url)
    migrate(url)
    kept(before, contents(url))
    assert last_run(url) == (FUTURE if FUTURE in change else NEWEST)
    adopt_and_use(url, before, settings, description, key)


def test_duplicate_handles_are_settled_by_the_operator(fresh_database, states, settings, description, key):
    """Reported, and nothing is lost; once a person has decided, the next run goes on."""
    url = fresh_database(template=states["both"])
    load(url, "UPDATE users SET handle = 'user9' WHERE handle IN ('user12', 'user15')")
    before = contents(url)
    done = migrate(url, expect=FAILED)
    twins = [uuid for (uuid,) in query(url, "SELECT uuid::text FROM users WHERE handle = 'user9' ORDER BY 1")]
    assert len(twins) == 3 and all(f"user {uuid}" in done.stderr for uuid in twins)
    assert contents(url) == before
    for number, uuid in enumerate(twins[1:]):
        query(url, "UPDATE users SET handle = %s WHERE uuid = %s", f"settled{number}", uuid)
    before = contents(url)
    migrate(url)
    adopt_and_use(url, before, settings, description, key)
