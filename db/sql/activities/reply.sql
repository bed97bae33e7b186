-- lane: write
-- A reply, and its parent's replies_count with it. Always one row: _caller is null when no user has the
-- token's sub, uuid is null when the parent does not exist or has expired. A count that is null or
-- negative, which old rows may have, counts as 0; the greatest integer stays.
-- $1: sub; $2: message; $3: the parent.
WITH caller AS (
  SELECT uuid, display_name, handle
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), moment AS MATERIALIZED (
  SELECT timezone('UTC', clock_timestamp()) AS at
), parent AS (
  UPDATE public.activities
  SET replies_count = least(greatest(replies_count, 0), 2147483646) + 1
  WHERE uuid = $3::uuid
    AND (expires_at IS NULL OR expires_at > (SELECT at FROM moment))
    AND EXISTS (SELECT FROM caller)
  RETURNING uuid
), created AS (
  INSERT INTO public.activities (uuid, user_uuid, message, reply_to_activity_uuid, created_at)
  SELECT gen_random_uuid(), caller.uuid, $2::text, parent.uuid, moment.at
  FROM caller CROSS JOIN parent CROSS JOIN moment
  RETURNING *
)
SELECT c.uuid, caller.display_name, caller.handle, c.message,
       c.replies_count, c.reposts_count, c.likes_count,
       c.reply_to_activity_uuid, c.expires_at, c.created_at,
       caller.uuid AS _caller
FROM (SELECT) one
LEFT JOIN caller ON true
LEFT JOIN created c ON true
