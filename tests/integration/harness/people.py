"""Rows that tests put into the database directly: users and activities."""

import datetime
import uuid

import psycopg2

from harness.tokens import token_for


class User:
    def __init__(self, key, handle, sub, display_name, user_uuid):
        self.key = key
        self.handle = handle
        self.sub = sub
        self.display_name = display_name
        self.uuid = user_uuid

    def token(self, **changes):
        return token_for(self.key, self.sub, **changes)


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def seconds(number):
    return datetime.timedelta(seconds=number)


def parse_time(text):
    """A time of the API as UTC without zone, as the database keeps it."""
    return datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc).replace(tzinfo=None)


class Database:
    """A session of its own in one of the cluster's databases."""

    def __init__(self, url, key):
        self.url = url
        self.key = key
        self.connection = psycopg2.connect(url, options="-c timezone=UTC")
        self.connection.autocommit = True

    def close(self):
        self.connection.close()

    def session(self):
        """Another session, in which statements are one transaction until it commits."""
        return psycopg2.connect(self.url, options="-c timezone=UTC")

    def run(self, sql, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else None

    def value(self, sql, *parameters):
        return self.run(sql, *parameters)[0][0]

    def add_user(self, handle=None, sub=None, display_name=None, bio=None):
        handle = handle or "u" + uuid.uuid4().hex[:10]
        sub = sub or str(uuid.uuid4())
        display_name = display_name or f"Name of {handle}"
        user_uuid = self.value(
            """insert into public.users (uuid, display_name, handle, email, cognito_user_id, bio)
               values (gen_random_uuid(), %s, %s, %s, %s, %s) returning uuid::text""",
            display_name, handle, f"{uuid.uuid4().hex}@example.com", sub, bio,
        )  # fmt: skip
        return User(self.key, handle, sub, display_name, user_uuid)

    def add_activity(
        self, user, message="A crud.", age=0, expires_in=86400, reply_to=None, created_at=None
    ):
        """`age` and `expires_in` in seconds from now; expires_in None: never. Returns the UUID."""
        now = utc_now()
        return self.value(
            """insert into public.activities
                 (uuid, user_uuid, message, reply_to_activity_uuid, expires_at, created_at)
               values (gen_random_uuid(), %s, %s, %s, %s, %s) returning uuid::text""",
            user.uuid,
            message,
            reply_to,
            None if expires_in is None else now + seconds(expires_in),
            created_at or now - seconds(age),
        )

    def wait_until(self, sql, *parameters, wanted=True, timeout=30):
        """Asks the server side until `sql` gives `wanted`: for what no one sends an event about."""
        found = self.value(
            "select 1"
        )  # a broken session shows itself here, not as an endless wait
        until = utc_now() + seconds(timeout)
        while True:
            found = self.value(sql, *parameters)
            if found == wanted:
                return
            assert utc_now() < until, f"{sql} gives {found}, waited for {wanted}"
            self.run("select pg_sleep(0.01)")

    def wait_for_blocked(self, count=1):
        """Waits until `count` statements of the database stand before a lock."""
        self.wait_until(
            """select count(*) >= %s from pg_stat_activity
               where datname = current_database() and wait_event_type = 'Lock'""",
            count,
        )


class TableLock:
    """Holds a table locked against everyone, readers too."""

    def __init__(self, database, table="activities"):
        self.connection = database.session()
        with self.connection.cursor() as cursor:
            cursor.execute(f"lock table public.{table} in access exclusive mode")

    def release(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.release()
