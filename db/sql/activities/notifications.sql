-- lane: heavy
-- What concerns the caller, newest first: replies to their activities and mentions of @handle by others.
-- $1: sub; $2, $3: only what is older than this (created_at, uuid); $4: how many rows.
-- The mentions are gathered before they are ordered, so that they come from the trigram index and never
-- from a walk down the index of times.
WITH caller AS MATERIALIZED (
  SELECT uuid, handle
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), mentions AS MATERIALIZED (
  SELECT a.uuid, a.created_at
  FROM public.activities a
  WHERE a.message ILIKE (
      SELECT '%@' || regexp_replace(handle, '([\\%_])', '\\\1', 'g') || '%' FROM caller)
    AND a.message ~* (
      SELECT '(^|[^[:alnum:]_])@' || regexp_replace(handle, '([^[:alnum:]_])', '\\\1', 'g')
             || '($|[^[:alnum:]_])' FROM caller)
    AND a.user_uuid <> (SELECT uuid FROM caller)
    AND (a.created_at, a.uuid) < ($2::timestamp, $3::uuid)
    AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
), found AS (
  (SELECT uuid, created_at FROM mentions)
  UNION
  (SELECT a.uuid, a.created_at
   FROM public.activities parent
   JOIN public.activities a ON a.reply_to_activity_uuid = parent.uuid
   WHERE parent.user_uuid = (SELECT uuid FROM caller)
     AND a.user_uuid <> (SELECT uuid FROM caller)
     AND (a.created_at, a.uuid) < ($2::timestamp, $3::uuid)
     AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp())))
), newest AS (
  SELECT uuid FROM found ORDER BY created_at DESC, uuid DESC LIMIT $4::int
)
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM newest
JOIN public.activities a ON a.uuid = newest.uuid
LEFT JOIN public.users u ON u.uuid = a.user_uuid
ORDER BY a.created_at DESC, a.uuid DESC
