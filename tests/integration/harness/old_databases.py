"""Databases of the old backend, as deployments left them, in each state of the contract."""

from harness.migrations import REAL, load
from pg_cluster import query

OTHER_NUMBERS = ["1682939383240204", "16846905535941799", "1684852644737475", "16843196527889276",
                 "168865974536313", "1688807575097205", "16888083837917128"]
NEWEST = max(path.name.split("_")[0] for path in REAL.glob("*.sql"))

# As the old repository's schema.sql made them.
OLD_BASE = """
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE TABLE IF NOT EXISTS public.schema_information (id integer UNIQUE, last_successful_run text);
INSERT INTO public.schema_information (id, last_successful_run) VALUES (1, '0') ON CONFLICT (id) DO NOTHING;
CREATE TABLE public.users (
  uuid UUID DEFAULT uuid_generate_v4() PRIMARY KEY, display_name text NOT NULL, handle text NOT NULL,
  email text NOT NULL, cognito_user_id text NOT NULL, created_at TIMESTAMP default current_timestamp NOT NULL);
CREATE TABLE public.activities (
  uuid UUID DEFAULT uuid_generate_v4() PRIMARY KEY, user_uuid UUID NOT NULL, message text NOT NULL,
  replies_count integer DEFAULT 0, reposts_count integer DEFAULT 0, likes_count integer DEFAULT 0,
  reply_to_activity_uuid integer, expires_at TIMESTAMP, created_at TIMESTAMP default current_timestamp NOT NULL);
"""
# As the contract words it, by another hand: no defaults for uuids, no extension.
CONTRACT_BASE = """
CREATE TABLE schema_information (id integer UNIQUE, last_successful_run text);
INSERT INTO schema_information VALUES (1, '0');
CREATE TABLE users (uuid uuid PRIMARY KEY, display_name text NOT NULL, handle text NOT NULL,
  email text NOT NULL, cognito_user_id text NOT NULL, created_at timestamp);
CREATE TABLE activities (uuid uuid PRIMARY KEY, user_uuid uuid NOT NULL, message text NOT NULL,
  replies_count integer DEFAULT 0, reposts_count integer DEFAULT 0, likes_count integer DEFAULT 0,
  reply_to_activity_uuid integer, expires_at timestamp,
  created_at timestamp DEFAULT current_timestamp NOT NULL);
"""
ROWS = """
INSERT INTO users (uuid, display_name, handle, email, cognito_user_id, created_at)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'User ' || n, 'user' || n,
       'u' || n || '@example.com', CASE WHEN n % 3 = 0 THEN 'sub-' || n ELSE 'MOCK' END, '2023-04-01'
FROM generate_series(1, 30) n;
INSERT INTO activities (uuid, user_uuid, message, replies_count, expires_at, created_at)
SELECT ('10000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
       ('00000000-0000-4000-8000-' || lpad((n % 30 + 1)::text, 12, '0'))::uuid, 'Crud ' || n,
       CASE WHEN n % 7 = 0 THEN NULL ELSE n END, timestamp '2023-06-01' + n * interval '1 hour',
       timestamp '2023-05-01' + n * interval '1 minute'
FROM generate_series(1, 500) n;
"""
ADD_BIO = "ALTER TABLE public.users ADD COLUMN bio text; UPDATE users SET bio = 'bio of ' || handle;"
REPLACE_REPLY = """ALTER TABLE activities DROP COLUMN reply_to_activity_uuid;
ALTER TABLE activities ADD COLUMN reply_to_activity_uuid uuid;
UPDATE activities SET reply_to_activity_uuid = '10000000-0000-4000-8000-000000000001' WHERE replies_count > 490;"""
ALTER_REPLY = REPLACE_REPLY.replace(
    "ALTER TABLE activities DROP COLUMN reply_to_activity_uuid;",
    "ALTER TABLE activities ALTER COLUMN reply_to_activity_uuid TYPE uuid USING NULL;",
).replace("ALTER TABLE activities ADD COLUMN reply_to_activity_uuid uuid;", "")


def rows(url):
    """Every value of every row, by column name: the order of columns may change, values may not."""
    result = {}
    for table in ("users", "activities"):
        result[table] = query(url, f"SELECT to_jsonb(t) - 'bio' - 'reply_to_activity_uuid' FROM {table} t ORDER BY uuid")
        for column in ("bio", "reply_to_activity_uuid"):
            if query(url, "SELECT 1 FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
                     table, column):
                result[column] = query(url, f"SELECT uuid, {column} FROM {table} WHERE {column} IS NOT NULL ORDER BY 1")
    return result


def prepare(url, base, state, number, alter=REPLACE_REPLY):
    load(url, base)
    load(url, ROWS)
    if state in ("first", "both"):
        load(url, ADD_BIO)
    if state in ("second", "both"):
        load(url, alter)
    if state != "neither":
        load(url, f"UPDATE schema_information SET last_successful_run = '{number}'")
    return rows(url)
