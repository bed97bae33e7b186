-- Fills a migrated, empty database for the case `blocks`: 1,000 users and :rows activities, created evenly
-- over 30 days that ended :days_ago days ago, the seven ttls evenly. With 27.9 days 99 % have expired.
-- With :living true, all of them live. Every 50th mentions user1, who wrote every 20th; user2 is replied
-- to by 50,000 at most. Words: two are in each row, one of 700 and one of 50,000 beside them.

INSERT INTO public.users (uuid, display_name, handle, email, cognito_user_id)
SELECT md5('user ' || n)::uuid, 'User Number ' || n,
       CASE n WHEN 3 THEN 'the' WHEN 4 THEN 'cloud' ELSE 'user' || n END, 'u@example.com', 'sub ' || n
FROM generate_series(1, 1000) n;

CREATE TEMP TABLE taken_down AS
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index i
LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid
WHERE i.indrelid = 'public.activities'::regclass AND c.oid IS NULL;

SELECT format('DROP INDEX %s', name) FROM taken_down \gexec

SET session_replication_role = replica; -- every user exists, and the notices are written below
INSERT INTO public.activities (uuid, user_uuid, message, created_at, expires_at, reply_to_activity_uuid)
SELECT md5('crud ' || n)::uuid,
       md5('user ' || CASE WHEN n % 20 = 0 THEN 1 WHEN n = 1 THEN 2 ELSE 5 + n::bigint * 7919 % 996 END)::uuid,
       'Crud ' || n || ' of the cloud, ' || left(md5('a' || n % 700), 6) || ' and '
         || left(md5('b' || n % 50000), 8) || CASE WHEN n % 50 = 1 THEN ' @user1' ELSE '' END,
       born, CASE WHEN :living THEN timezone('UTC', now()) + interval '20 days' ELSE born + ttl END,
       CASE WHEN n % 100 = 2 AND n <= 5000000 THEN md5('crud 1')::uuid END
FROM generate_series(1, :rows) n,
     LATERAL (SELECT timezone('UTC', now()) - :days_ago * interval '1 day'
                       - (:rows - n)::float8 / :rows * interval '30 days' AS born,
                     (ARRAY['1h', '3h', '12h', '1d', '3d', '7d', '30d'])[1 + n % 7]::interval AS ttl) at;
RESET session_replication_role;

SET maintenance_work_mem = '512MB';
SELECT definition FROM taken_down \gexec
INSERT INTO public.notices (activity_uuid, recipient, author_uuid, created_at, expires_at)
SELECT a.uuid, recipient, a.user_uuid, a.created_at, coalesce(a.expires_at, 'infinity')
FROM public.activities a, public.notice_recipients(a.message, a.reply_to_activity_uuid) recipient
WHERE a.message LIKE '%@%' OR a.reply_to_activity_uuid IS NOT NULL;
