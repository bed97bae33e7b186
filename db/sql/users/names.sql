-- lane: read
-- The names of users. $1: their uuids as the text of an array, '{…,…}'.
SELECT uuid, display_name, handle
FROM public.users
WHERE uuid = ANY ($1::text::uuid[])
