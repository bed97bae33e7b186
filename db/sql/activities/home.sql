-- lane: read
-- The newest live activities of everyone, with their authors.
-- $1, $2: only what is older than this (created_at, uuid); $3: how many rows.
-- The inner LIMIT is a number so that one generic plan knows how few rows there are.
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM (
  SELECT *
  FROM public.activities
  WHERE (created_at, uuid) < ($1::timestamp, $2::uuid)
    AND (expires_at IS NULL OR expires_at > timezone('UTC', statement_timestamp()))
  ORDER BY created_at DESC, uuid DESC
  LIMIT 101 -- page + 1
) a
LEFT JOIN public.users u ON u.uuid = a.user_uuid
ORDER BY a.created_at DESC, a.uuid DESC
LIMIT $3::int
