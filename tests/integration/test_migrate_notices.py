"""The migration that writes the notices of activities that were there before."""

import shutil

import pytest

from harness.migrations import FAILED, REAL, migrate, rollback
from pg_cluster import query

BEFORE = "17343012885147062"  # the newest without notices
INDEXES = "17958502713364095"  # the newest before the backfill

ROWS = """
insert into users (uuid, display_name, handle, email, cognito_user_id)
select md5('user ' || n)::uuid, 'User', 'user' || n, '', 'sub' || n from generate_series(1, 3) n;
insert into activities (uuid, user_uuid, message, created_at, expires_at)
select md5('crud ' || n)::uuid, md5('user ' || 1 + n %% 3)::uuid,
       case when n %% 10 = 0 then 'hello @user2' when n %% 10 = 1 then 'me@user2.com' else 'nothing' end,
       timezone('UTC', now()) - n * interval '1 second',
       case n %% 4 when 0 then null when 1 then 'infinity'::timestamp
                  when 2 then timezone('UTC', now()) - interval '1 hour'
                  else timezone('UTC', now()) + interval '1 day' end
from generate_series(1, 24000) n;
insert into activities (uuid, user_uuid, message, reply_to_activity_uuid, expires_at)
select md5('reply ' || n)::uuid, md5('user 1')::uuid, 'a reply', md5('crud ' || n)::uuid,
       case when n %% 2 = 0 then timezone('UTC', now()) + interval '1 day' end
from generate_series(1, 500) n;
"""

WANTED = """
select a.uuid, recipient, a.user_uuid, a.created_at, coalesce(a.expires_at, 'infinity')
from activities a, notice_recipients(a.message, a.reply_to_activity_uuid) recipient
where a.expires_at is null or a.expires_at > timezone('UTC', now()) order by 1, 2
"""
FOUND = "select activity_uuid, recipient, author_uuid, created_at, expires_at from notices order by 1, 2"


@pytest.fixture
def older(fresh_database, tmp_path):
    """older(VERSION): the URL of a database with rows, and the migrations up to VERSION."""
    url = fresh_database()

    def make(version):
        folder = tmp_path / version
        folder.mkdir(exist_ok=True)
        for file in REAL.glob("*.sql"):
            if file.name.split("_")[0] <= version:
                shutil.copy(file, folder)
        migrate(url, dir=folder)
        return url

    make(BEFORE)
    query(url, ROWS.replace("%%", "%"))
    return make


def test_the_living_that_were_there_before_are_noticed(older):
    url = older(INDEXES)
    migrate(url)
    found = query(url, FOUND)
    assert found == query(url, WANTED)
    assert 1000 < len(found) < 3000
    assert query(url, "select to_regclass('public.notices_backfill')") == [(None,)]


def test_a_backfill_that_was_cut_off_goes_on_after_its_last_batch(older):
    url = older(INDEXES)
    query(url, """
        create function stop() returns trigger language plpgsql as $$ begin raise exception 'stop here'; end $$;
        create trigger stop before insert on notices for each row
          when (new.activity_uuid = md5('crud 20000')::uuid) execute function stop();""")
    done = migrate(url, expect=FAILED)
    assert "stop here" in done.stderr and "statements are done and stay" in done.stderr
    early = query(url, FOUND)
    assert 0 < len(early) < len(query(url, WANTED))
    place = query(url, "select uuid from notices_backfill where lasting")
    query(url, "drop trigger stop on notices")
    query(url, "create table again (activity_uuid uuid)")
    query(url, """
        create function note() returns trigger language plpgsql as $$
          begin insert into again values (new.activity_uuid); return new; end $$;
        create trigger note before insert on notices for each row execute function note();""")
    assert "going on with statement" in migrate(url).stderr
    assert query(url, FOUND) == query(url, WANTED)
    repeated = query(url, "select count(*) from again where activity_uuid = any(%s::uuid[])", [row[0] for row in early])
    assert repeated == [(0,)] and place != []


def test_writers_go_on_beside_the_backfill_and_after_the_way_back(older):
    url = older(INDEXES)
    insert = """insert into activities (user_uuid, message) values (md5('user 1')::uuid, 'hi @user3')"""
    query(url, insert)
    migrate(url)
    query(url, insert)
    count = "select count(*) from notices where recipient = '@user3'"
    assert query(url, count) == [(2,)]
    assert query(url, FOUND) == query(url, WANTED)
    rollback(url, "--to", BEFORE)
    query(url, insert)
    migrate(url)
    assert query(url, count) == [(3,)]
    assert query(url, FOUND) == query(url, WANTED)
