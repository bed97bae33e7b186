"""A statement that meets another one (a serialization failure, a deadlock) runs once again. The
database says when: a trigger raises the error for as many times as the test wants, counted by a
sequence, which no rollback takes back."""

import uuid

import pytest

from harness.people import Database
from harness.roles import Role

CONFLICTS = ["40001", "40P01"]


@pytest.fixture
def met(database):
    """A function that makes the next writes of a message fail, and one that counts the tries."""
    made = Meetings(database)
    yield made
    made.end()


class Meetings:
    def __init__(self, database):
        self.database = database
        self.message = uuid.uuid4().hex

    def fail(self, sqlstate, times):
        self.database.run(
            f"""create sequence public.tries;
                create function public.meet() returns trigger language plpgsql as $$
                begin
                  if nextval('public.tries') <= {times} then
                    raise exception 'could not serialize access' using errcode = '{sqlstate}';
                  end if;
                  return new;
                end $$;
                create trigger meet before insert on public.activities for each row
                when (new.message = '{self.message}') execute function public.meet()"""
        )

    def tries(self):
        return self.database.value("select last_value from public.tries")

    def rows(self):
        return self.database.value(
            "select count(*) from public.activities where message = %s", self.message
        )

    def end(self):
        self.database.run("drop function public.meet cascade; drop sequence public.tries")


def post(api, user, message, headers):
    body = {"message": message, "ttl": "1-day"}
    return api.post("/api/activities", user.token(), json=body, headers=headers)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "a key"}])
@pytest.mark.parametrize("sqlstate", CONFLICTS)
def test_one_conflict_is_not_seen(api, database, met, sqlstate, headers):
    met.fail(sqlstate, times=1)
    user = database.add_user()
    assert post(api, user, met.message, headers).expect(200)["message"] == met.message
    assert (met.tries(), met.rows()) == (2, 1)


@pytest.mark.parametrize("sqlstate", CONFLICTS)
def test_a_reply_that_met_another_is_counted_once(api, database, met, sqlstate):
    met.fail(sqlstate, times=1)
    user = database.add_user()
    parent = database.add_activity(user)
    body = {"message": met.message}
    api.post(f"/api/activities/{parent}/reply", user.token(), json=body).expect(200)
    shown = api.get(f"/api/activities/@{user.handle}/status/{parent}").expect(200)
    assert shown["activity"]["replies_count"] == len(shown["replies"]) == 1


@pytest.mark.parametrize("sqlstate", CONFLICTS)
def test_two_conflicts_are_enough(api, database, met, sqlstate):
    met.fail(sqlstate, times=100)
    answer = post(api, database.add_user(), met.message, {})
    answer.expect(503, ["generic_503"])
    assert (met.tries(), met.rows()) == (2, 0)


def test_any_other_error_is_not_tried_again(api, database, met):
    met.fail("23514", times=100)
    post(api, database.add_user(), met.message, {}).expect(500, ["generic_500"])
    assert (met.tries(), met.rows()) == (1, 0)


HOME, SEARCH = "/api/activities/home", "/api/activities/search?term=crud"


@pytest.mark.parametrize("target", [HOME, SEARCH])
@pytest.mark.parametrize("times, status", [(1, 200), (1000, 503)])
def test_a_read_that_met_another_runs_once_again(
    start_api, pg_cluster, template, key, target, times, status
):
    """A policy of the table raises the error: it is asked for each row that is read."""
    database = Database(pg_cluster.fresh_database(template=template), key)
    database.run("delete from public.activities")
    database.add_activity(database.add_user(), "One crud.")
    role = Role(pg_cluster, database)
    database.run(
        f"""create sequence public.tries;
            create function public.meet() returns boolean language plpgsql security definer as $$
            begin
              if nextval('public.tries') <= {times} then
                raise exception 'could not serialize access' using errcode = '40001';
              end if;
              return true;
            end $$;
            create policy meet on public.activities using (public.meet());
            alter table public.activities enable row level security"""
    )
    _, api = start_api(CONNECTION_URL=role.url)
    api.wait_until_ready()
    answer = api.get(target)
    assert answer.status == status
    if status == 200:
        assert [row["message"] for row in answer.json()] == ["One crud."]
    else:
        assert database.value("select last_value from public.tries") == 2
    database.close()
