-- The schema with all migrations applied. Written by bin/db/schema-dump: edit the migrations.

--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: pg_trgm; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

--
-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

--
-- Name: uuid-ossp; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;

--
-- Name: EXTENSION "uuid-ossp"; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION "uuid-ossp" IS 'generate universally unique identifiers (UUIDs)';

--
-- Name: mentioned_names(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.mentioned_names(message text) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  SELECT DISTINCT found[1]
  FROM (SELECT CASE WHEN octet_length(message) = char_length(message)
                    THEN message ELSE normalize(message) END AS text) composed,
       LATERAL (SELECT CASE WHEN composed.text LIKE '%://%'
                            THEN regexp_replace(composed.text,
                                                '[a-zA-Z][a-zA-Z0-9+.-]*://[^[:space:]<>"]*', ' ', 'g')
                            ELSE composed.text END AS text) plain,
       LATERAL regexp_matches(plain.text COLLATE "und-x-icu",
                      '(?<![[:alnum:]./])@([[:alnum:]_.-]*[[:alnum:]_])', 'g') AS found
  WHERE length(found[1]) <= 200
$$;

--
-- Name: notice_recipients(text, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.notice_recipients(message text, parent_uuid uuid) RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
  SELECT '@' || name FROM public.mentioned_names(message) AS name
  UNION ALL
  SELECT user_uuid::text FROM public.activities WHERE uuid = parent_uuid
$$;

--
-- Name: write_notices(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.write_notices() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM public.notices WHERE activity_uuid = NEW.uuid;
  END IF;
  INSERT INTO public.notices (activity_uuid, recipient, author_uuid, created_at, expires_at)
  SELECT NEW.uuid, recipient, NEW.user_uuid, NEW.created_at, coalesce(NEW.expires_at, 'infinity')
  FROM public.notice_recipients(NEW.message, NEW.reply_to_activity_uuid) AS recipient;
  RETURN NULL;
END
$$;

--
-- Name: activities; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.activities (
    uuid uuid DEFAULT gen_random_uuid() NOT NULL,
    user_uuid uuid NOT NULL,
    message text NOT NULL,
    replies_count integer DEFAULT 0,
    reposts_count integer DEFAULT 0,
    likes_count integer DEFAULT 0,
    expires_at timestamp without time zone,
    created_at timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    reply_to_activity_uuid uuid
);

--
-- Name: idempotency_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency_keys (
    user_uuid uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    claimed_at timestamp without time zone NOT NULL,
    made_uuid uuid NOT NULL,
    made_at timestamp without time zone,
    expires_at timestamp without time zone,
    message_group_uuid uuid,
    other_user_uuid uuid,
    display_name text,
    handle text
);

--
-- Name: message_groups; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message_groups (
    uuid uuid DEFAULT gen_random_uuid() NOT NULL,
    first_user_uuid uuid NOT NULL,
    second_user_uuid uuid NOT NULL,
    last_message_at timestamp without time zone NOT NULL,
    created_at timestamp without time zone DEFAULT timezone('UTC'::text, now()) NOT NULL,
    CONSTRAINT message_groups_pair_check CHECK ((first_user_uuid < second_user_uuid))
);

--
-- Name: messages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.messages (
    uuid uuid DEFAULT gen_random_uuid() NOT NULL,
    message_group_uuid uuid NOT NULL,
    user_uuid uuid NOT NULL,
    message text NOT NULL,
    created_at timestamp without time zone NOT NULL
);

--
-- Name: notices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notices (
    activity_uuid uuid NOT NULL,
    recipient text NOT NULL,
    author_uuid uuid NOT NULL,
    created_at timestamp without time zone NOT NULL,
    expires_at timestamp without time zone NOT NULL
);

--
-- Name: schema_information; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_information (
    id integer,
    last_successful_run text
);

--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    version text NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    duration_ms bigint,
    checksum text,
    up_sql text,
    down_sql text,
    applied_by text DEFAULT CURRENT_USER NOT NULL,
    adopted boolean DEFAULT false NOT NULL
);

--
-- Name: TABLE schema_migrations; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.schema_migrations IS 'Applied migrations, one row each, written by cruddur migrate in the transaction of the change';

--
-- Name: schema_migrations_progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations_progress (
    version text NOT NULL,
    name text NOT NULL,
    direction text NOT NULL,
    statements_done integer NOT NULL,
    statement_running boolean NOT NULL,
    done_checksum text NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT schema_migrations_progress_direction_check CHECK ((direction = ANY (ARRAY['up'::text, 'down'::text])))
);

--
-- Name: TABLE schema_migrations_progress; Type: COMMENT; Schema: public; Owner: -
--

COMMENT ON TABLE public.schema_migrations_progress IS 'Where cruddur migrate goes on with a migration that runs statement by statement';

--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    uuid uuid DEFAULT gen_random_uuid() NOT NULL,
    display_name text NOT NULL,
    handle text NOT NULL,
    email text NOT NULL,
    cognito_user_id text NOT NULL,
    created_at timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    bio text
);

--
-- Name: activities activities_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_pkey PRIMARY KEY (uuid);

--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_uuid, key);

--
-- Name: message_groups message_groups_pair_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_groups
    ADD CONSTRAINT message_groups_pair_key UNIQUE (first_user_uuid, second_user_uuid);

--
-- Name: message_groups message_groups_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_groups
    ADD CONSTRAINT message_groups_pkey PRIMARY KEY (uuid);

--
-- Name: messages messages_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (uuid);

--
-- Name: notices notices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (activity_uuid, recipient);

--
-- Name: schema_information schema_information_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_information
    ADD CONSTRAINT schema_information_id_key UNIQUE (id);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

--
-- Name: schema_migrations_progress schema_migrations_progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations_progress
    ADD CONSTRAINT schema_migrations_progress_pkey PRIMARY KEY (version);

--
-- Name: users users_handle_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_handle_key UNIQUE (handle);

--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (uuid);

--
-- Name: activities_expiry_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activities_expiry_idx ON public.activities USING btree (expires_at, created_at, uuid);

--
-- Name: activities_lasting_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activities_lasting_idx ON public.activities USING btree (created_at DESC, uuid DESC) WHERE ((expires_at IS NULL) OR (expires_at = 'infinity'::timestamp without time zone));

--
-- Name: activities_message_trgm_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activities_message_trgm_idx ON public.activities USING gin (message public.gin_trgm_ops);

--
-- Name: activities_newest_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activities_newest_idx ON public.activities USING btree (created_at DESC, uuid DESC);

--
-- Name: activities_replies_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activities_replies_idx ON public.activities USING btree (reply_to_activity_uuid, created_at, uuid) WHERE (reply_to_activity_uuid IS NOT NULL);

--
-- Name: activities_user_expiry_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activities_user_expiry_idx ON public.activities USING btree (user_uuid, expires_at, created_at, uuid);

--
-- Name: activities_user_newest_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activities_user_newest_idx ON public.activities USING btree (user_uuid, created_at DESC, uuid DESC);

--
-- Name: idempotency_keys_claimed_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idempotency_keys_claimed_at_idx ON public.idempotency_keys USING btree (claimed_at);

--
-- Name: message_groups_first_latest_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_groups_first_latest_idx ON public.message_groups USING btree (first_user_uuid, last_message_at DESC, uuid DESC);

--
-- Name: message_groups_second_latest_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX message_groups_second_latest_idx ON public.message_groups USING btree (second_user_uuid, last_message_at DESC, uuid DESC);

--
-- Name: messages_group_newest_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX messages_group_newest_idx ON public.messages USING btree (message_group_uuid, created_at DESC, uuid DESC);

--
-- Name: notices_recipient_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notices_recipient_idx ON public.notices USING btree (lower(recipient), expires_at, created_at DESC, activity_uuid DESC) INCLUDE (recipient, author_uuid);

--
-- Name: users_cognito_user_id_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_cognito_user_id_key ON public.users USING btree (cognito_user_id) WHERE (cognito_user_id <> 'MOCK'::text);

--
-- Name: users_handle_lower_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_handle_lower_idx ON public.users USING btree (lower(handle));

--
-- Name: users_handle_trgm_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX users_handle_trgm_idx ON public.users USING gin (handle public.gin_trgm_ops);

--
-- Name: activities activities_notices_insert; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activities_notices_insert AFTER INSERT ON public.activities FOR EACH ROW WHEN (((new.message ~~ '%@%'::text) OR (new.reply_to_activity_uuid IS NOT NULL))) EXECUTE FUNCTION public.write_notices();

--
-- Name: activities activities_notices_update; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activities_notices_update AFTER UPDATE OF user_uuid, message, reply_to_activity_uuid, expires_at, created_at ON public.activities FOR EACH ROW WHEN (((old.message ~~ '%@%'::text) OR (old.reply_to_activity_uuid IS NOT NULL) OR (new.message ~~ '%@%'::text) OR (new.reply_to_activity_uuid IS NOT NULL))) EXECUTE FUNCTION public.write_notices();

--
-- Name: activities activities_reply_to_activity_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_reply_to_activity_uuid_fkey FOREIGN KEY (reply_to_activity_uuid) REFERENCES public.activities(uuid) ON DELETE SET NULL;

--
-- Name: activities activities_user_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activities
    ADD CONSTRAINT activities_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.users(uuid);

--
-- Name: message_groups message_groups_first_user_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_groups
    ADD CONSTRAINT message_groups_first_user_uuid_fkey FOREIGN KEY (first_user_uuid) REFERENCES public.users(uuid);

--
-- Name: message_groups message_groups_second_user_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_groups
    ADD CONSTRAINT message_groups_second_user_uuid_fkey FOREIGN KEY (second_user_uuid) REFERENCES public.users(uuid);

--
-- Name: messages messages_message_group_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_message_group_uuid_fkey FOREIGN KEY (message_group_uuid) REFERENCES public.message_groups(uuid) ON DELETE CASCADE;

--
-- Name: messages messages_user_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT messages_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.users(uuid);

--
-- Name: notices notices_activity_uuid_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_activity_uuid_fkey FOREIGN KEY (activity_uuid) REFERENCES public.activities(uuid) ON UPDATE CASCADE ON DELETE CASCADE;

--
-- PostgreSQL database dump complete
--

--
-- The migrations that this schema has.
--

INSERT INTO public.schema_information (id, last_successful_run) VALUES (1, '17958564000000000');

INSERT INTO public.schema_migrations (version, name, checksum, applied_by) VALUES
  ('16800000000000000', 'base_tables', '33181e7a8c31d5cfa818f68908d1b387930cb58aeb8f37c68125335852f7a488', 'schema.sql'),
  ('16812294605993273', 'add_bio_column', '9455a95659c0ed3f0a7bb97fe24a678570cc092cca63e6affd9b9fd2efbca7d5', 'schema.sql'),
  ('16844665640237772', 'reply_to_activity_uuid_to_string', '6913d7c8fe523572fe0d0943eb624fe42acee8b0d14b03de5409302e9c0c53c8', 'schema.sql'),
  ('17008140224170526', 'api_constraints', '7f204023c810b08805ae7f020ef0356d7e94b5b7a33ebae554fbfd13caa431c9', 'schema.sql'),
  ('17008140731904418', 'api_indexes', 'd51d07e887edd5ea4d181356a2f8599f243ba5eb3df386d7edfc7b97732937a2', 'schema.sql'),
  ('17008163359204417', 'message_tables', '530652fd69b888de4b84550e69ebdf8aed7bc33a2386b89061ae25823bed7585', 'schema.sql'),
  ('17343012885147062', 'idempotency_keys', '96c5e533a830457a4681335eddd93e608740f973420f23abacc5d2f8badcb030', 'schema.sql'),
  ('17958501301187402', 'notices', '4d9f2f785326e500bec4d8895bd0fa5d3c4e0febf00d2d2ce62bf159bfe04a52', 'schema.sql'),
  ('17958502713364095', 'living_indexes', '6c5726c8bb49ee7c3fcc5253dcfed6a2938f93baf73f59364b58bbf79c516894', 'schema.sql'),
  ('17958504129853711', 'notices_backfill', '49af662d0dde975700a95b2a64ef5b8236ccf7aca0234e26cf6a8cc9a0e4c3e9', 'schema.sql'),
  ('17958564000000000', 'handles_without_case', '3354a81b46274049860a9c6484878fb8e36dfff8a23d1c317e90b3b789a17de5', 'schema.sql');
