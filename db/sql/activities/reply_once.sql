-- lane: write
-- reply.sql with an Idempotency-Key; see create_once.sql. Always one row, as there. The parent is locked
-- before the key is claimed: it can neither expire nor vanish in between, so that no claim is left
-- behind by a reply that was refused. Where it is gone, `known` still has the answer of a reply that was
-- written in time.
-- $1: sub; $2: message; $3: the parent; $4: key; $5: hash of the request.
WITH caller AS MATERIALIZED (
  SELECT uuid, display_name, handle
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), proposed AS MATERIALIZED (
  SELECT gen_random_uuid() AS uuid, timezone('UTC', clock_timestamp()) AS at
), parent AS MATERIALIZED (
  SELECT uuid
  FROM public.activities
  WHERE uuid = $3::uuid
    AND (expires_at IS NULL OR expires_at > (SELECT at FROM proposed))
    AND EXISTS (SELECT FROM caller)
  FOR NO KEY UPDATE
), claimed AS (
  INSERT INTO public.idempotency_keys AS k
    (user_uuid, key, request_hash, claimed_at, made_uuid, made_at, display_name, handle)
  SELECT caller.uuid, $4::text, $5::bytea, proposed.at, proposed.uuid, proposed.at,
         caller.display_name, caller.handle
  FROM caller CROSS JOIN proposed CROSS JOIN parent
  ON CONFLICT (user_uuid, key) DO UPDATE
  SET (request_hash, claimed_at, made_uuid, made_at, expires_at, message_group_uuid,
       other_user_uuid, display_name, handle) = (
    SELECT chosen.request_hash, chosen.claimed_at, chosen.made_uuid, chosen.made_at,
           chosen.expires_at, chosen.message_group_uuid, chosen.other_user_uuid,
           chosen.display_name, chosen.handle
    FROM (SELECT (CASE WHEN k.claimed_at <= excluded.claimed_at - interval '1 day'
                       THEN excluded ELSE k END).*) chosen)
  RETURNING *
), counted AS (
  UPDATE public.activities a
  SET replies_count = least(greatest(a.replies_count, 0), 2147483646) + 1
  FROM claimed JOIN proposed ON proposed.uuid = claimed.made_uuid
  WHERE a.uuid = $3::uuid
), created AS (
  INSERT INTO public.activities (uuid, user_uuid, message, reply_to_activity_uuid, created_at)
  SELECT claimed.made_uuid, claimed.user_uuid, $2::text, $3::uuid, claimed.made_at
  FROM claimed JOIN proposed ON proposed.uuid = claimed.made_uuid
), known AS (
  SELECT k.*
  FROM caller
  CROSS JOIN proposed
  JOIN public.idempotency_keys k
    ON k.user_uuid = caller.uuid AND k.key = $4::text
   AND k.claimed_at > proposed.at - interval '1 day'
  WHERE NOT EXISTS (SELECT FROM claimed)
)
SELECT answer.made_uuid AS uuid, answer.display_name, answer.handle, $2::text AS message,
       0 AS replies_count, 0 AS reposts_count, 0 AS likes_count,
       $3::uuid AS reply_to_activity_uuid, answer.expires_at, answer.made_at AS created_at,
       caller.uuid AS _caller, nullif(answer.request_hash <> $5::bytea, false) AS _reused
FROM (SELECT) one
LEFT JOIN caller ON true
LEFT JOIN (SELECT * FROM claimed UNION ALL SELECT * FROM known) answer ON true
