-- lane: read
-- A user's profile, with the number of their live activities. $1: handle.
SELECT u.uuid, u.cognito_user_id AS cognito_user_uuid, u.handle, u.display_name, u.bio,
       (SELECT count(*)
        FROM public.activities a
        WHERE a.user_uuid = u.uuid
          AND (a.expires_at IS NULL OR a.expires_at > timezone('UTC', statement_timestamp()))) AS cruds_count
FROM public.users u
WHERE u.handle = $1::text
