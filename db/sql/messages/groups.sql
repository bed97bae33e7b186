-- lane: read
-- The caller's message groups: the other member and the latest message, latest first. One row at least
-- when the caller is known; its uuid is null when there is no group.
-- $1: sub; $2, $3: only groups older than this (last message's time, uuid); $4: how many rows.
SELECT g.uuid, other.display_name, other.handle, latest.message, g.last_message_at AS created_at
FROM (
  SELECT uuid
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
) caller
LEFT JOIN LATERAL (
  SELECT uuid, last_message_at, other_user_uuid
  FROM (
    (SELECT uuid, last_message_at, second_user_uuid AS other_user_uuid
     FROM public.message_groups
     WHERE first_user_uuid = caller.uuid
       AND (last_message_at, uuid) < ($2::timestamp, $3::uuid)
     ORDER BY last_message_at DESC, uuid DESC
     LIMIT 101) -- page + 1
    UNION ALL
    (SELECT uuid, last_message_at, first_user_uuid
     FROM public.message_groups
     WHERE second_user_uuid = caller.uuid
       AND (last_message_at, uuid) < ($2::timestamp, $3::uuid)
     ORDER BY last_message_at DESC, uuid DESC
     LIMIT 101) -- page + 1
  ) either
  ORDER BY last_message_at DESC, uuid DESC
  LIMIT $4::int
) g ON true
LEFT JOIN LATERAL (
  SELECT message
  FROM public.messages
  WHERE message_group_uuid = g.uuid
  ORDER BY created_at DESC, uuid DESC
  LIMIT 1
) latest ON true
LEFT JOIN public.users other ON other.uuid = g.other_user_uuid
ORDER BY g.last_message_at DESC, g.uuid DESC
