"""Rows that no version of ours wrote: times that nobody can read, counts below 0 or null, bytes that are
no UTF-8. Each is shown as well as it can be, and none of them keeps others from being shown."""

import psycopg2
import pytest

from harness.shapes import uuids
from message_stores import PostgresStore
from test_pagination import next_target

HOME = "/api/activities/home"
TIMES = [
    "infinity", "294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999", "294247-01-10 04:00:54.775808",
    "10000-01-01", "9999-12-31 23:59:59.999999", "2023-05-20", "1970-01-01", "0001-01-01",
    "0001-12-31 BC", "4713-01-01 BC", "-infinity", "-infinity",
]  # fmt: skip


@pytest.fixture
def odd(database):
    """Rows of odd times, the newest first."""
    database.run("delete from public.activities")
    user = database.add_user()
    for time in TIMES:
        database.run(
            "insert into public.activities (user_uuid, message, created_at) values (%s, %s, %s)",
            user.uuid, time, time,
        )  # fmt: skip
    yield user
    database.run("delete from public.activities")


def pages(api, target, key=None, token=None):
    while target:
        answer = api.get(target, token)
        body = answer.expect(200)
        yield from body[key] if key else body
        target = next_target(answer)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_every_cursor_that_we_give_is_one_that_we_take(api, database, odd, limit):
    rows = list(pages(api, f"{HOME}?limit={limit}"))
    assert sorted(uuids(rows)) == sorted(set(uuids(rows)))
    assert [row["message"] for row in rows] == TIMES
    rows = list(pages(api, f"/api/activities/@{odd.handle}?limit={limit}", "activities"))
    assert [row["message"] for row in rows] == TIMES


def test_a_time_that_no_one_can_read_is_null(api, odd):
    shown = {row["message"]: row["created_at"] for row in api.get(HOME).expect(200)}
    assert {time for time, text in shown.items() if text} == {
        "9999-12-31 23:59:59.999999", "2023-05-20", "1970-01-01", "0001-01-01",
    }  # fmt: skip
    assert shown["9999-12-31 23:59:59.999999"] == "9999-12-31T23:59:59.999999+00:00"
    assert shown["0001-01-01"] == "0001-01-01T00:00:00.000000+00:00"


def test_replies_of_odd_times(api, database, odd):
    parent = database.add_activity(odd, "parent")
    database.run(
        "update public.activities set reply_to_activity_uuid = %s where uuid <> %s", parent, parent
    )
    target = f"/api/activities/@{odd.handle}/status/{parent}?limit=2"
    assert [row["message"] for row in pages(api, target, "replies")] == TIMES[::-1]


@pytest.mark.parametrize("limit", [1, 4])
def test_messages_and_groups_of_odd_times(api, database, limit):
    store, user = PostgresStore(database), database.add_user()
    others = [database.add_user() for _ in TIMES]
    groups = [store.add_group(user, other, time, time) for other, time in zip(others, TIMES)]
    rows = list(pages(api, f"/api/message_groups?limit={limit}", token=user.token()))
    assert [row["message"] for row in rows] == TIMES
    for time in TIMES[1:]:
        store.add_message(groups[0], user, time, time)
    found, target = [], f"/api/messages/{groups[0]}?limit={limit}"
    while target:
        answer = api.get(target, user.token())
        found = [row["message"] for row in answer.expect(200)] + found
        target = next_target(answer)
    assert found == TIMES[::-1]


@pytest.mark.parametrize("time", ["infinity", "10000-01-01", "294276-12-31"])
def test_what_never_expires_reads_null(api, database, time):
    user = database.add_user()
    made = database.add_activity(user)
    database.run("update public.activities set expires_at = %s where uuid = %s", time, made)
    shown = api.get(f"/api/activities/@{user.handle}").expect(200)["activities"][0]
    assert (shown["uuid"], shown["expires_at"]) == (made, None)


@pytest.mark.parametrize("count", [None, -1, -2147483648])
def test_a_count_that_is_none_reads_zero(api, database, count):
    user = database.add_user()
    made = database.add_activity(user)
    database.run(
        """update public.activities
           set replies_count = %s, reposts_count = %s, likes_count = %s where uuid = %s""",
        count, count, count, made,
    )  # fmt: skip
    shown = api.get(f"/api/activities/@{user.handle}/status/{made}").expect(200)["activity"]
    counts = [shown[name] for name in ("replies_count", "reposts_count", "likes_count")]
    assert counts == [0, 0, 0]
    body = {"message": "the first reply"}
    api.post(f"/api/activities/{made}/reply", user.token(), json=body).expect(200)
    shown = api.get(f"/api/activities/@{user.handle}/status/{made}").expect(200)
    assert shown["activity"]["replies_count"] == len(shown["replies"]) == 1


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "the most replies"}])
def test_the_greatest_count_of_replies_stays(api, database, headers):
    user = database.add_user()
    made = database.add_activity(user)
    database.run("update public.activities set replies_count = 2147483646 where uuid = %s", made)
    for number in range(2):
        headers = {name: f"{value} {number}" for name, value in headers.items()}
        answer = api.post(
            f"/api/activities/{made}/reply", user.token(), json={"message": "m"}, headers=headers
        )
        answer.expect(200)
    shown = api.get(f"/api/activities/@{user.handle}/status/{made}").expect(200)
    assert shown["activity"]["replies_count"] == 2147483647
    assert len(shown["replies"]) == 2


def test_bytes_that_are_no_utf8_do_not_spoil_the_list(start_api, pg_cluster, template, database):
    """A database that was SQL_ASCII until somebody wrote another name into the catalog."""
    url = pg_cluster.fresh_database(template=template)
    name = url.rsplit("/", 1)[1]
    set_encoding(database, name, "SQL_ASCII")
    with psycopg2.connect(url, client_encoding="SQL_ASCII") as connection:
        connection.cursor().execute(
            """insert into public.activities (user_uuid, message)
               select uuid, convert_from('\\x626164fffe2e', 'SQL_ASCII') from public.users limit 1"""
        )
    connection.close()
    set_encoding(database, name, "UTF8")
    _, api = start_api(CONNECTION_URL=url)
    api.wait_until_ready()
    messages = [row["message"] for row in api.get(HOME).expect(200)]
    assert "bad\ufffd\ufffd." in messages
    assert len(messages) > 1


def set_encoding(database, name, encoding):
    database.run(
        "update pg_database set encoding = pg_char_to_encoding(%s) where datname = %s",
        encoding, name,
    )  # fmt: skip
