-- lane: read
-- Who a handle is. $1: handle.
SELECT uuid, handle, display_name
FROM public.users
WHERE handle = $1::text
