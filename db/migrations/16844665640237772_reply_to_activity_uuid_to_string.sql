-- A reply names its parent by UUID. A number can name none, so a number that stands there is cleared,
-- and said to have been.
-- migrate:applied-if EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('public.activities') AND attname = 'reply_to_activity_uuid' AND NOT attisdropped AND atttypid = 'uuid'::regtype)
-- migrate:replaces here.attrelid = to_regclass('public.activities') AND here.attname = 'reply_to_activity_uuid' AND here.atttypid <> 'uuid'::regtype

-- migrate:up
DO $$
DECLARE
  numbers text;
BEGIN
  IF EXISTS (SELECT FROM pg_attribute
             WHERE attrelid = 'public.activities'::regclass AND attname = 'reply_to_activity_uuid'
               AND NOT attisdropped AND atttypid = 'uuid'::regtype) THEN
    RETURN;
  END IF;
  SELECT string_agg(format('activity %s said %s', uuid, reply_to_activity_uuid), E'\n')
    INTO numbers
    FROM (SELECT uuid, reply_to_activity_uuid FROM public.activities
          WHERE reply_to_activity_uuid IS NOT NULL ORDER BY created_at LIMIT 1000) known;
  IF numbers IS NOT NULL THEN
    RAISE WARNING 'reply_to_activity_uuid held numbers, which name no activity; they are cleared'
      USING DETAIL = numbers;
  END IF;
  ALTER TABLE public.activities DROP COLUMN reply_to_activity_uuid;
  ALTER TABLE public.activities ADD COLUMN reply_to_activity_uuid uuid;
END
$$;

-- migrate:down
-- The replies stay, but no longer know what they reply to.
ALTER TABLE public.activities DROP COLUMN reply_to_activity_uuid;
ALTER TABLE public.activities ADD COLUMN reply_to_activity_uuid integer;
