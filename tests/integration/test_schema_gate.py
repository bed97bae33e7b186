"""What the server does about a database that is behind, or that is not there yet."""

import pytest

from harness.api import Api
from harness.server import Server, run
from pg_cluster import query


@pytest.fixture
def behind(pg_cluster, settings):
    """Settings of a server whose database is empty."""
    return {**settings, "CONNECTION_URL": pg_cluster.fresh_database()}


def test_a_database_that_is_behind_is_not_served_from(behind):
    done = run("serve", **behind)
    assert done.returncode == 3
    assert "the database is behind" in done.stdout
    assert "add_bio_column" in done.stdout


def test_with_migrate_it_is_brought_up_to_date_and_served(behind, description):
    server = Server("--migrate", **{**behind, "CRUDDUR_LOOPS": "1"})
    api = Api(server.port, description)
    api.wait_until_ready()
    api.get("/api/activities/home").expect(200, [])
    api.close()
    server.stop()
    assert run("status", CONNECTION_URL=behind["CONNECTION_URL"]).returncode == 0


def test_many_instances_may_migrate_at_once(behind):
    servers = [Server("--migrate", **behind) for _ in range(4)]
    for server in servers:
        assert server.log.wait_for(message="postgres connected")
    for server in servers:
        server.stop()
    applied = [
        event
        for server in servers
        for event in server.log.find(message="migrate")
        if event["text"].startswith("applied") and "add_bio_column" in event["text"]
    ]
    assert len(applied) == 1


SLOW = """CREATE FUNCTION sleep() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_sleep(600); END';
          CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION sleep()"""
ASLEEP = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


def test_an_end_cuts_a_migration_off(behind):
    """A statement of minutes is cancelled and rolled back; the container is not killed for it."""
    url = behind["CONNECTION_URL"]
    query(url, SLOW)
    server = Server("--migrate", **behind)
    while query(url, ASLEEP) == [(0,)]:
        assert server.running()
    server.stop()
    assert query(url, ASLEEP) == [(0,)]
    assert query(url, "SELECT to_regclass('public.users') IS NULL") == [(True,)]


def test_a_database_that_is_not_there_is_waited_for(settings, description):
    """It starts, is not ready, and says why."""
    server = Server(**{**settings, "CONNECTION_URL": "host=/nonexistent dbname=cruddur"})
    assert server.log.wait_for(message="the database's schema cannot be checked yet")
    api = Api(server.port, description)
    api.get("/api/health-check").expect(200)
    readiness = api.get("/api/readiness").expect(503)
    assert (readiness["ready"], readiness["schema"]) == (False, "unchecked")
    api.get("/api/activities/home").expect(503, ["generic_503"])
    api.close()
    server.stop()
