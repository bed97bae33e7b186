-- What requests with an Idempotency-Key were answered, so that a repeated one is answered the same.
-- migrate:applied-if (SELECT count(*) = 11 FROM pg_attribute WHERE attrelid = to_regclass('public.idempotency_keys') AND attname IN ('user_uuid', 'key', 'request_hash', 'claimed_at', 'made_uuid', 'made_at', 'expires_at', 'message_group_uuid', 'other_user_uuid', 'display_name', 'handle'))
-- migrate:applied-if EXISTS (SELECT FROM pg_constraint WHERE conrelid = to_regclass('public.idempotency_keys') AND conname = 'idempotency_keys_pkey')
-- migrate:applied-if EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('public.idempotency_keys_claimed_at_idx') AND indisvalid)

-- migrate:up
-- A row commits with what the request wrote. It holds the values of the answer that the repeated
-- request does not bring along itself, and names as they were. It counts for a day, then the server
-- deletes it. No foreign keys: they would lock the rows of users once more for each write.
CREATE TABLE IF NOT EXISTS public.idempotency_keys (
  user_uuid uuid NOT NULL,
  key text NOT NULL,
  request_hash bytea NOT NULL, -- SHA-256 of route and body
  claimed_at timestamp NOT NULL,
  made_uuid uuid NOT NULL, -- of the activity or the message
  made_at timestamp,
  expires_at timestamp,
  message_group_uuid uuid,
  other_user_uuid uuid, -- the recipient, where messages live in DynamoDB
  display_name text,
  handle text,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_uuid, key)
);

-- The oldest, to delete them.
CREATE INDEX IF NOT EXISTS idempotency_keys_claimed_at_idx
  ON public.idempotency_keys (claimed_at);

-- migrate:down
DROP TABLE IF EXISTS public.idempotency_keys;
