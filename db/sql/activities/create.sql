-- lane: write
-- A new activity; no row when no user has the token's sub. The clock is read once, so that the activity
-- lives exactly as long as was asked for.
-- $1: sub; $2: message; $3: seconds until it expires.
WITH caller AS (
  SELECT uuid, display_name, handle
  FROM public.users
  WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
), moment AS MATERIALIZED (
  SELECT timezone('UTC', clock_timestamp()) AS at
), created AS (
  INSERT INTO public.activities (uuid, user_uuid, message, expires_at, created_at)
  SELECT gen_random_uuid(), caller.uuid, $2::text,
         moment.at + make_interval(secs => $3::int), moment.at
  FROM caller CROSS JOIN moment
  RETURNING *
)
SELECT c.uuid, caller.display_name, caller.handle, c.message,
       c.replies_count, c.reposts_count, c.likes_count,
       c.reply_to_activity_uuid, c.expires_at, c.created_at
FROM created c CROSS JOIN caller
