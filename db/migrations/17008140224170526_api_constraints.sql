-- What the API relies on: one user a handle, one user a Cognito sub, replies and authors that exist.
-- It finds databases that were made by different hands and leaves them alike.
-- migrate:applied-if (SELECT count(*) = 2 FROM pg_extension WHERE extname IN ('uuid-ossp', 'pg_trgm'))
-- migrate:applied-if (SELECT count(*) = 2 FROM pg_attribute WHERE attrelid = to_regclass('public.users') AND attname IN ('uuid', 'created_at') AND atthasdef)
-- migrate:applied-if (SELECT count(*) = 5 FROM pg_attribute WHERE attrelid = to_regclass('public.activities') AND attname IN ('uuid', 'replies_count', 'reposts_count', 'likes_count', 'created_at') AND atthasdef)
-- migrate:applied-if EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('public.users') AND conname = 'users_handle_key')
-- migrate:applied-if (SELECT count(*) = 2 FROM pg_constraint WHERE conrelid = to_regclass('public.activities') AND conname IN ('activities_user_uuid_fkey', 'activities_reply_to_activity_uuid_fkey'))
-- migrate:applied-if EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('public.users_cognito_user_id_key') AND indisunique AND indisvalid)
-- migrate:replaces here.attrelid = to_regclass('public.users') AND here.attname = 'bio' AND EXISTS (SELECT FROM pg_attribute later WHERE later.attrelid = here.attrelid AND later.attname = 'created_at' AND NOT later.attisdropped AND later.attnum > here.attnum)
-- migrate:replaces here.attrelid = to_regclass('public.activities') AND here.attname = 'reply_to_activity_uuid' AND EXISTS (SELECT FROM pg_attribute later WHERE later.attrelid = here.attrelid AND later.attname = 'created_at' AND NOT later.attisdropped AND later.attnum > here.attnum)

-- migrate:up

-- Two users with one handle or one sub: only a person can tell which row is right.
DO $$
DECLARE
  groups bigint;
  found text;
BEGIN
  WITH twins AS (
    SELECT 'handle' AS what, handle AS value FROM public.users
    WHERE handle IS NOT NULL
    GROUP BY handle HAVING count(*) > 1
    UNION ALL
    SELECT 'cognito_user_id', cognito_user_id FROM public.users
    WHERE cognito_user_id <> 'MOCK'
    GROUP BY cognito_user_id HAVING count(*) > 1
  ), listed AS (
    SELECT format('%s %s: user %s, handle %s, display_name %s, cognito_user_id %s, created_at %s',
                  t.what, quote_literal(t.value), u.uuid, quote_nullable(u.handle),
                  quote_nullable(u.display_name), quote_literal(u.cognito_user_id),
                  coalesce(u.created_at::text, 'null')) AS line
    FROM twins t
    JOIN public.users u
      ON (t.what = 'handle' AND u.handle = t.value)
      OR (t.what = 'cognito_user_id' AND u.cognito_user_id = t.value)
    ORDER BY t.what DESC, t.value, u.created_at, u.uuid
    LIMIT 500
  )
  SELECT (SELECT count(*) FROM twins), (SELECT string_agg(line, E'\n') FROM listed)
    INTO groups, found;
  IF groups > 0 THEN
    RAISE EXCEPTION 'users share a handle or a cognito_user_id (% of them are not unique)', groups
      USING ERRCODE = 'unique_violation', DETAIL = found,
            HINT = 'Decide which row of each stays as it is and change or remove the others, '
                   'with the activities that name them, then migrate again.';
  END IF;
END
$$;

CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE EXTENSION IF NOT EXISTS pg_trgm;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_opclass
                 WHERE opcname = 'gin_trgm_ops' AND pg_opclass_is_visible(oid)) THEN
    RAISE EXCEPTION 'the extension pg_trgm is installed outside of the search_path'
      USING HINT = 'ALTER EXTENSION pg_trgm SET SCHEMA public; or put its schema on the role''s '
                   'search_path, then migrate again.';
  END IF;
END
$$;

ALTER TABLE public.users
  ALTER COLUMN uuid SET DEFAULT gen_random_uuid(),
  ALTER COLUMN created_at SET DEFAULT current_timestamp,
  ALTER COLUMN created_at DROP NOT NULL;
ALTER TABLE public.activities
  ALTER COLUMN uuid SET DEFAULT gen_random_uuid(),
  ALTER COLUMN replies_count SET DEFAULT 0,
  ALTER COLUMN reposts_count SET DEFAULT 0,
  ALTER COLUMN likes_count SET DEFAULT 0,
  ALTER COLUMN created_at SET DEFAULT current_timestamp;

-- Most databases got these two columns by ALTER TABLE, at the end of their tables. Elsewhere they
-- move there, so that dumps of all databases agree. No row is rewritten but those with a value.
DO $$
DECLARE
  moved record;
BEGIN
  FOR moved IN
    SELECT format('public.%I', column_table) AS qualified, column_name, column_type
    FROM (VALUES ('users', 'bio', 'text'),
                 ('activities', 'reply_to_activity_uuid', 'uuid')) known
           (column_table, column_name, column_type)
    JOIN pg_attribute here
      ON here.attrelid = format('public.%I', column_table)::regclass
     AND here.attname = column_name AND NOT here.attisdropped
    WHERE EXISTS (SELECT FROM pg_attribute later
                  WHERE later.attrelid = here.attrelid AND later.attname = 'created_at'
                    AND NOT later.attisdropped AND later.attnum > here.attnum)
  LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN moved_here %s', moved.qualified, moved.column_type);
    EXECUTE format('UPDATE %s SET moved_here = %I WHERE %2$I IS NOT NULL',
                   moved.qualified, moved.column_name);
    EXECUTE format('ALTER TABLE %s DROP COLUMN %I', moved.qualified, moved.column_name);
    EXECUTE format('ALTER TABLE %s RENAME COLUMN moved_here TO %I',
                   moved.qualified, moved.column_name);
  END LOOP;
END
$$;

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint
                 WHERE conrelid = 'public.users'::regclass AND conname = 'users_handle_key') THEN
    -- users is small: this takes no longer than the moment the lock is held anyway.
    ALTER TABLE public.users ADD CONSTRAINT users_handle_key UNIQUE (handle);
  END IF;
  IF NOT EXISTS (SELECT FROM pg_constraint
                 WHERE conrelid = 'public.activities'::regclass
                   AND conname = 'activities_user_uuid_fkey') THEN
    ALTER TABLE public.activities ADD CONSTRAINT activities_user_uuid_fkey
      FOREIGN KEY (user_uuid) REFERENCES public.users (uuid) NOT VALID;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_constraint
                 WHERE conrelid = 'public.activities'::regclass
                   AND conname = 'activities_reply_to_activity_uuid_fkey') THEN
    ALTER TABLE public.activities ADD CONSTRAINT activities_reply_to_activity_uuid_fkey
      FOREIGN KEY (reply_to_activity_uuid) REFERENCES public.activities (uuid)
      ON DELETE SET NULL NOT VALID;
  END IF;
END
$$;

-- 'MOCK' stands for a sub that is not known yet: many users share it.
CREATE UNIQUE INDEX IF NOT EXISTS users_cognito_user_id_key
  ON public.users (cognito_user_id) WHERE cognito_user_id <> 'MOCK'; -- lint:allow index-not-concurrent

-- migrate:down
-- Defaults and extensions stay: they hurt nobody, and others may use them.
ALTER TABLE public.activities DROP CONSTRAINT IF EXISTS activities_reply_to_activity_uuid_fkey;
ALTER TABLE public.activities DROP CONSTRAINT IF EXISTS activities_user_uuid_fkey;
ALTER TABLE public.users DROP CONSTRAINT IF EXISTS users_handle_key;
DROP INDEX IF EXISTS public.users_cognito_user_id_key;
