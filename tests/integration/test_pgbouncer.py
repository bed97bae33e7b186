"""CRUDDUR_PG_PREPARE=off through PgBouncer in transaction mode: fewer backends than connections."""

import pytest

from harness.feed import Checked
from harness.load import Load, at_once
from harness.people import TableLock
from harness.pgbouncer import PgBouncer


@pytest.fixture(scope="module")
def bouncer(pg_cluster):
    bouncer = PgBouncer(pg_cluster)
    yield bouncer
    bouncer.stop()


@pytest.fixture(scope="module")
def bounced(bouncer, settings, database):
    """The settings of a server behind the bouncer."""
    name = database.value("select current_database()")
    return {
        **settings,
        "CONNECTION_URL": bouncer.url(name),
        "CRUDDUR_PG_PREPARE": "off",
        "CRUDDUR_PG_CONNECTIONS": "8",
    }


def test_every_kind_of_request(start_api, bounced, database):
    _, api = start_api(**bounced)
    user, other = database.add_user(), database.add_user()
    body = {"message": f"@{other.handle} through the bouncer", "ttl": "1-day"}
    posted = api.post("/api/activities", user.token(), json=body).expect(200)
    path = f"/api/activities/{posted['uuid']}/reply"
    reply = api.post(path, other.token(), json={"message": "heard"}).expect(200)
    assert api.get("/api/activities/home?limit=2").expect(200)[0] == reply
    thread = api.get(f"/api/activities/@{user.handle}/status/{posted['uuid']}").expect(200)
    assert thread["activity"]["replies_count"] == 1
    assert thread["replies"] == [reply]
    mention = {**posted, "replies_count": 1}
    assert api.get("/api/activities/notifications", other.token()).expect(200) == [mention]
    assert api.get("/api/activities/notifications", user.token()).expect(200) == [reply]
    found = api.get("/api/activities/search?term=bouncer").expect(200)
    assert [row["uuid"] for row in found] == [posted["uuid"]]
    body = {"display_name": "Bounced", "bio": "b"}
    api.put("/api/profile/update", user.token(), json=body).expect(200)
    page = api.get(f"/api/activities/@{user.handle}").expect(200)
    assert page["profile"]["display_name"] == "Bounced"
    api.get(f"/api/users/@{user.handle}/short").expect(200)
    api.wait_until_ready()


def test_under_load(start_api, bounced, database):
    checked = Checked(database)
    _, api = start_api(**bounced)
    with Load(api, checked.step, clients=12) as load:
        load.wait_for(200, more=1000)
    assert load.lost == 0
    assert set(load.statuses) == {200}


def test_a_locked_table_is_503_at_the_deadline(start_api, bounced, database):
    """statement_timeout reaches Postgres through the bouncer, one transaction at a time."""
    checked = Checked(database, 4)
    _, api = start_api(**{**bounced, "CRUDDUR_PG_DEADLINE_MS": 500})
    api.wait_until_ready()
    body = {"message": "bounced too late", "ttl": "1-day"}
    with TableLock(database):
        user = checked.rows[0].user
        api.post("/api/activities", user.token(), json=body).expect(503, ["generic_503"])
        database.wait_until(
            """select count(*) = 0 from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'"""
        )
    with Load(api, checked.step, clients=4) as load:
        load.wait_for(200, more=100)
    sql = "select count(*) from public.activities where message = 'bounced too late'"
    assert database.value(sql) == 0


def test_replies_at_once(start_api, bounced, database):
    user = database.add_user()
    parent = database.add_activity(user)
    _, api = start_api(**bounced)

    def reply():
        path = f"/api/activities/{parent}/reply"
        api.another().post(path, user.token(), json={"message": "m"}).expect(200)

    at_once([reply] * 20)
    sql = "select replies_count from public.activities where uuid = %s"
    assert database.value(sql, parent) == 20


def test_the_zone_is_utc_there_too(start_api, bounced, database):
    """The cluster's own zone is another one, and sessions are shared with who knows whom."""
    _, api = start_api(**bounced)
    user = database.add_user()
    body = {"message": "when?", "ttl": "1-hour"}
    posted = api.post("/api/activities", user.token(), json=body).expect(200)
    assert posted in api.get(f"/api/activities/@{user.handle}").expect(200)["activities"]
    fresh = database.value(
        """select abs(extract(epoch from timezone('UTC', now()) - created_at)) < 600
           from public.activities where uuid = %s""",
        posted["uuid"],
    )
    assert fresh


def test_the_bouncer_s_backends_are_killed(start_api, bounced, database):
    checked = Checked(database)
    _, api = start_api(**bounced)
    with Load(api, checked.step, clients=6) as load:
        load.wait_for(200)
        for _ in range(5):
            database.run(
                """select pg_terminate_backend(pid) from pg_stat_activity
                   where datname = current_database() and pid <> pg_backend_pid()"""
            )
            load.wait_for(200, more=50)
    assert load.lost == 0
    assert set(load.statuses) <= {200, 503}
