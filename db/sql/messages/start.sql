-- lane: write
-- A message to a user, in the group that the two share or, for the first, in a new one. One row when the
-- caller is known: _recipient is null when the handle is not, message_group_uuid is null when it is the
-- caller's own.
-- Two who write to each other at the same moment meet at the pair's unique key.
-- The handle is looked up exactly, then without case where that finds one user alone.
-- $1: sub; $2: handle; $3: message.
WITH caller AS (
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
), shared AS (
  INSERT INTO public.message_groups AS g (uuid, first_user_uuid, second_user_uuid, last_message_at)
  SELECT gen_random_uuid(), least(caller.uuid, recipient.uuid),
         greatest(caller.uuid, recipient.uuid), timezone('UTC', clock_timestamp())
  FROM caller JOIN recipient ON recipient.uuid <> caller.uuid
  ON CONFLICT (first_user_uuid, second_user_uuid) DO UPDATE
  SET last_message_at = greatest(timezone('UTC', clock_timestamp()),
                                 CASE WHEN g.last_message_at < '9999-12-31 23:59:59'
                                      THEN g.last_message_at + interval '1 microsecond' END)
  RETURNING g.uuid, g.last_message_at
), created AS (
  INSERT INTO public.messages (uuid, message_group_uuid, user_uuid, message, created_at)
  SELECT gen_random_uuid(), shared.uuid, caller.uuid, $3::text, shared.last_message_at
  FROM caller CROSS JOIN shared
  RETURNING message_group_uuid
)
SELECT created.message_group_uuid, recipient.uuid AS _recipient
FROM caller
LEFT JOIN recipient ON true
LEFT JOIN created ON true
