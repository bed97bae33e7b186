-- lane: read
-- For messages in DynamoDB: the caller, and what their Idempotency-Key stands for. One row when the caller
-- is known; message_uuid is null when they have no such key. _reused is not null when the key belongs
-- to another request.
-- $1: sub; $2: key; $3: hash of the request.
SELECT caller.uuid, caller.display_name, caller.handle,
       k.made_uuid AS message_uuid, k.made_at, k.message_group_uuid,
       k.display_name AS sender_display_name, k.handle AS sender_handle,
       k.other_user_uuid, other.display_name AS other_display_name, other.handle AS other_handle,
       nullif(k.request_hash <> $3::bytea, false) AS _reused
FROM public.users caller
LEFT JOIN public.idempotency_keys k
  ON k.user_uuid = caller.uuid AND k.key = $2::text
 AND k.claimed_at > timezone('UTC', statement_timestamp()) - interval '1 day'
LEFT JOIN public.users other ON other.uuid = k.other_user_uuid
WHERE caller.cognito_user_id = $1::text AND caller.cognito_user_id <> 'MOCK'
