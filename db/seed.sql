-- Users, Cruds and a conversation to look at, for development. Loading it again adds nothing and changes nothing; the
-- times are counted from the moment it was first loaded. 'MOCK' stands for a Cognito sub that is not known.
BEGIN;

INSERT INTO public.users (uuid, display_name, handle, email, cognito_user_id, bio, created_at)
VALUES
  ('5b2f4e3a-0d61-4c7a-9a51-1f6c0e8d2a01', 'Andrew Brown', 'andrewbrown', 'andrew@example.com', 'MOCK',
   'I make cloud certification courses.', timezone('UTC', now()) - interval '90 days'),
  ('5b2f4e3a-0d61-4c7a-9a51-1f6c0e8d2a02', 'Andrew Bayko', 'bayko', 'bayko@example.com', 'MOCK',
   'Pixels, mostly.', timezone('UTC', now()) - interval '80 days'),
  ('5b2f4e3a-0d61-4c7a-9a51-1f6c0e8d2a03', 'Londo Mollari', 'londo', 'lmollari@example.com', 'MOCK',
   'Ambassador of the Centauri Republic.', timezone('UTC', now()) - interval '70 days'),
  ('5b2f4e3a-0d61-4c7a-9a51-1f6c0e8d2a04', 'G''Kar', 'gkar', 'gkar@example.com', 'MOCK',
   'Writer.', timezone('UTC', now()) - interval '60 days'),
  ('5b2f4e3a-0d61-4c7a-9a51-1f6c0e8d2a05', 'Zoë Ångström', 'zoe', 'zoe@example.com', 'MOCK',
   NULL, timezone('UTC', now()) - interval '50 days')
ON CONFLICT DO NOTHING;

-- A handle that was there before keeps its own uuid: activities find their authors by handle.
INSERT INTO public.activities (uuid, user_uuid, message, expires_at, created_at)
SELECT seed.uuid::uuid, u.uuid, seed.message,
       timezone('UTC', now()) + seed.expires_in, timezone('UTC', now()) - seed.age
FROM (VALUES
  ('c0ffee00-0000-4000-8000-000000000001', 'andrewbrown', 'Cloud is very fun! #cloud',
   interval '29 days', interval '1 day'),
  ('c0ffee00-0000-4000-8000-000000000002', 'bayko', 'Drew a new banner for @andrewbrown today. #design',
   interval '7 days', interval '20 hours'),
  ('c0ffee00-0000-4000-8000-000000000003', 'londo', 'My good friend @gkar, we should talk. #babylon5',
   interval '3 days', interval '16 hours'),
  ('c0ffee00-0000-4000-8000-000000000004', 'gkar', 'I read that the universe speaks in silence. I believe it.',
   interval '12 hours', interval '12 hours'),
  ('c0ffee00-0000-4000-8000-000000000005', 'zoe', 'Smörgåsbord für alle, 日本語も。 🎉',
   interval '30 days', interval '8 hours'),
  ('c0ffee00-0000-4000-8000-000000000006', 'andrewbrown', 'This one stays: it has no expiry.',
   NULL, interval '6 hours'),
  ('c0ffee00-0000-4000-8000-000000000007', 'bayko', 'This one is gone already: it has expired.',
   interval '-1 hour', interval '13 hours')
) seed (uuid, handle, message, expires_in, age)
JOIN public.users u ON u.handle = seed.handle
ON CONFLICT DO NOTHING;

WITH reply AS (
  INSERT INTO public.activities (uuid, user_uuid, message, reply_to_activity_uuid, created_at)
  SELECT seed.uuid::uuid, u.uuid, seed.message, parent.uuid, timezone('UTC', now()) - seed.age
  FROM (VALUES
    ('c0ffee00-0000-4000-8000-000000000011', 'bayko', 'It is! @andrewbrown',
     'c0ffee00-0000-4000-8000-000000000001', interval '22 hours'),
    ('c0ffee00-0000-4000-8000-000000000012', 'londo', 'Until the bill comes.',
     'c0ffee00-0000-4000-8000-000000000001', interval '21 hours'),
    ('c0ffee00-0000-4000-8000-000000000013', 'gkar', 'We are talking now, @londo.',
     'c0ffee00-0000-4000-8000-000000000003', interval '15 hours')
  ) seed (uuid, handle, message, parent, age)
  JOIN public.users u ON u.handle = seed.handle
  JOIN public.activities parent ON parent.uuid = seed.parent::uuid
  ON CONFLICT DO NOTHING
  RETURNING reply_to_activity_uuid
)
UPDATE public.activities a
SET replies_count = coalesce(a.replies_count, 0) + counted.replies
FROM (SELECT reply_to_activity_uuid, count(*)::integer AS replies
      FROM reply GROUP BY reply_to_activity_uuid) counted
WHERE a.uuid = counted.reply_to_activity_uuid;

-- A conversation, where the tables for it are there: a schema of before them can be seeded as well.
DO $$
BEGIN
  IF to_regclass('public.messages') IS NULL THEN RETURN; END IF;

  INSERT INTO public.message_groups (uuid, first_user_uuid, second_user_uuid, last_message_at)
  SELECT 'c0ffee00-0000-4000-8000-000000000020', least(a.uuid, b.uuid), greatest(a.uuid, b.uuid),
         timezone('UTC', now()) - interval '1 hour'
  FROM public.users a, public.users b
  WHERE a.handle = 'andrewbrown' AND b.handle = 'bayko'
  ON CONFLICT DO NOTHING;

  INSERT INTO public.messages (uuid, message_group_uuid, user_uuid, message, created_at)
  SELECT seed.uuid::uuid, g.uuid, u.uuid, seed.message, g.last_message_at - seed.before_last
  FROM (VALUES
    ('c0ffee00-0000-4000-8000-000000000021', 'andrewbrown', 'Is the new banner ready?', interval '2 hours'),
    ('c0ffee00-0000-4000-8000-000000000022', 'bayko', 'Since this morning. Do you like it?', interval '1 hour'),
    ('c0ffee00-0000-4000-8000-000000000023', 'andrewbrown', 'I love it.', interval '0')
  ) seed (uuid, handle, message, before_last)
  JOIN public.message_groups g ON g.uuid = 'c0ffee00-0000-4000-8000-000000000020'
  JOIN public.users u ON u.handle = seed.handle
  ON CONFLICT DO NOTHING;
END
$$;

COMMIT;
