-- lane: heavy
-- Deletes keys that are older than a day. Returns one row when there may be more of them. Servers that run
-- this at the same time delete different keys, and nobody waits for a key that is being claimed.
-- $1: how many at most.
WITH deleted AS (
  DELETE FROM public.idempotency_keys
  WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM public.idempotency_keys
    WHERE claimed_at < timezone('UTC', statement_timestamp()) - interval '1 day'
    ORDER BY claimed_at
    LIMIT $1::int
    FOR UPDATE SKIP LOCKED))
  RETURNING 1
)
SELECT count(*) AS deleted
FROM deleted
HAVING count(*) = $1::int
