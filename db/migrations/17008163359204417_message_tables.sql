-- Direct messages, for installations that keep them in Postgres and not in DynamoDB.
-- migrate:applied-if (SELECT count(*) = 5 FROM pg_attribute WHERE attrelid = to_regclass('public.message_groups') AND attname IN ('uuid', 'first_user_uuid', 'second_user_uuid', 'last_message_at', 'created_at'))
-- migrate:applied-if (SELECT count(*) = 5 FROM pg_attribute WHERE attrelid = to_regclass('public.messages') AND attname IN ('uuid', 'message_group_uuid', 'user_uuid', 'message', 'created_at'))
-- migrate:applied-if (SELECT count(*) = 3 FROM pg_attribute WHERE attrelid IN (to_regclass('public.message_groups'), to_regclass('public.messages')) AND attname IN ('uuid', 'created_at') AND atthasdef)
-- migrate:applied-if (SELECT count(*) = 5 FROM pg_constraint WHERE conrelid = to_regclass('public.message_groups') AND conname IN ('message_groups_pkey', 'message_groups_pair_key', 'message_groups_pair_check', 'message_groups_first_user_uuid_fkey', 'message_groups_second_user_uuid_fkey'))
-- migrate:applied-if (SELECT count(*) = 3 FROM pg_constraint WHERE conrelid = to_regclass('public.messages') AND conname IN ('messages_pkey', 'messages_message_group_uuid_fkey', 'messages_user_uuid_fkey'))
-- migrate:applied-if (SELECT count(*) = 3 FROM pg_index WHERE indisvalid AND indexrelid IN (to_regclass('public.message_groups_first_latest_idx'), to_regclass('public.message_groups_second_latest_idx'), to_regclass('public.messages_group_newest_idx')))

-- migrate:up
-- Two users share one group, whoever wrote first: the pair is kept in the order of their uuids.
CREATE TABLE IF NOT EXISTS public.message_groups (
  uuid uuid DEFAULT gen_random_uuid() PRIMARY KEY,
  first_user_uuid uuid NOT NULL,
  second_user_uuid uuid NOT NULL,
  last_message_at timestamp NOT NULL,
  created_at timestamp DEFAULT timezone('UTC', now()) NOT NULL,
  CONSTRAINT message_groups_pair_key UNIQUE (first_user_uuid, second_user_uuid),
  CONSTRAINT message_groups_pair_check CHECK (first_user_uuid < second_user_uuid),
  CONSTRAINT message_groups_first_user_uuid_fkey
    FOREIGN KEY (first_user_uuid) REFERENCES public.users (uuid),
  CONSTRAINT message_groups_second_user_uuid_fkey
    FOREIGN KEY (second_user_uuid) REFERENCES public.users (uuid)
);

CREATE TABLE IF NOT EXISTS public.messages (
  uuid uuid DEFAULT gen_random_uuid() PRIMARY KEY,
  message_group_uuid uuid NOT NULL,
  user_uuid uuid NOT NULL,
  message text NOT NULL,
  created_at timestamp NOT NULL,
  CONSTRAINT messages_message_group_uuid_fkey
    FOREIGN KEY (message_group_uuid) REFERENCES public.message_groups (uuid) ON DELETE CASCADE,
  CONSTRAINT messages_user_uuid_fkey FOREIGN KEY (user_uuid) REFERENCES public.users (uuid)
);

-- A user's groups, latest message first: the user is on either side of the pair.
CREATE INDEX IF NOT EXISTS message_groups_first_latest_idx
  ON public.message_groups (first_user_uuid, last_message_at DESC, uuid DESC);
CREATE INDEX IF NOT EXISTS message_groups_second_latest_idx
  ON public.message_groups (second_user_uuid, last_message_at DESC, uuid DESC);

-- A group's messages, newest first.
CREATE INDEX IF NOT EXISTS messages_group_newest_idx
  ON public.messages (message_group_uuid, created_at DESC, uuid DESC);

-- migrate:down
DROP TABLE IF EXISTS public.messages;
DROP TABLE IF EXISTS public.message_groups;
