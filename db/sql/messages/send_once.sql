-- lane: write
-- send.sql with an Idempotency-Key; see activities/create_once.sql. One row when the caller is known; its
-- uuid is null when they are not a member. The group is locked before the key is claimed, as it gives
-- the message its time. Where it is gone, `known` has the answer, as in activities/reply_once.sql.
-- $1: sub; $2: the group; $3: message; $4: key; $5: hash of the request.
WITH caller AS MATERIALIZED (
  SELECT uuid, display_name, handle
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), proposed AS MATERIALIZED (
  SELECT gen_random_uuid() AS uuid, timezone('UTC', clock_timestamp()) AS at
), locked AS MATERIALIZED (
  SELECT g.uuid, g.last_message_at
  FROM public.message_groups g, caller
  WHERE g.uuid = $2::uuid AND caller.uuid IN (g.first_user_uuid, g.second_user_uuid)
  FOR NO KEY UPDATE OF g
), claimed AS (
  INSERT INTO public.idempotency_keys AS k
    (user_uuid, key, request_hash, claimed_at, made_uuid, made_at, message_group_uuid,
     display_name, handle)
  SELECT caller.uuid, $4::text, $5::bytea, proposed.at, proposed.uuid,
         greatest(timezone('UTC', clock_timestamp()),
                  CASE WHEN locked.last_message_at < '9999-12-31 23:59:59'
                       THEN locked.last_message_at + interval '1 microsecond' END),
         locked.uuid, caller.display_name, caller.handle
  FROM caller CROSS JOIN proposed CROSS JOIN locked
  ON CONFLICT (user_uuid, key) DO UPDATE
  SET (request_hash, claimed_at, made_uuid, made_at, expires_at, message_group_uuid,
       other_user_uuid, display_name, handle) = (
    SELECT chosen.request_hash, chosen.claimed_at, chosen.made_uuid, chosen.made_at,
           chosen.expires_at, chosen.message_group_uuid, chosen.other_user_uuid,
           chosen.display_name, chosen.handle
    FROM (SELECT (CASE WHEN k.claimed_at <= excluded.claimed_at - interval '1 day'
                       THEN excluded ELSE k END).*) chosen)
  RETURNING *
), moved AS (
  UPDATE public.message_groups g
  SET last_message_at = claimed.made_at
  FROM claimed JOIN proposed ON proposed.uuid = claimed.made_uuid
  WHERE g.uuid = claimed.message_group_uuid
), created AS (
  INSERT INTO public.messages (uuid, message_group_uuid, user_uuid, message, created_at)
  SELECT claimed.made_uuid, claimed.message_group_uuid, claimed.user_uuid, $3::text, claimed.made_at
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
SELECT answer.message_group_uuid, answer.made_uuid AS uuid, answer.display_name, answer.handle,
       $3::text AS message, answer.made_at AS created_at,
       nullif(answer.request_hash <> $5::bytea, false) AS _reused
FROM caller
LEFT JOIN (SELECT * FROM claimed UNION ALL SELECT * FROM known) answer ON true
