-- lane: write
-- create.sql with an Idempotency-Key: a caller who has the key already gets the values of the first
-- answer, and nothing is written. _reused is not null when the key belongs to another request.
-- $1: sub; $2: message; $3: seconds until it expires; $4: key; $5: hash of the request.
-- ON CONFLICT DO UPDATE waits for a request that is just writing the key. It then returns the key's row as
-- it is, or takes the row over when it is older than a day. We claimed the key when the row has the uuid
-- that we proposed.
WITH caller AS MATERIALIZED (
  SELECT uuid, display_name, handle
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), proposed AS MATERIALIZED (
  SELECT gen_random_uuid() AS uuid, timezone('UTC', clock_timestamp()) AS at
), claimed AS (
  INSERT INTO public.idempotency_keys AS k
    (user_uuid, key, request_hash, claimed_at, made_uuid, made_at, expires_at, display_name, handle)
  SELECT caller.uuid, $4::text, $5::bytea, proposed.at, proposed.uuid, proposed.at,
         proposed.at + make_interval(secs => $3::int), caller.display_name, caller.handle
  FROM caller CROSS JOIN proposed
  ON CONFLICT (user_uuid, key) DO UPDATE
  SET (request_hash, claimed_at, made_uuid, made_at, expires_at, message_group_uuid,
       other_user_uuid, display_name, handle) = (
    SELECT chosen.request_hash, chosen.claimed_at, chosen.made_uuid, chosen.made_at,
           chosen.expires_at, chosen.message_group_uuid, chosen.other_user_uuid,
           chosen.display_name, chosen.handle
    FROM (SELECT (CASE WHEN k.claimed_at <= excluded.claimed_at - interval '1 day'
                       THEN excluded ELSE k END).*) chosen)
  RETURNING *
), created AS (
  INSERT INTO public.activities (uuid, user_uuid, message, expires_at, created_at)
  SELECT claimed.made_uuid, claimed.user_uuid, $2::text, claimed.expires_at, claimed.made_at
  FROM claimed JOIN proposed ON proposed.uuid = claimed.made_uuid
)
SELECT made_uuid AS uuid, display_name, handle, $2::text AS message,
       0 AS replies_count, 0 AS reposts_count, 0 AS likes_count,
       NULL::uuid AS reply_to_activity_uuid, expires_at, made_at AS created_at,
       nullif(request_hash <> $5::bytea, false) AS _reused
FROM claimed
