-- plan: custom
-- lane: heavy
-- A batch of `cruddur purge`: deletes activities that expired before $1, in the order of their expiry, and
-- says how far it came. Kept are those that a living reply answers, and expired replies of a living
-- activity, which counts them. Nobody is waited for: a row that somebody holds is left for another run.
-- $1: the moment; $2, $3, $4: only what comes after this (expires_at, created_at, uuid); $5: how many rows
-- to look at; $6: whether to delete. No row when nothing is left.
WITH candidates AS MATERIALIZED (
  SELECT uuid, expires_at, created_at, reply_to_activity_uuid
  FROM public.activities
  WHERE expires_at < $1::timestamp
    AND (expires_at, created_at, uuid) > ($2::timestamp, $3::timestamp, $4::uuid)
  ORDER BY expires_at, created_at, uuid
  LIMIT $5::int
), needless AS MATERIALIZED (
  SELECT a.uuid
  FROM public.activities a
  JOIN candidates c ON c.uuid = a.uuid
  WHERE NOT EXISTS (
      SELECT FROM public.activities reply
      WHERE reply.reply_to_activity_uuid = c.uuid
        AND (reply.expires_at IS NULL OR reply.expires_at > timezone('UTC', statement_timestamp())))
    AND NOT EXISTS (
      SELECT FROM public.activities parent
      WHERE parent.uuid = c.reply_to_activity_uuid
        AND (parent.expires_at IS NULL OR parent.expires_at > timezone('UTC', statement_timestamp())))
), locked AS MATERIALIZED (
  SELECT a.uuid
  FROM public.activities a
  WHERE $6::boolean AND a.uuid = ANY (ARRAY(SELECT uuid FROM needless)) AND a.expires_at < $1::timestamp
  FOR UPDATE SKIP LOCKED
), deleted AS (
  DELETE FROM public.activities WHERE uuid = ANY (ARRAY(SELECT uuid FROM locked)) RETURNING 1
)
SELECT last.expires_at, last.created_at, last.uuid,
       (SELECT count(*) FROM candidates) AS looked_at,
       CASE WHEN $6::boolean THEN (SELECT count(*) FROM deleted)
            ELSE (SELECT count(*) FROM needless) END AS done
FROM (SELECT expires_at, created_at, uuid
      FROM candidates
      ORDER BY expires_at DESC, created_at DESC, uuid DESC
      LIMIT 1) last
