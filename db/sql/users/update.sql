-- lane: write
-- Changes the caller's profile; no row when no user has the token's sub.
-- $1: sub; $2: display name; $3: bio. What is null stays as it is.
UPDATE public.users
SET display_name = coalesce($2::text, display_name), bio = coalesce($3::text, bio)
WHERE cognito_user_id = $1::text AND cognito_user_id <> 'MOCK'
RETURNING uuid, handle, display_name, bio
