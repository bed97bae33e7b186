-- Fills a migrated, empty database: 1,000 users and :rows live activities, the newest of them now.
-- Everything is computed from the row's number, so that each run has the same rows.
-- Secondary indexes are taken down and made again, which is much faster than to grow them.

INSERT INTO public.users (uuid, display_name, handle, email, cognito_user_id)
SELECT md5('user ' || n)::uuid, 'User Number ' || n, 'user' || n, 'user' || n || '@example.com',
       md5('sub ' || n)::uuid::text
FROM generate_series(1, 1000) n;

CREATE TEMP TABLE taken_down AS
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index i
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
WHERE i.indrelid = 'public.activities'::regclass AND c.oid IS NULL;

SELECT format('DROP INDEX %s', name) FROM taken_down \gexec

SET session_replication_role = replica; -- every user exists: no need to look each one up
INSERT INTO public.activities (uuid, user_uuid, message, replies_count, likes_count, expires_at,
                               created_at)
SELECT md5('activity ' || n)::uuid,
       md5('user ' || 1 + n * 7919 % 1000)::uuid,
       left('Crud ' || n || ': ' || md5('a' || n) || ' ' || md5('b' || n) || ' ' || md5('c' || n),
            (40 + n * 31 % 100)::integer),
       (n % 5)::integer, (n % 11)::integer,
       timezone('UTC', now()) + interval '7 days',
       timezone('UTC', now()) - (:rows - n) * interval '0.1 s'
FROM generate_series(1, :rows::bigint) n;
RESET session_replication_role;

SET maintenance_work_mem = '512MB';
SELECT definition FROM taken_down \gexec
