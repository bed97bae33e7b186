-- lane: heavy
-- Looks for a term among the newest live activities: those whose message holds every word, or whose
-- author's handle holds the term, newest first. A word matches in both spellings of its accents.
-- $1: ILIKE patterns of the words with chr(1) between them; $2: ILIKE pattern for handles, or '';
-- $3, $4: only what is older than this (created_at, uuid); $5: how many rows.
-- The newest rows are looked through (near). Where nearly all of these have expired (sparse), so are the
-- newest living ones, found by their expiry. _end_at and _end_uuid say where the looking ended; null:
-- nothing is behind it. _indexed: search_indexed.sql can find the term there, because one of the first
-- words has a trigram, as this database knows letters. At least one row: uuid is null when nothing was
-- found.
WITH words AS MATERIALIZED (
  SELECT place, pattern,
         ARRAY(SELECT DISTINCT unnest(ARRAY[normalize(pattern, NFC), normalize(pattern, NFD)])) AS spellings
  FROM string_to_table($1::text, chr(1)) WITH ORDINALITY word (pattern, place)
), named AS MATERIALIZED (
  SELECT uuid
  FROM public.users
  WHERE handle ILIKE CASE WHEN $2::text ~ '[[:alnum:]]{3}' THEN $2::text ELSE substr($2::text, 2) END
    AND $2::text ~ '[[:alnum:]]{3}|^%[[:alnum:]]' -- what the index of handles can find
  LIMIT 100
), near AS MATERIALIZED (
  SELECT uuid, created_at
  FROM (
    SELECT * FROM public.activities
    WHERE (created_at, uuid) < ($3::timestamp, $4::uuid)
    ORDER BY created_at DESC, uuid DESC LIMIT 10000
  ) a
  WHERE (expires_at IS NULL OR expires_at > timezone('UTC', statement_timestamp()))
    AND (NOT EXISTS (SELECT FROM words WHERE NOT message ILIKE ANY (spellings))
         OR user_uuid IN (SELECT uuid FROM named))
  ORDER BY created_at DESC, uuid DESC
  LIMIT $5::int
), state AS MATERIALIZED (
  SELECT CASE WHEN (SELECT count(*) FROM near) = $5::int THEN 'filled'
              ELSE (SELECT CASE WHEN count(*) < 10000 THEN 'ended'
                                WHEN count(*) FILTER (WHERE expires_at IS NULL OR expires_at
                                       > timezone('UTC', statement_timestamp())) < 400 THEN 'sparse'
                                ELSE 'more' END
                    FROM (SELECT expires_at FROM public.activities
                          WHERE (created_at, uuid) < ($3::timestamp, $4::uuid)
                          ORDER BY created_at DESC, uuid DESC LIMIT 10000) a)
         END AS name
), living AS MATERIALIZED (
  SELECT uuid, created_at
  FROM (
    (SELECT uuid, created_at
     FROM (SELECT uuid, created_at FROM public.activities
           WHERE expires_at > timezone('UTC', statement_timestamp()) AND expires_at < 'infinity'
           OFFSET 0) expiring -- as in home.sql
     WHERE (SELECT name FROM state) = 'sparse' AND (created_at, uuid) < ($3::timestamp, $4::uuid)
     ORDER BY created_at DESC, uuid DESC LIMIT 400)
    UNION ALL
    (SELECT uuid, created_at FROM public.activities
     WHERE (SELECT name FROM state) = 'sparse' AND (created_at, uuid) < ($3::timestamp, $4::uuid)
       AND (expires_at IS NULL OR expires_at = 'infinity')
     ORDER BY created_at DESC, uuid DESC LIMIT 400)
  ) either
  ORDER BY created_at DESC, uuid DESC LIMIT 400
), found AS MATERIALIZED (
  SELECT uuid, created_at FROM near
  UNION
  SELECT a.uuid, a.created_at
  FROM living
  CROSS JOIN LATERAL (SELECT * FROM public.activities WHERE uuid = living.uuid OFFSET 0) a
  WHERE NOT EXISTS (SELECT FROM words WHERE NOT a.message ILIKE ANY (spellings))
     OR a.user_uuid IN (SELECT uuid FROM named)
  ORDER BY created_at DESC, uuid DESC
  LIMIT $5::int
), looked AS MATERIALIZED (
  (SELECT uuid, created_at FROM public.activities
   WHERE (SELECT name FROM state) = 'more' AND (created_at, uuid) < ($3::timestamp, $4::uuid)
   ORDER BY created_at DESC, uuid DESC OFFSET 9999 LIMIT 1)
  UNION ALL
  (SELECT uuid, created_at FROM living ORDER BY created_at DESC, uuid DESC OFFSET 399 LIMIT 1)
)
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at,
       looked.created_at AS _end_at, looked.uuid AS _end_uuid,
       (SELECT nullif(bool_or(pattern ~ '[[:alnum:]]{3}'), false) FROM words WHERE place <= 4) AS _indexed
FROM (SELECT) one
LEFT JOIN looked ON true
LEFT JOIN found ON true
LEFT JOIN LATERAL (SELECT * FROM public.activities WHERE uuid = found.uuid OFFSET 0) a ON true
LEFT JOIN LATERAL (SELECT * FROM public.users WHERE uuid = a.user_uuid OFFSET 0) u ON true
ORDER BY a.created_at DESC, a.uuid DESC
