-- lane: read
-- A page of one of the caller's groups: its newest messages, oldest of them first. One row at least when
-- the caller is known: _group is null when they are not a member, uuid is null when there is no message.
-- $1: sub; $2: the group; $3, $4: only what is older than this (created_at, uuid); $5: how many rows.
SELECT m.uuid, sender.display_name, sender.handle, m.message, m.created_at, g.uuid AS _group
FROM (
  SELECT uuid
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
) caller
LEFT JOIN public.message_groups g
  ON g.uuid = $2::uuid AND caller.uuid IN (g.first_user_uuid, g.second_user_uuid)
LEFT JOIN LATERAL (
  SELECT *
  FROM (
    SELECT uuid, user_uuid, message, created_at
    FROM public.messages
    WHERE message_group_uuid = g.uuid
      AND (created_at, uuid) < ($3::timestamp, $4::uuid)
    ORDER BY created_at DESC, uuid DESC
    LIMIT 101 -- page + 1
  ) newest
  ORDER BY created_at DESC, uuid DESC
  LIMIT $5::int
) m ON true
LEFT JOIN public.users sender ON sender.uuid = m.user_uuid
ORDER BY m.created_at, m.uuid
