"""Lists whose rows have nearly all expired: the living are all found, in order, and the rest costs nothing."""

import re

import pytest

from harness.description import PROJECT
from harness.shapes import uuids

EXPIRED = 2600


@pytest.fixture(scope="module")
def living(database):
    """A user with 2,600 expired activities and 57 living ones between and behind them; the latter as uuids,
    newest first."""
    database.run("delete from public.activities")
    user = database.add_user(handle="Ephemera")
    database.run(
        """insert into public.activities (user_uuid, message, created_at, expires_at)
           select %s, 'expired', timezone('UTC', now()) - n * interval '1 minute',
                  timezone('UTC', now()) - n * interval '1 second'
           from generate_series(1, %s) n""", user.uuid, EXPIRED)
    found = []
    for number in range(57):
        age = 61 + number * 60 * (10 if number < 3 else 50)
        found.append((age, database.add_activity(user, f"living {number}", age=age,
                                                 expires_in=None if number % 3 == 0 else 86400)))
        if number % 3 == 1:
            database.run("update public.activities set expires_at = 'infinity' where uuid = %s", found[-1][1])
    database.run("vacuum analyze public.activities")
    return [uuid for _, uuid in sorted(found)]


def pages(api, path, take):
    found = []
    while path:
        answer = api.get(path)
        page = take(answer.expect(200))
        found.append(uuids(page))
        link = answer.header("Link")
        path = re.fullmatch(r'<(.*)>; rel="next"', link)[1] if link else None
        assert len(found) < 100
    return found


@pytest.mark.parametrize("limit", [1, 10, 19, 56, 57, 100])
def test_home_finds_all_that_live(api, living, limit):
    found = pages(api, f"/api/activities/home?limit={limit}", lambda body: body)
    assert sum(found, []) == living
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)


@pytest.mark.parametrize("handle", ["Ephemera", "ephemera"])
def test_a_profile_finds_and_counts_all_that_live(api, living, handle):
    path = f"/api/activities/@{handle}"
    found = pages(api, f"{path}?limit=10", lambda body: body["activities"])
    assert sum(found, []) == living
    assert api.get(path).expect(200)["profile"]["cruds_count"] == len(living)


def test_a_page_of_the_expired_alone_is_empty(api, database, living):
    user = database.add_user()
    database.run(
        """insert into public.activities (user_uuid, message, created_at, expires_at)
           select %s, 'expired', timezone('UTC', now()) - n * interval '1 day', '2001-01-01'
           from generate_series(1, 700) n""", user.uuid)
    page = api.get(f"/api/activities/@{user.handle}").expect(200)
    assert page["activities"] == [] and page["profile"]["cruds_count"] == 0


def blocks(database, name, parameters):
    """What the statement touches when it is planned as in the server."""
    sql = (PROJECT / "db" / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    database.run("set plan_cache_mode = force_generic_plan")
    database.run(f"prepare measured as {sql}")
    plan = database.value(f"explain (analyze, buffers, format json) execute measured ({parameters})")[0]["Plan"]
    database.run("deallocate measured")
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


FIRST = "'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff'"


@pytest.mark.parametrize("name, parameters", [
    ("activities/home", f"{FIRST}, 51"),
    ("activities/profile", f"'Ephemera', {FIRST}, 41"),
    ("users/profile", "'Ephemera'"),
    ("activities/search", f"'%nowhere%', '%nowhere%', {FIRST}, 51"),
    ("activities/notifications", f"'nobody', {FIRST}, 51"),
])
def test_a_request_touches_few_blocks(database, living, name, parameters):
    """The bound that docs/performance.md tells of; tests/bench/cases/blocks.py measures more rows."""
    blocks(database, name, parameters)
    assert blocks(database, name, parameters) < 3000
