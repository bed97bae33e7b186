-- Users say something about themselves.
-- migrate:applied-if EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.users') AND attname = 'bio' AND NOT attisdropped)

-- migrate:up
ALTER TABLE public.users ADD COLUMN IF NOT EXISTS bio text;

-- migrate:down
ALTER TABLE public.users DROP COLUMN IF EXISTS bio;
