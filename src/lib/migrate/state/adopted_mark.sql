CREATE TABLE IF NOT EXISTS public.schema_migrations_adopted (
  last_successful_run text NOT NULL,
  adopted_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
COMMENT ON TABLE public.schema_migrations_adopted IS
  'What last_successful_run said when cruddur migrate adopted this database';
