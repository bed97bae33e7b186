-- lane: heavy
-- The same as search.sql, for terms without a word that has a trigram. No index can find these, so they
-- are looked for in the newest 10,000 activities.
-- $1 to $4: ILIKE patterns of the words, or '%'; $5: ILIKE pattern for handles;
-- $6, $7: only what is older than this (created_at, uuid); $8: how many rows;
-- $9: patterns of the words past the fourth, with chr(1) between them.
SELECT a.uuid, u.display_name, u.handle, a.message,
       a.replies_count, a.reposts_count, a.likes_count,
       a.reply_to_activity_uuid, a.expires_at, a.created_at
FROM (
  SELECT *
  FROM public.activities
  WHERE (created_at, uuid) < ($6::timestamp, $7::uuid)
  ORDER BY created_at DESC, uuid DESC
  LIMIT 10000
) a
LEFT JOIN public.users u ON u.uuid = a.user_uuid
WHERE ((a.message ILIKE $1::text AND a.message ILIKE $2::text
        AND a.message ILIKE $3::text AND a.message ILIKE $4::text
        AND a.message ILIKE ALL (string_to_array($9::text, chr(1))))
       OR u.handle ILIKE $5::text)
  AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))
ORDER BY a.created_at DESC, a.uuid DESC
LIMIT $8::int
