-- lane: read
-- The user of a token. $1: sub.
SELECT uuid, handle, display_name
FROM public.users
WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
