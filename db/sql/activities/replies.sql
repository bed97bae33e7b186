-- lane: read
-- The live replies to one activity, oldest first.
-- $1: the activity; $2, $3: only what is newer than this (created_at, uuid); $4: how many rows.
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM (
  SELECT *
  FROM public.activities
  WHERE reply_to_activity_uuid = $1::uuid
    AND (created_at, uuid) > ($2::timestamp, $3::uuid)
    AND (expires_at IS NULL OR expires_at > timezone('UTC', statement_timestamp()))
  ORDER BY created_at, uuid
  LIMIT 101 -- page + 1
) a
LEFT JOIN public.users u ON u.uuid = a.user_uuid
ORDER BY a.created_at, a.uuid
LIMIT $4::int
