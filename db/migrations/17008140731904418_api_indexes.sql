-- The indexes behind the statements of db/sql, built while the service goes on, and the check of the
-- foreign keys against the rows that were there before them.
-- migrate:applied-if (SELECT count(*) = 4 FROM pg_index WHERE indrelid = to_regclass('public.activities') AND indisvalid AND indexrelid IN (to_regclass('public.activities_newest_idx'), to_regclass('public.activities_user_newest_idx'), to_regclass('public.activities_replies_idx'), to_regclass('public.activities_message_trgm_idx')))
-- migrate:applied-if EXISTS (SELECT FROM pg_index WHERE indrelid = to_regclass('public.users') AND indisvalid AND indexrelid = to_regclass('public.users_handle_trgm_idx'))

-- migrate:up transaction:false
-- Home: newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS activities_newest_idx
  ON public.activities (created_at DESC, uuid DESC);

-- Profiles: newest first of one user.
CREATE INDEX CONCURRENTLY IF NOT EXISTS activities_user_newest_idx
  ON public.activities (user_uuid, created_at DESC, uuid DESC);

-- Replies: oldest first of one activity.
CREATE INDEX CONCURRENTLY IF NOT EXISTS activities_replies_idx
  ON public.activities (reply_to_activity_uuid, created_at, uuid)
  WHERE reply_to_activity_uuid IS NOT NULL;

-- Search and mentions: any part of a message.
CREATE INDEX CONCURRENTLY IF NOT EXISTS activities_message_trgm_idx
  ON public.activities USING gin (message gin_trgm_ops);

-- Search: any part of a handle.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_handle_trgm_idx
  ON public.users USING gin (handle gin_trgm_ops);

-- Rows without their author or parent are kept and named; the key then holds for new rows alone.
DO $$
DECLARE
  lost text;
BEGIN
  SELECT string_agg(format('activity %s names user %s', uuid, user_uuid), E'\n')
    INTO lost
    FROM (SELECT a.uuid, a.user_uuid FROM public.activities a
          WHERE NOT EXISTS (SELECT FROM public.users u WHERE u.uuid = a.user_uuid)
          ORDER BY a.created_at LIMIT 500) orphans;
  IF lost IS NULL THEN
    ALTER TABLE public.activities VALIDATE CONSTRAINT activities_user_uuid_fkey;
  ELSE
    RAISE WARNING 'activities whose user does not exist are kept; activities_user_uuid_fkey stays NOT VALID'
      USING DETAIL = lost,
            HINT = 'ALTER TABLE public.activities VALIDATE CONSTRAINT activities_user_uuid_fkey; once they are settled.';
  END IF;
END
$$;

DO $$
DECLARE
  lost text;
BEGIN
  SELECT string_agg(format('activity %s replies to %s', uuid, reply_to_activity_uuid), E'\n')
    INTO lost
    FROM (SELECT a.uuid, a.reply_to_activity_uuid FROM public.activities a
          WHERE a.reply_to_activity_uuid IS NOT NULL
            AND NOT EXISTS (SELECT FROM public.activities p WHERE p.uuid = a.reply_to_activity_uuid)
          ORDER BY a.created_at LIMIT 500) orphans;
  IF lost IS NULL THEN
    ALTER TABLE public.activities VALIDATE CONSTRAINT activities_reply_to_activity_uuid_fkey;
  ELSE
    RAISE WARNING 'replies whose parent does not exist are kept; activities_reply_to_activity_uuid_fkey stays NOT VALID'
      USING DETAIL = lost,
            HINT = 'ALTER TABLE public.activities VALIDATE CONSTRAINT activities_reply_to_activity_uuid_fkey; once they are settled.';
  END IF;
END
$$;

-- migrate:down transaction:false
-- The keys are as before their check again: they hold for new rows alone.
ALTER TABLE public.activities
  DROP CONSTRAINT IF EXISTS activities_reply_to_activity_uuid_fkey,
  ADD CONSTRAINT activities_reply_to_activity_uuid_fkey
    FOREIGN KEY (reply_to_activity_uuid) REFERENCES public.activities (uuid)
    ON DELETE SET NULL NOT VALID;
ALTER TABLE public.activities
  DROP CONSTRAINT IF EXISTS activities_user_uuid_fkey,
  ADD CONSTRAINT activities_user_uuid_fkey
    FOREIGN KEY (user_uuid) REFERENCES public.users (uuid) NOT VALID;
DROP INDEX CONCURRENTLY IF EXISTS public.users_handle_trgm_idx;
DROP INDEX CONCURRENTLY IF EXISTS public.activities_message_trgm_idx;
DROP INDEX CONCURRENTLY IF EXISTS public.activities_replies_idx;
DROP INDEX CONCURRENTLY IF EXISTS public.activities_user_newest_idx;
DROP INDEX CONCURRENTLY IF EXISTS public.activities_newest_idx;
