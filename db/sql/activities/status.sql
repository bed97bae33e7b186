-- lane: read
-- One live activity of one user.
-- The handle is looked up exactly, then without case where that finds one user alone.
-- $1: handle; $2: the activity.
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM public.activities a
JOIN public.users u ON u.uuid = a.user_uuid
WHERE a.uuid = $2::uuid
  AND u.uuid = coalesce(
    (SELECT uuid FROM public.users WHERE handle = $1::text),
    (SELECT (array_agg(uuid))[1]
     FROM (SELECT uuid FROM public.users WHERE lower(handle) = lower($1::text) LIMIT 2) alike
     HAVING count(*) = 1))
  AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
