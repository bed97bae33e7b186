-- The notices of activities that were there before the triggers. Only of those that live: the others
-- are in no answer, and the trigger covers one whose expiry is put off. In batches that commit, while
-- the service goes on; a run that was cut off goes on after its last batch.

-- migrate:up transaction:false
-- How far it is: the last row of the last batch, for those that expire and those that never do.
CREATE TABLE IF NOT EXISTS public.notices_backfill (
  lasting boolean PRIMARY KEY,
  expires_at timestamp NOT NULL,
  created_at timestamp NOT NULL,
  uuid uuid NOT NULL
);

INSERT INTO public.notices_backfill (lasting, expires_at, created_at, uuid)
VALUES (false, timezone('UTC', clock_timestamp()), '-infinity', '00000000-0000-0000-0000-000000000000'),
       (true, 'infinity', 'infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ON CONFLICT DO NOTHING;

DO $$
DECLARE
  done public.notices_backfill;
BEGIN
  LOOP
    SELECT * INTO STRICT done FROM public.notices_backfill WHERE NOT lasting;
    WITH batch AS MATERIALIZED (
      SELECT *
      FROM public.activities
      WHERE (expires_at, created_at, uuid) > (done.expires_at, done.created_at, done.uuid)
      ORDER BY expires_at, created_at, uuid
      LIMIT 5000
    ), written AS (
      INSERT INTO public.notices (activity_uuid, recipient, author_uuid, created_at, expires_at)
      SELECT batch.uuid, recipient, batch.user_uuid, batch.created_at, batch.expires_at
      FROM batch
      CROSS JOIN LATERAL public.notice_recipients(batch.message, batch.reply_to_activity_uuid)
        AS recipient
      WHERE batch.message LIKE '%@%' OR batch.reply_to_activity_uuid IS NOT NULL
      ON CONFLICT DO NOTHING
    )
    UPDATE public.notices_backfill
    SET (expires_at, created_at, uuid) = (last.expires_at, last.created_at, last.uuid)
    FROM (SELECT expires_at, created_at, uuid FROM batch
          ORDER BY expires_at DESC, created_at DESC, uuid DESC LIMIT 1) last
    WHERE NOT lasting;
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END
$$;

DO $$
DECLARE
  done public.notices_backfill;
BEGIN
  LOOP
    SELECT * INTO STRICT done FROM public.notices_backfill WHERE lasting;
    WITH batch AS MATERIALIZED (
      SELECT *
      FROM public.activities
      WHERE expires_at IS NULL AND (created_at, uuid) < (done.created_at, done.uuid)
      ORDER BY created_at DESC, uuid DESC
      LIMIT 5000
    ), written AS (
      INSERT INTO public.notices (activity_uuid, recipient, author_uuid, created_at, expires_at)
      SELECT batch.uuid, recipient, batch.user_uuid, batch.created_at, 'infinity'
      FROM batch
      CROSS JOIN LATERAL public.notice_recipients(batch.message, batch.reply_to_activity_uuid)
        AS recipient
      WHERE batch.message LIKE '%@%' OR batch.reply_to_activity_uuid IS NOT NULL
      ON CONFLICT DO NOTHING
    )
    UPDATE public.notices_backfill
    SET (created_at, uuid) = (last.created_at, last.uuid)
    FROM (SELECT created_at, uuid FROM batch ORDER BY created_at, uuid LIMIT 1) last
    WHERE lasting;
    EXIT WHEN NOT FOUND;
    COMMIT;
  END LOOP;
END
$$;

DROP TABLE public.notices_backfill; -- lint:allow drop

-- migrate:down transaction:false
-- The table of notices goes with its own migration.
DROP TABLE IF EXISTS public.notices_backfill;
