-- Whom an activity concerns: those whom it mentions, and the author of what it replies to, so that
-- notifications come from an index and not from a search in all messages. Triggers write the rows: they
-- cover older versions of the service that still run, and whoever else writes. The rows of activities
-- that are there already come with notices_backfill.
-- migrate:applied-if (SELECT count(*) = 3 FROM pg_proc WHERE oid IN (to_regprocedure('public.mentioned_names(text)'), to_regprocedure('public.notice_recipients(text, uuid)'), to_regprocedure('public.write_notices()')))
-- migrate:applied-if (SELECT count(*) = 5 FROM pg_attribute WHERE attrelid = to_regclass('public.notices') AND attname IN ('activity_uuid', 'recipient', 'author_uuid', 'created_at', 'expires_at'))
-- migrate:applied-if (SELECT count(*) = 2 FROM pg_constraint WHERE conrelid = to_regclass('public.notices') AND conname IN ('notices_pkey', 'notices_activity_uuid_fkey'))
-- migrate:applied-if EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('public.notices_recipient_idx') AND indisvalid)
-- migrate:applied-if (SELECT count(*) = 2 FROM pg_trigger WHERE tgrelid = to_regclass('public.activities') AND tgname IN ('activities_notices_insert', 'activities_notices_update'))

-- migrate:up
-- The names that a message mentions: '@', not after a letter, a digit, '.' or '/', and the longest run
-- of letters, digits, '_', '.' and '-' that ends in a letter, a digit or '_'. Nothing in a URL is a
-- mention. The collation is fixed, so that what a letter is does not depend on the database. A name of
-- more than 200 characters would not fit into an index; nobody has it.
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

-- Names are kept as they were written, and find their user when they are read: users may come, and may
-- change their handles.
CREATE FUNCTION public.notice_recipients(message text, parent_uuid uuid) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
  SELECT '@' || name FROM public.mentioned_names(message) AS name
  UNION ALL
  SELECT user_uuid::text FROM public.activities WHERE uuid = parent_uuid
$$;

-- author, created_at and expires_at are the activity's. One that never expires has 'infinity' here.
CREATE TABLE public.notices (
  activity_uuid uuid NOT NULL,
  recipient text NOT NULL, -- '@' and the name, or the uuid of the author who is replied to
  author_uuid uuid NOT NULL,
  created_at timestamp NOT NULL,
  expires_at timestamp NOT NULL,
  CONSTRAINT notices_pkey PRIMARY KEY (activity_uuid, recipient),
  CONSTRAINT notices_activity_uuid_fkey FOREIGN KEY (activity_uuid)
    REFERENCES public.activities (uuid) ON UPDATE CASCADE ON DELETE CASCADE
);

-- What concerns one user, the living first: those that never expire are in the order of time.
CREATE INDEX notices_recipient_idx
  ON public.notices (lower(recipient), expires_at, created_at DESC, activity_uuid DESC)
  INCLUDE (recipient, author_uuid);

-- Whoever may write activities need not have a right to this table.
CREATE FUNCTION public.write_notices() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
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

-- A post that concerns nobody, as most do, pays no more than the look at this condition.
CREATE TRIGGER activities_notices_insert
  AFTER INSERT ON public.activities
  FOR EACH ROW
  WHEN (NEW.message LIKE '%@%' OR NEW.reply_to_activity_uuid IS NOT NULL)
  EXECUTE FUNCTION public.write_notices();

CREATE TRIGGER activities_notices_update
  AFTER UPDATE OF user_uuid, message, reply_to_activity_uuid, expires_at, created_at
  ON public.activities
  FOR EACH ROW
  WHEN (OLD.message LIKE '%@%' OR OLD.reply_to_activity_uuid IS NOT NULL
        OR NEW.message LIKE '%@%' OR NEW.reply_to_activity_uuid IS NOT NULL)
  EXECUTE FUNCTION public.write_notices();

-- migrate:down
DROP TRIGGER activities_notices_update ON public.activities;
DROP TRIGGER activities_notices_insert ON public.activities;
DROP FUNCTION public.write_notices();
DROP TABLE public.notices;
DROP FUNCTION public.notice_recipients(text, uuid);
DROP FUNCTION public.mentioned_names(text);
