-- lane: read
-- The newest live activities of everyone, with their authors.
-- $1, $2: only what is older than this (created_at, uuid); $3: how many rows.
-- They are looked for among the newest rows (near). Where nearly all of these have expired (sparse), the
-- living are found by their expiry, and those that never expire by an index of their own (far). OFFSET 0
-- keeps the planner from other ways: down the index of times there, through all users at the end. The
-- inner LIMITs are numbers so that one generic plan knows how few rows there are.
WITH near AS MATERIALIZED (
  SELECT *
  FROM (
    SELECT *
    FROM public.activities
    WHERE (created_at, uuid) < ($1::timestamp, $2::uuid)
    ORDER BY created_at DESC, uuid DESC
    LIMIT 1000
  ) newest
  WHERE expires_at IS NULL OR expires_at > timezone('UTC', statement_timestamp())
  ORDER BY created_at DESC, uuid DESC
  LIMIT $3::int
), state AS MATERIALIZED (
  SELECT CASE WHEN (SELECT count(*) FROM near) < $3::int
              THEN (SELECT count(*)
                    FROM (SELECT FROM public.activities
                          WHERE (created_at, uuid) < ($1::timestamp, $2::uuid)
                          ORDER BY created_at DESC, uuid DESC
                          LIMIT 1000) newest) = 1000
              ELSE false END AS sparse
), far AS (
  SELECT uuid
  FROM (
    (SELECT uuid, created_at
     FROM (SELECT uuid, created_at
           FROM public.activities
           WHERE expires_at > timezone('UTC', statement_timestamp()) AND expires_at < 'infinity'
           OFFSET 0) expiring
     WHERE (SELECT sparse FROM state) AND (created_at, uuid) < ($1::timestamp, $2::uuid)
     ORDER BY created_at DESC, uuid DESC
     LIMIT 101) -- page + 1
    UNION ALL
    (SELECT uuid, created_at
     FROM public.activities
     WHERE (SELECT sparse FROM state)
       AND (expires_at IS NULL OR expires_at = 'infinity')
       AND (created_at, uuid) < ($1::timestamp, $2::uuid)
     ORDER BY created_at DESC, uuid DESC
     LIMIT 101) -- page + 1
  ) living
  ORDER BY created_at DESC, uuid DESC
  LIMIT $3::int
)
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM (
  SELECT * FROM near WHERE NOT (SELECT sparse FROM state)
  UNION ALL
  SELECT a.* FROM far JOIN public.activities a ON a.uuid = far.uuid
) a
LEFT JOIN LATERAL (
  SELECT display_name, handle FROM public.users WHERE uuid = a.user_uuid OFFSET 0
) u ON true
ORDER BY a.created_at DESC, a.uuid DESC
