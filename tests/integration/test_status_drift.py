"""`status --drift`: what only the database, or only db/schema.sql, has. It changes no exit code."""

import json

import pytest

from harness.migrations import CREDENTIALS, DONE, PENDING, load, migrate, run
from pg_cluster import query


@pytest.fixture
def url(fresh_database):
    url = fresh_database()
    migrate(url)
    return url


def nothing_is_left(url):
    return query(url, "SELECT count(*) FROM pg_database WHERE datname LIKE %s", "%drift%") == [(0,)]


def test_a_migrated_database_has_no_drift(url):
    done = run("status", url, "--drift", expect=DONE)
    assert done.stdout.endswith("only in the database: nothing\nonly in db/schema.sql: nothing\n")
    assert nothing_is_left(url)


def test_what_only_one_side_has_is_listed(url):
    load(url, """CREATE TABLE likes (a int); ALTER TABLE users ADD avatar text;
      DROP INDEX activities_newest_idx; ALTER TABLE users ALTER email TYPE varchar(500);
      CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1';
      GRANT SELECT ON users TO PUBLIC;""")
    done = run("status", url, "--drift", expect=DONE)
    here, there = done.stdout.split("only in the database:")[1].split("only in db/schema.sql:")
    assert "\n  column public.users.avatar text\n" in here and "relation public.likes" in here
    assert "column public.users.email character varying(500) not null" in here
    assert "function CREATE OR REPLACE FUNCTION public.own() …" in here
    assert "column public.users.email text not null" in there and "activities_newest_idx" in there
    assert "public.users kind" not in here  # rights are everybody's own
    drift = json.loads(run("status", url, "--drift", "--json", expect=DONE).stdout)["drift"]
    assert "column public.users.avatar text" in drift["only_in_database"]
    assert any("activities_newest_idx" in line for line in drift["only_in_schema"])
    assert nothing_is_left(url)


def test_drift_changes_no_exit_code(fresh_database):
    assert run("status", fresh_database(), "--drift").returncode == PENDING


def test_drift_needs_the_right_to_create_a_database(url):
    load(url, "DO $$ BEGIN CREATE ROLE looker LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
              "GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
    done = run("status", url.replace("postgres@", "looker@"), "--drift", expect=CREDENTIALS)
    assert "could not create the scratch database" in done.stderr
