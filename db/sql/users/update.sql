-- lane: write
-- Changes the caller's profile; no row when no user has the token's sub.
-- $1: sub; $2: display name; $3: bio.
UPDATE public.users
SET display_name = $2::text, bio = $3::text
WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
RETURNING uuid, handle, display_name, bio
