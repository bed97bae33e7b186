"""cruddur purge and bin/db/purge: what has expired goes, and no answer changes."""

import pytest

from harness.migrations import DONE, UNAVAILABLE, USAGE
from harness.people import Database
from harness.server import run as run_binary
from pg_cluster import psql
from test_db_scripts import script

DAY = 86400


@pytest.fixture
def database(pg_cluster, template, key):
    """A database of the test's own, without activities."""
    database = Database(pg_cluster.fresh_database(template=template), key)
    database.run("delete from public.activities")
    yield database
    database.close()
    pg_cluster.drop(database.url)


def purge(database, *arguments, expect=DONE, **settings):
    done = run_binary("purge", *arguments, CONNECTION_URL=database.url, **settings)
    assert done.returncode == expect, (done.stdout, done.stderr)
    return done


def left(database):
    return {row[0] for row in database.run("select uuid::text from public.activities")}


def test_what_expired_long_ago_goes(database):
    user = database.add_user()
    kept = {
        database.add_activity(user, expires_in=None),
        database.add_activity(user, expires_in=3600),
        database.add_activity(user, age=20 * DAY, expires_in=-6.9 * DAY),
    }
    gone = {database.add_activity(user, f"@{user.handle}", age=20 * DAY, expires_in=-7.1 * DAY) for _ in range(3)}
    assert purge(database, "--dry-run").stdout == "3 would be deleted, 0 kept\n"
    assert left(database) == kept | gone
    done = purge(database)
    assert (done.stdout, done.stderr) == ("3 deleted, 0 kept\n", "")
    assert left(database) == kept
    assert database.value("select count(*) from public.notices") == 0
    assert purge(database).stdout == "0 deleted, 0 kept\n"
    assert purge(database, "--older-than", "6d").stdout == "1 deleted, 0 kept\n"


def test_what_a_living_reply_or_a_count_needs_stays(database):
    user = database.add_user()
    old = {"age": 20 * DAY, "expires_in": -10 * DAY}
    answered = database.add_activity(user, "answered", **old)
    reply = database.add_activity(user, "lives", reply_to=answered, expires_in=None)
    silent = database.add_activity(user, "its replies are gone too", **old)
    lost = database.add_activity(user, "gone", reply_to=silent, **old)
    parent = database.add_activity(user, "lives on")
    counted = database.add_activity(user, "counted", reply_to=parent, **old)
    assert purge(database, "-n").stdout == "2 would be deleted, 2 kept\n"
    assert purge(database).stdout == "2 deleted, 2 kept\n"
    assert left(database) == {answered, reply, parent, counted} == left(database) - {silent, lost}
    assert database.value("select reply_to_activity_uuid::text from public.activities where uuid = %s", reply) == answered
    database.run("update public.activities set expires_at = now() - interval '9 days' where uuid in (%s, %s)", reply, parent)
    assert purge(database).stdout == "4 deleted, 0 kept\n"


def test_many_rows_go_in_batches_whatever_is_kept_between_them(database):
    user = database.add_user()
    database.run(
        """insert into public.activities (user_uuid, message, expires_at)
           select %s, 'old', timezone('UTC', now()) - interval '8 days' - n / 2500 * interval '1 hour'
           from generate_series(1, 5300) n""", user.uuid)
    database.run(
        """insert into public.activities (user_uuid, message, reply_to_activity_uuid)
           select user_uuid, 'reply', uuid from public.activities order by expires_at, created_at, uuid limit 1200""")
    assert purge(database).stdout == "4100 deleted, 1200 kept\n"
    assert len(left(database)) == 2400


def test_a_row_that_somebody_holds_is_left_for_another_run(database):
    user = database.add_user()
    held = database.add_activity(user, expires_in=-9 * DAY)
    free = database.add_activity(user, expires_in=-8 * DAY)
    session = database.session()
    session.cursor().execute("select from public.activities where uuid = %s for key share", (held,))
    assert purge(database).stdout == "1 deleted, 1 kept\n"
    assert left(database) == {held} != {free}
    session.close()
    assert purge(database).stdout == "1 deleted, 0 kept\n"


@pytest.mark.parametrize("age", ["", "7", "d", "-1d", "1w", "1.5d", "7 d", "36501d", "99999999999999999999s", "7d x"])
def test_an_age_that_makes_no_sense(database, age):
    done = purge(database, "--older-than", age, expect=USAGE)
    assert "--older-than must be a number with s, m, h or d behind it" in done.stderr


@pytest.mark.parametrize("age", ["0s", "1s", "1m", "1h", "0d"])
def test_ages(database, age):
    database.add_activity(database.add_user(), expires_in=-4000)
    assert purge(database, f"--older-than={age}").stdout == "1 deleted, 0 kept\n"


def test_without_a_database(database):
    done = run_binary("purge", CONNECTION_URL="postgresql:///nowhere?host=/nonexistent")
    assert done.returncode == UNAVAILABLE and "cruddur purge: " in done.stderr


def test_the_script(database):
    database.add_activity(database.add_user(), expires_in=-9 * DAY)
    name = database.url.rsplit("/", 1)[1]
    urls = {"PROD_CONNECTION_URL": database.url}
    assert script("db/purge", "--dry-run", url=database.url, expect=DONE).stdout == "1 would be deleted, 0 kept\n"
    assert script("db/purge", "prod", "-n", expect=DONE, **urls).stdout == "1 would be deleted, 0 kept\n"
    assert script("db/purge", "prod", typed="no\n", **urls).returncode == 4
    assert script("db/purge", "prod", "--older-than", "1d", typed=name + "\n", expect=DONE, **urls).stdout == "1 deleted, 0 kept\n"
    assert psql(database.url, "-c", "select count(*) from public.activities") == "0\n"
