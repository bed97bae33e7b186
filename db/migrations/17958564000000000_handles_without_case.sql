-- Handles are looked up exactly and then without case: the index for the second.
-- migrate:applied-if EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('public.users_handle_lower_idx') AND indisvalid)

-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_handle_lower_idx
  ON public.users (lower(handle));

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY IF EXISTS public.users_handle_lower_idx;
