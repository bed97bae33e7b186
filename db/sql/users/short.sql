-- lane: read
-- Who a handle is: whose it is exactly, else the one user whose it is without case. $1: handle.
SELECT uuid, handle, display_name
FROM public.users
WHERE uuid = coalesce(
  (SELECT uuid FROM public.users WHERE handle = $1::text),
  (SELECT (array_agg(uuid))[1]
   FROM (SELECT uuid FROM public.users WHERE lower(handle) = lower($1::text) LIMIT 2) alike
   HAVING count(*) = 1))
