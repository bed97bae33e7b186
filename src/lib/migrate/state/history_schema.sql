CREATE TABLE IF NOT EXISTS public.schema_information (
  id integer UNIQUE,
  last_successful_run text
);
INSERT INTO public.schema_information (id, last_successful_run)
SELECT 1, '0' WHERE NOT EXISTS (SELECT FROM public.schema_information WHERE id = 1);

CREATE TABLE IF NOT EXISTS public.schema_migrations (
  version text PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  duration_ms bigint,
  checksum text,
  up_sql text,
  down_sql text,
  applied_by text DEFAULT current_user NOT NULL,
  adopted boolean DEFAULT false NOT NULL
);
COMMENT ON TABLE public.schema_migrations IS
  'Applied migrations, one row each, written by cruddur migrate in the transaction of the change';

CREATE TABLE IF NOT EXISTS public.schema_migrations_progress (
  version text PRIMARY KEY,
  name text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('up', 'down')),
  statements_done integer NOT NULL,
  statement_running boolean NOT NULL,
  done_checksum text NOT NULL,
  updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
COMMENT ON TABLE public.schema_migrations_progress IS
  'Where cruddur migrate goes on with a migration that runs statement by statement';
