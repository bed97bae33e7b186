-- The tables as they were before the first numbered migration. A database that has them was made by
-- the old schema.sql and is left as it is. There is no way back: it would drop every row.
-- migrate:applied-if to_regclass('public.users') IS NOT NULL
-- migrate:applied-if to_regclass('public.activities') IS NOT NULL
-- lint:allow missing-down

-- migrate:up
CREATE EXTENSION IF NOT EXISTS "uuid-ossp";

CREATE TABLE IF NOT EXISTS public.users (
  uuid uuid DEFAULT gen_random_uuid() PRIMARY KEY,
  display_name text NOT NULL,
  handle text NOT NULL,
  email text NOT NULL,
  cognito_user_id text NOT NULL,
  created_at timestamp DEFAULT current_timestamp
);

CREATE TABLE IF NOT EXISTS public.activities (
  uuid uuid DEFAULT gen_random_uuid() PRIMARY KEY,
  user_uuid uuid NOT NULL,
  message text NOT NULL,
  replies_count integer DEFAULT 0,
  reposts_count integer DEFAULT 0,
  likes_count integer DEFAULT 0,
  reply_to_activity_uuid integer,
  expires_at timestamp,
  created_at timestamp DEFAULT current_timestamp NOT NULL
);
