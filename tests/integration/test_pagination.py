"""?limit=, ?before= and Link: every row once, in order, whatever happens meanwhile."""

import re
import urllib.parse

import pytest

from harness.people import utc_now
from harness.raw import RawConnection, get
from harness.shapes import uuids

HOME = "/api/activities/home"
SEARCH = "/api/activities/search?term=needle"
NOTIFICATIONS = "/api/activities/notifications"


@pytest.fixture(scope="module")
def reader(database):
    return database.add_user()


@pytest.fixture(scope="module")
def rows(database, reader):
    """Thirty rows that are in all three lists, ten of them of one and the same moment."""
    database.run("delete from public.activities")
    author = database.add_user()
    now = utc_now()
    for age in range(10):
        database.add_activity(author, f"needle @{reader.handle}", age=10 + age)
    for _ in range(10):
        database.add_activity(author, f"needle @{reader.handle}", created_at=now)
    for age in range(10):
        database.add_activity(author, f"needle @{reader.handle}", age=1000 + age)
    return [
        row[0]
        for row in database.run(
            "select uuid::text from public.activities order by created_at desc, uuid desc"
        )
    ]


def next_target(answer):
    """The path and query of the next page, or None."""
    link = answer.header("Link")
    if link is None:
        return None
    found = re.fullmatch(r'<([^<>]+)>; rel="next"', link)
    assert found, link
    parts = urllib.parse.urlsplit(found.group(1))
    return f"{parts.path}?{parts.query}"


def with_parameter(target, parameter):
    return target + ("&" if "?" in target else "?") + parameter


@pytest.mark.parametrize("target", [HOME, SEARCH, NOTIFICATIONS])
@pytest.mark.parametrize("limit", [1, 3, 7, 10, 29])
def test_every_row_once_and_in_order(api, rows, reader, target, limit):
    page = api.get(with_parameter(target, f"limit={limit}"), reader.token())
    found = uuids(page.expect(200))
    assert len(found) == limit
    while next_target(page):
        following = next_target(page)
        assert f"limit={limit}" in following
        page = api.get(following, reader.token())
        added = uuids(page.expect(200))
        assert 0 < len(added) <= limit
        found += added
    assert found == rows


@pytest.mark.parametrize("target", [HOME, SEARCH, NOTIFICATIONS])
@pytest.mark.parametrize("limit", [30, 31, 100])
def test_no_link_on_the_last_page(api, rows, reader, target, limit):
    page = api.get(with_parameter(target, f"limit={limit}"), reader.token())
    assert uuids(page.expect(200)) == rows
    assert page.header("Link") is None


def test_rows_that_come_and_go_meanwhile(api, database, rows, reader):
    first = api.get(f"{HOME}?limit=10")
    found = uuids(first.expect(200))
    author = database.add_user()
    new = database.add_activity(author, "newer than the first page", age=-5)
    old = database.add_activity(author, "older than the first page", age=500)
    page, rest = first, []
    while next_target(page):
        page = api.get(next_target(page))
        rest += uuids(page.expect(200))
    assert new not in rest
    assert [uuid for uuid in found + rest if uuid != old] == rows
    assert old in rest
    database.run("delete from public.activities where uuid in (%s, %s)", new, old)


def test_the_last_row_s_cursor_gives_an_empty_page(api, database, rows):
    page = api.get(f"{HOME}?limit=29")
    database.run("begin")
    database.run("delete from public.activities where uuid = %s returning 1", rows[-1])
    database.run("commit")
    after = api.get(next_target(page))
    assert after.expect(200) == []
    assert after.header("Link") is None
    author = database.add_user()
    database.run(
        """insert into public.activities (uuid, user_uuid, message, expires_at, created_at)
           select %s, %s, 'needle @' || %s, null, min(created_at) - interval '1 s'
           from public.activities""",
        rows[-1], author.uuid, "nobody",
    )  # fmt: skip


def test_a_page_keeps_the_search_term(api, database):
    author = database.add_user()
    for age in range(3):
        database.add_activity(author, "odd&term=100% é+#zz", age=age)
    term = urllib.parse.quote("odd&term=100% é+#zz", safe="")
    page = api.get(f"/api/activities/search?term={term}&limit=2")
    assert len(page.expect(200)) == 2
    following = next_target(page)
    assert urllib.parse.parse_qs(following.partition("?")[2])["term"] == ["odd&term=100% é+#zz"]
    assert len(api.get(following).expect(200)) == 1
    database.run("delete from public.activities where message like 'odd&%%'")


@pytest.mark.parametrize("target", [HOME, SEARCH, NOTIFICATIONS])
@pytest.mark.parametrize(
    "limit",
    ["0", "-1", "101", "1000000", "abc", "1.5", "1e1", "0x10", "10;", "%2010", "10%20", "99999999999999999999",
     "4294967297", "18446744073709551617", "%00", "10%00", "+5", "%D9%A1"],
)  # fmt: skip
def test_limit_invalid(api, reader, target, limit):
    api.get(with_parameter(target, f"limit={limit}"), reader.token()).expect(422, ["limit_invalid"])


@pytest.mark.parametrize("target", [HOME, SEARCH, NOTIFICATIONS])
@pytest.mark.parametrize(
    "cursor",
    ["x", "abc123", "%00", "%ff", "AAAA", "=", "a" * 2000, "2023-05-20T23:44:59.123456%2B00:00",
     "9a2b6b1e-7d5c-4e0a-9c55-6f6f1f6d2b21", "%27%20or%201=1", "-1", "____", "!"],
)  # fmt: skip
def test_cursor_invalid(api, reader, target, cursor):
    api.get(with_parameter(target, f"before={cursor}"), reader.token()).expect(
        422, ["cursor_invalid"]
    )


@pytest.mark.parametrize("target", [HOME, SEARCH, NOTIFICATIONS])
def test_both_invalid(api, reader, target):
    api.get(with_parameter(target, "before=x&limit=x"), reader.token()).expect(
        422, ["limit_invalid", "cursor_invalid"]
    )


def test_a_changed_cursor_does_no_harm(api, rows):
    page = api.get(f"{HOME}?limit=5")
    cursor = urllib.parse.parse_qs(next_target(page).partition("?")[2])["before"][0]
    for position in range(len(cursor)):
        for replacement in "A9_":
            changed = cursor[:position] + replacement + cursor[position + 1 :]
            answer = api.get(f"{HOME}?before={urllib.parse.quote(changed, safe='')}")
            assert answer.status in (200, 422)
        answer = api.get(f"{HOME}?before={urllib.parse.quote(cursor[:position], safe='')}")
        assert answer.status == 422 or position == 0
    api.get(f"{HOME}?before={urllib.parse.quote(cursor + 'A', safe='')}").expect(
        422, ["cursor_invalid"]
    )


def walk(api, target, token=None):
    """All pages from `target` on."""
    pages = []
    while target:
        page = api.get(target, token)
        pages.append(page.expect(200))
        target = next_target(page)
    return pages


def test_a_profile_s_older_activities(api, database):
    user = database.add_user()
    made = [database.add_activity(user, str(age), age=age) for age in range(95)]
    pages = walk(api, f"/api/activities/@{user.handle}")
    assert [len(page["activities"]) for page in pages] == [40, 40, 15]
    assert [uuid for page in pages for uuid in uuids(page["activities"])] == made
    assert all(page["profile"]["cruds_count"] == 95 for page in pages)
    database.run("delete from public.activities where user_uuid = %s", user.uuid)


def test_a_thread_s_later_replies(api, database):
    user = database.add_user()
    parent = database.add_activity(user, age=1000)
    made = [
        database.add_activity(user, str(age), age=age, reply_to=parent)
        for age in range(250, 0, -1)
    ]
    pages = walk(api, f"/api/activities/@{user.handle}/status/{parent}")
    assert [uuid for page in pages for uuid in uuids(page["replies"])] == made
    assert all(page["activity"]["uuid"] == parent for page in pages)
    database.run("delete from public.activities where reply_to_activity_uuid = %s", parent)
    database.run("delete from public.activities where user_uuid = %s", user.uuid)


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "before=x", "limit=x&before=x"])
def test_pages_within_pages_have_the_same_rules(api, database, query):
    user = database.add_user()
    activity = database.add_activity(user)
    codes = [
        code
        for name, code in (("limit", "limit_invalid"), ("before", "cursor_invalid"))
        if f"{name}=" in query
    ]
    for target in (f"@{user.handle}", f"@{user.handle}/status/{activity}"):
        api.get(f"/api/activities/{target}?{query}").expect(422, codes)
    database.run("delete from public.activities where user_uuid = %s", user.uuid)


@pytest.mark.parametrize(
    "parameter",
    [
        pytest.param("x=" + "\u00e9" * 5_000, id="beyond ASCII"),
        pytest.param("x=" + "<" * 5_000, id="brackets"),
        pytest.param("%74erm=" + "y" * 9_000, id="a term"),
    ],
)
def test_a_link_has_only_what_its_route_knows(server, api, rows, parameter):
    """What means nothing may be longer than what an answer's head holds."""
    assert rows
    target = f"{HOME}?{parameter.encode().decode('latin-1')}&limit=1"
    with RawConnection(server.port) as raw:
        answer = raw.ask(get(target))
        answer.expect(200)
        assert re.fullmatch(r'</api/activities/home\?limit=1&before=[\w-]+>; rel="next"', answer.header("Link"))
