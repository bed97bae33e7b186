-- lane: read
-- A user's profile, with the number of their live activities, which are counted in the index of expiries.
-- The handle is looked up exactly, then without case where that finds one user alone.
-- $1: handle.
SELECT u.uuid, u.cognito_user_id AS cognito_user_uuid, u.handle, u.display_name, u.bio,
       (SELECT count(*)
        FROM public.activities a
        WHERE a.user_uuid = u.uuid AND a.expires_at > timezone('UTC', statement_timestamp()))
       + (SELECT count(*)
          FROM public.activities a
          WHERE a.user_uuid = u.uuid AND a.expires_at IS NULL) AS cruds_count
FROM public.users u
WHERE u.uuid = coalesce(
  (SELECT uuid FROM public.users WHERE handle = $1::text),
  (SELECT (array_agg(uuid))[1]
   FROM (SELECT uuid FROM public.users WHERE lower(handle) = lower($1::text) LIMIT 2) alike
   HAVING count(*) = 1))
