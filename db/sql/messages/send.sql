-- lane: write
-- A message to one of the caller's groups; one row when the caller is known, its uuid is null when they
-- are not a member. The group's row is locked, and each message is later than the one before it, so
-- that messages are listed in the order in which they were taken, whatever the clock does. A time after
-- the year 9999, which nobody can read, is not counted on from.
-- $1: sub; $2: the group; $3: message.
WITH caller AS (
  SELECT uuid, display_name, handle
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), moved AS (
  UPDATE public.message_groups g
  SET last_message_at = greatest(timezone('UTC', clock_timestamp()),
                                 CASE WHEN g.last_message_at < '9999-12-31 23:59:59'
                                      THEN g.last_message_at + interval '1 microsecond' END)
  FROM caller
  WHERE g.uuid = $2::uuid AND caller.uuid IN (g.first_user_uuid, g.second_user_uuid)
  RETURNING g.uuid, g.last_message_at
), created AS (
  INSERT INTO public.messages (uuid, message_group_uuid, user_uuid, message, created_at)
  SELECT gen_random_uuid(), moved.uuid, caller.uuid, $3::text, moved.last_message_at
  FROM caller CROSS JOIN moved
  RETURNING uuid, message_group_uuid, message, created_at
)
SELECT c.message_group_uuid, c.uuid, caller.display_name, caller.handle, c.message, c.created_at
FROM caller
LEFT JOIN created c ON true
