-- plan: custom
-- lane: heavy
-- The newest live activities whose message holds every word, or whose author's handle holds the term, of
-- all that there are: for what search.sql did not find among the newest. One word has a trigram.
-- $1 to $4: ILIKE patterns of words, or '%'; $5: ILIKE pattern for handles, or '';
-- $6, $7: only what is older than this (created_at, uuid); $8: how many rows;
-- $9: patterns of all words, with chr(1) between them.
-- Planned with the words at hand: the index of trigrams and that of expiries together, or down the index
-- of times. A hundred handles at most are looked at.
WITH named AS MATERIALIZED (
  SELECT uuid
  FROM public.users
  WHERE handle ILIKE $5::text AND $5::text ~ '[[:alnum:]]{3}'
  LIMIT 100
), found AS (
  (SELECT a.uuid, a.created_at
   FROM public.activities a
   WHERE (a.message ILIKE normalize($1::text, NFC) OR a.message ILIKE normalize($1::text, NFD))
     AND (a.message ILIKE normalize($2::text, NFC) OR a.message ILIKE normalize($2::text, NFD))
     AND (a.message ILIKE normalize($3::text, NFC) OR a.message ILIKE normalize($3::text, NFD))
     AND (a.message ILIKE normalize($4::text, NFC) OR a.message ILIKE normalize($4::text, NFD))
     AND NOT EXISTS (
       SELECT FROM string_to_table($9::text, chr(1)) more
       WHERE a.message NOT ILIKE normalize(more, NFC) AND a.message NOT ILIKE normalize(more, NFD))
     AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
     AND (a.created_at, a.uuid) < ($6::timestamp, $7::uuid)
   ORDER BY a.created_at DESC, a.uuid DESC
   LIMIT $8::int)
  UNION
  (SELECT a.uuid, a.created_at
   FROM named
   CROSS JOIN LATERAL (
     SELECT uuid, created_at
     FROM (SELECT uuid, created_at FROM public.activities
           WHERE user_uuid = named.uuid AND expires_at > timezone('UTC', statement_timestamp())
           UNION ALL
           SELECT uuid, created_at FROM public.activities
           WHERE user_uuid = named.uuid AND expires_at IS NULL
           OFFSET 0) theirs
     WHERE (created_at, uuid) < ($6::timestamp, $7::uuid)
     ORDER BY created_at DESC, uuid DESC
     LIMIT $8::int
   ) a)
)
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM (SELECT uuid FROM found ORDER BY created_at DESC, uuid DESC LIMIT $8::int) newest
JOIN public.activities a ON a.uuid = newest.uuid
LEFT JOIN public.users u ON u.uuid = a.user_uuid
ORDER BY a.created_at DESC, a.uuid DESC
