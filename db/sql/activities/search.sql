-- plan: custom
-- lane: heavy
-- The newest live activities whose message holds every word, or whose author's handle holds the term.
-- $1 to $4: ILIKE patterns of the words, of which one has a trigram, or '%'; $5: ILIKE pattern for handles;
-- $6, $7: only what is older than this (created_at, uuid); $8: how many rows;
-- $9: patterns of the words past the fourth, with chr(1) between them.
-- Planned with the words at hand: a rare word goes through the trigram index, a common one down the
-- index of times.
WITH found AS (
  (SELECT a.uuid, a.created_at
   FROM public.activities a
   WHERE a.message ILIKE $1::text AND a.message ILIKE $2::text
     AND a.message ILIKE $3::text AND a.message ILIKE $4::text
     AND a.message ILIKE ALL (string_to_array($9::text, chr(1)))
     AND (a.created_at, a.uuid) < ($6::timestamp, $7::uuid)
     AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
   ORDER BY a.created_at DESC, a.uuid DESC
   LIMIT $8::int)
  UNION
  (SELECT a.uuid, a.created_at
   FROM public.users u
   JOIN public.activities a ON a.user_uuid = u.uuid
   WHERE u.handle ILIKE $5::text
     AND (a.created_at, a.uuid) < ($6::timestamp, $7::uuid)
     AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
   ORDER BY a.created_at DESC, a.uuid DESC
   LIMIT $8::int)
)
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM found
JOIN public.activities a ON a.uuid = found.uuid
LEFT JOIN public.users u ON u.uuid = a.user_uuid
ORDER BY a.created_at DESC, a.uuid DESC
LIMIT $8::int
