-- lane: read
-- The newest live activities of one user.
-- The handle is looked up exactly, then without case where that finds one user alone.
-- $1: handle; $2, $3: only what is older than this (created_at, uuid); $4: how many rows.
-- As in home.sql: near are those among the user's newest rows; where nearly all of these have expired
-- (sparse), far finds the living by their expiry. The newest rows come from the index alone and are then
-- fetched one by one, so that the rows of a user who has many are not all fetched and sorted.
WITH author AS MATERIALIZED (
  SELECT uuid, display_name, handle
  FROM public.users
  WHERE uuid = coalesce(
    (SELECT uuid FROM public.users WHERE handle = $1::text),
    (SELECT (array_agg(uuid))[1]
     FROM (SELECT uuid FROM public.users WHERE lower(handle) = lower($1::text) LIMIT 2) alike
     HAVING count(*) = 1))
), near AS MATERIALIZED (
  SELECT a.*
  FROM (
    SELECT uuid, created_at
    FROM public.activities
    WHERE user_uuid = (SELECT uuid FROM author)
      AND (created_at, uuid) < ($2::timestamp, $3::uuid)
    ORDER BY created_at DESC, uuid DESC
    LIMIT 300
  ) newest
  CROSS JOIN LATERAL (SELECT * FROM public.activities WHERE uuid = newest.uuid OFFSET 0) a
  WHERE a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp())
  ORDER BY newest.created_at DESC, newest.uuid DESC
  LIMIT $4::int
), state AS MATERIALIZED (
  SELECT CASE WHEN (SELECT count(*) FROM near) < $4::int
              THEN (SELECT count(*)
                    FROM (SELECT FROM public.activities
                          WHERE user_uuid = (SELECT uuid FROM author)
                            AND (created_at, uuid) < ($2::timestamp, $3::uuid)
                          ORDER BY created_at DESC, uuid DESC
                          LIMIT 300) newest) = 300
              ELSE false END AS sparse
), far AS (
  SELECT uuid
  FROM (
    SELECT uuid, created_at
    FROM public.activities
    WHERE user_uuid = (SELECT uuid FROM author)
      AND expires_at > timezone('UTC', statement_timestamp())
    UNION ALL
    SELECT uuid, created_at
    FROM public.activities
    WHERE user_uuid = (SELECT uuid FROM author) AND expires_at IS NULL
    OFFSET 0
  ) living
  WHERE (SELECT sparse FROM state) AND (created_at, uuid) < ($2::timestamp, $3::uuid)
  ORDER BY created_at DESC, uuid DESC
  LIMIT $4::int
)
SELECT a.uuid, author.display_name, author.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM (
  SELECT * FROM near WHERE NOT (SELECT sparse FROM state)
  UNION ALL
  SELECT a.* FROM far JOIN public.activities a ON a.uuid = far.uuid
) a
CROSS JOIN author
ORDER BY a.created_at DESC, a.uuid DESC
