"""A Postgres that is there but has a statement that cannot be prepared: readiness says why, the log says
which one, and the server recovers by itself."""

import pytest

from harness.people import Database, TableLock
from harness.roles import Role

READINESS = "/api/readiness"
NOT_CONNECTED = "postgres not connected"


@pytest.fixture
def own_database(pg_cluster, template, key):
    database = Database(pg_cluster.fresh_database(template=template), key)
    yield database
    database.close()
    pg_cluster.drop(database.url)


def wait_for_postgres(api, words):
    """Until reads and writes say so."""
    for _ in range(2000):
        readiness = api.get(READINESS).expect(503)
        if readiness["postgres"] == readiness["writes"] == words:
            return
    raise AssertionError(f"readiness stays {readiness}")


def reasons(server):
    return [event["reason"] for event in server.log.find(message=NOT_CONNECTED)]


def test_a_column_is_missing(start_api, own_database):
    own_database.run("alter table public.users rename column bio to biography")
    server, api = start_api(CONNECTION_URL=own_database.url)
    wait_for_postgres(api, "lacks a table, column or function")
    server.log.wait_for(message="postgres not connected")
    said = reasons(server)  # what fails after another one succeeded may be said once more
    own_database.run("alter table public.users rename column biography to bio")
    api.wait_until_ready()
    server.wait_until_connected()
    assert said and len(said) == len(set(said)), "each statement is named once"
    for reason in said:
        assert reason.startswith("statement users/") and reason.endswith("(SQLSTATE 42703)")
        assert "run cruddur migrate" in reason


def test_a_right_is_missing(start_api, own_database, pg_cluster):
    role = Role(pg_cluster, own_database)
    own_database.run("revoke usage on schema public from public")
    own_database.run(f"revoke usage on schema public from {role.name}")
    server, api = start_api(CONNECTION_URL=role.url)
    wait_for_postgres(api, "lacks a right")
    own_database.run(f"grant usage on schema public to {role.name}")
    api.wait_until_ready()
    (reason, *_) = reasons(server)
    assert reason.startswith("statement activities/") and reason.endswith("(SQLSTATE 42501)")
    assert "the role lacks a right" in reason and "migrate" not in reason
    server.stop()
    role.drop()


def test_a_table_is_locked(start_api, own_database):
    with TableLock(own_database):
        server, api = start_api(CONNECTION_URL=own_database.url, CRUDDUR_PG_DEADLINE_MS="300")
        wait_for_postgres(api, "locked")
    api.wait_until_ready()
    assert all("somebody holds a lock" in reason for reason in reasons(server))


def test_postgres_is_not_reached(start_api):
    _, api = start_api(CONNECTION_URL="postgresql://nobody@127.0.0.1:1/none")
    readiness = api.get(READINESS).expect(503)
    assert (readiness["postgres"], readiness["writes"]) == ("down", "down")
