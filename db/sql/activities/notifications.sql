-- lane: heavy
-- What concerns the caller, newest first: replies to their activities and mentions of @handle by others.
-- $1: sub; $2, $3: only what is older than this (created_at, uuid); $4: how many rows.
-- A mention names the caller when it is their handle, or their handle without case and nobody else's. The
-- living notices are two ranges of an index: those that never expire, in the order of time, and those
-- that will.
WITH caller AS MATERIALIZED (
  SELECT uuid, normalize(handle) AS handle,
         (SELECT count(*)
          FROM (SELECT FROM public.users alike
                WHERE lower(alike.handle) = lower(u.handle) LIMIT 2) namesakes) = 1 AS alone
  FROM public.users u
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), concerns AS MATERIALIZED (
  SELECT uuid AS caller_uuid, lower('@' || handle) AS key,
         CASE WHEN NOT alone THEN '@' || handle END AS exact
  FROM caller
  UNION ALL
  SELECT uuid, uuid::text, NULL FROM caller
), found AS (
  SELECT notice.activity_uuid
  FROM concerns
  CROSS JOIN LATERAL (
    (SELECT n.activity_uuid, n.created_at
     FROM public.notices n
     WHERE lower(n.recipient) = concerns.key AND n.expires_at = 'infinity'
       AND (n.created_at, n.activity_uuid) < ($2::timestamp, $3::uuid)
       AND (concerns.exact IS NULL OR n.recipient = concerns.exact)
       AND n.author_uuid <> concerns.caller_uuid
     ORDER BY n.created_at DESC, n.activity_uuid DESC
     LIMIT 101) -- page + 1
    UNION ALL
    (SELECT n.activity_uuid, n.created_at
     FROM public.notices n
     WHERE lower(n.recipient) = concerns.key
       AND n.expires_at > timezone('UTC', statement_timestamp()) AND n.expires_at < 'infinity'
       AND (n.created_at, n.activity_uuid) < ($2::timestamp, $3::uuid)
       AND (concerns.exact IS NULL OR n.recipient = concerns.exact)
       AND n.author_uuid <> concerns.caller_uuid
     ORDER BY n.created_at DESC, n.activity_uuid DESC
     LIMIT 101) -- page + 1
  ) notice
  GROUP BY notice.activity_uuid, notice.created_at -- a reply may mention whom it replies to
  ORDER BY notice.created_at DESC, notice.activity_uuid DESC
  LIMIT $4::int
)
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM found
JOIN public.activities a
  ON a.uuid = found.activity_uuid
 AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
LEFT JOIN public.users u ON u.uuid = a.user_uuid
ORDER BY a.created_at DESC, a.uuid DESC
