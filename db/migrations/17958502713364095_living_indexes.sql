-- The living activities are found by their expiry, so that expired rows, which stay until
-- `cruddur purge` takes them, cost a reader nothing. Built while the service goes on.
-- migrate:applied-if (SELECT count(*) = 3 FROM pg_index WHERE indisvalid AND indexrelid IN (to_regclass('public.activities_expiry_idx'), to_regclass('public.activities_lasting_idx'), to_regclass('public.activities_user_expiry_idx')))

-- migrate:up transaction:false
-- Everybody's; and what has expired, for the purge.
CREATE INDEX CONCURRENTLY IF NOT EXISTS activities_expiry_idx
  ON public.activities (expires_at, created_at, uuid);

-- Those that never expire, as replies: newest first.
CREATE INDEX CONCURRENTLY IF NOT EXISTS activities_lasting_idx
  ON public.activities (created_at DESC, uuid DESC)
  WHERE expires_at IS NULL OR expires_at = 'infinity';

-- One user's.
CREATE INDEX CONCURRENTLY IF NOT EXISTS activities_user_expiry_idx
  ON public.activities (user_uuid, expires_at, created_at, uuid);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS public.activities_user_expiry_idx;
DROP INDEX CONCURRENTLY IF EXISTS public.activities_lasting_idx;
DROP INDEX CONCURRENTLY IF EXISTS public.activities_expiry_idx;
