-- lane: write
-- start.sql with an Idempotency-Key; see activities/create_once.sql. One row when the caller is known, as
-- there. A group that exists is locked before the key, as in send_once.sql. The uuid of a new group is not
-- known when the key is claimed, so a repeated request finds the group by the key's message. _unseen is
-- not null when that message is not visible yet, because this statement waited for the request that wrote
-- it: the caller runs the statement again. Where the recipient is gone, `known` has the answer.
-- The handle is looked up exactly, then without case where that finds one user alone.
-- $1: sub; $2: handle; $3: message; $4: key; $5: hash of the request.
WITH caller AS MATERIALIZED (
  SELECT uuid
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), recipient AS (
  SELECT uuid
  FROM public.users
  WHERE uuid = coalesce(
    (SELECT uuid FROM public.users WHERE handle = $2::text),
    (SELECT (array_agg(uuid))[1]
     FROM (SELECT uuid FROM public.users WHERE lower(handle) = lower($2::text) LIMIT 2) alike
     HAVING count(*) = 1))
), proposed AS MATERIALIZED (
  SELECT gen_random_uuid() AS uuid, timezone('UTC', clock_timestamp()) AS at
), pair AS MATERIALIZED (
  SELECT least(caller.uuid, recipient.uuid) AS first, greatest(caller.uuid, recipient.uuid) AS second
  FROM caller JOIN recipient ON recipient.uuid <> caller.uuid
), present AS MATERIALIZED (
  SELECT g.uuid
  FROM public.message_groups g
  JOIN pair ON g.first_user_uuid = pair.first AND g.second_user_uuid = pair.second
  FOR NO KEY UPDATE OF g
), claimed AS (
  INSERT INTO public.idempotency_keys AS k
    (user_uuid, key, request_hash, claimed_at, made_uuid, message_group_uuid)
  SELECT caller.uuid, $4::text, $5::bytea, proposed.at, proposed.uuid, (SELECT uuid FROM present)
  FROM caller CROSS JOIN proposed CROSS JOIN pair
  ON CONFLICT (user_uuid, key) DO UPDATE
  SET (request_hash, claimed_at, made_uuid, made_at, expires_at, message_group_uuid,
       other_user_uuid, display_name, handle) = (
    SELECT chosen.request_hash, chosen.claimed_at, chosen.made_uuid, chosen.made_at,
           chosen.expires_at, chosen.message_group_uuid, chosen.other_user_uuid,
           chosen.display_name, chosen.handle
    FROM (SELECT (CASE WHEN k.claimed_at <= excluded.claimed_at - interval '1 day'
                       THEN excluded ELSE k END).*) chosen)
  RETURNING *
), shared AS (
  INSERT INTO public.message_groups AS g (uuid, first_user_uuid, second_user_uuid, last_message_at)
  SELECT gen_random_uuid(), pair.first, pair.second, timezone('UTC', clock_timestamp())
  FROM pair CROSS JOIN claimed JOIN proposed ON proposed.uuid = claimed.made_uuid
  ON CONFLICT (first_user_uuid, second_user_uuid) DO UPDATE
  SET last_message_at = greatest(timezone('UTC', clock_timestamp()),
                                 CASE WHEN g.last_message_at < '9999-12-31 23:59:59'
                                      THEN g.last_message_at + interval '1 microsecond' END)
  RETURNING g.uuid, g.last_message_at
), created AS (
  INSERT INTO public.messages (uuid, message_group_uuid, user_uuid, message, created_at)
  SELECT claimed.made_uuid, shared.uuid, claimed.user_uuid, $3::text, shared.last_message_at
  FROM claimed CROSS JOIN shared
), known AS (
  SELECT k.*
  FROM caller
  CROSS JOIN proposed
  JOIN public.idempotency_keys k
    ON k.user_uuid = caller.uuid AND k.key = $4::text
   AND k.claimed_at > proposed.at - interval '1 day'
  WHERE NOT EXISTS (SELECT FROM claimed)
), answer AS (
  SELECT made.request_hash,
         coalesce((SELECT uuid FROM shared), made.message_group_uuid,
                  (SELECT message_group_uuid FROM public.messages
                   WHERE uuid = made.made_uuid)) AS group_uuid
  FROM (SELECT * FROM claimed UNION ALL SELECT * FROM known) made
)
SELECT answer.group_uuid AS message_group_uuid, recipient.uuid AS _recipient,
       nullif(answer.request_hash <> $5::bytea, false) AS _reused,
       CASE WHEN answer.request_hash IS NOT NULL AND answer.group_uuid IS NULL THEN true END AS _unseen
FROM caller
LEFT JOIN recipient ON true
LEFT JOIN answer ON true
