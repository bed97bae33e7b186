-- lane: read
-- One live activity of one user. $1: handle; $2: the activity.
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM public.activities a
JOIN public.users u ON u.uuid = a.user_uuid
WHERE a.uuid = $2::uuid
  AND u.handle = $1::text
  AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
