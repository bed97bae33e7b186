-- lane: write
-- For messages in DynamoDB: claims an Idempotency-Key and with it fixes group, uuid and time of the message
-- before its item is written, so that a repeated request writes the same item. A caller who has the key
-- already gets the values of the first request. See activities/create_once.sql; the columns are those of
-- find_once.sql.
-- $1: the caller; $2: key; $3: hash of the request; $4: the message's uuid; $5: its time; $6: the group;
-- $7: the other member; $8, $9: the caller's display name and handle.
WITH claimed AS (
  INSERT INTO public.idempotency_keys AS k
    (user_uuid, key, request_hash, claimed_at, made_uuid, made_at, message_group_uuid,
     other_user_uuid, display_name, handle)
  VALUES ($1::text::uuid, $2::text, $3::bytea, timezone('UTC', clock_timestamp()), $4::text::uuid,
          $5::timestamp, $6::text::uuid, $7::text::uuid, $8::text, $9::text)
  ON CONFLICT (user_uuid, key) DO UPDATE
  SET (request_hash, claimed_at, made_uuid, made_at, expires_at, message_group_uuid,
       other_user_uuid, display_name, handle) = (
    SELECT chosen.request_hash, chosen.claimed_at, chosen.made_uuid, chosen.made_at,
           chosen.expires_at, chosen.message_group_uuid, chosen.other_user_uuid,
           chosen.display_name, chosen.handle
    FROM (SELECT (CASE WHEN k.claimed_at <= excluded.claimed_at - interval '1 day'
                       THEN excluded ELSE k END).*) chosen)
  RETURNING *
)
SELECT k.made_uuid AS message_uuid, k.made_at, k.message_group_uuid,
       k.display_name AS sender_display_name, k.handle AS sender_handle,
       k.other_user_uuid, other.display_name AS other_display_name, other.handle AS other_handle,
       nullif(k.request_hash <> $3::bytea, false) AS _reused
FROM claimed k
LEFT JOIN public.users other ON other.uuid = k.other_user_uuid
