-- lane: read
-- The newest live activities of one user.
-- The handle is looked up exactly, then without case where that finds one user alone.
-- $1: handle; $2, $3: only what is older than this (created_at, uuid); $4: how many rows.
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM (
  SELECT *
  FROM public.activities
  WHERE user_uuid = coalesce(
    (SELECT uuid FROM public.users WHERE handle = $1::text),
    (SELECT (array_agg(uuid))[1]
     FROM (SELECT uuid FROM public.users WHERE lower(handle) = lower($1::text) LIMIT 2) alike
     HAVING count(*) = 1))
    AND (created_at, uuid) < ($2::timestamp, $3::uuid)
    AND (expires_at IS NULL OR expires_at > timezone('UTC', statement_timestamp()))
  ORDER BY created_at DESC, uuid DESC
  LIMIT 101 -- page + 1
) a
JOIN public.users u ON u.uuid = a.user_uuid
ORDER BY a.created_at DESC, a.uuid DESC
LIMIT $4::int
