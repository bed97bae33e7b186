-- A schema as lines of text: one row each, sorted. What belongs to Postgres, to an extension or to the
-- history of migrations is left out, and so is the order of columns. $1: with rights.
WITH owned AS (
  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), spaces AS (
  SELECT oid, nspname FROM pg_namespace n
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM owned WHERE classid = 'pg_namespace'::regclass AND objid = n.oid)
), relations AS (
  SELECT c.*, format('%I.%I', s.nspname, c.relname) AS label
  FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace
  WHERE NOT EXISTS (SELECT FROM owned WHERE classid = 'pg_class'::regclass AND objid = c.oid)
    AND c.relname NOT IN ('schema_information', 'schema_migrations', 'schema_migrations_adopted',
                          'schema_migrations_progress')
), lines AS (
  SELECT format('schema %I', nspname) AS line FROM spaces
  UNION ALL
  SELECT format('relation %s kind %s persistence %s options %s access %s row security %s', label,
                relkind, relpersistence, reloptions, CASE WHEN $1::boolean THEN relacl END, relrowsecurity)
  FROM relations WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
  UNION ALL
  SELECT format('column %s.%I %s%s%s%s%s', label, a.attname, format_type(a.atttypid, a.atttypmod),
                CASE WHEN a.attnotnull THEN ' not null' END,
                ' default ' || pg_get_expr(d.adbin, d.adrelid),
                ' identity ' || nullif(a.attidentity::text, ''),
                ' generated ' || nullif(a.attgenerated::text, ''))
  FROM relations r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')
  UNION ALL
  SELECT format('view %s %s', label, pg_get_viewdef(oid)) FROM relations WHERE relkind IN ('v', 'm')
  UNION ALL
  SELECT format('constraint %s %I %s', label, k.conname, pg_get_constraintdef(k.oid))
  FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid
  UNION ALL
  SELECT format('index %s%s', pg_get_indexdef(x.indexrelid),
                CASE WHEN NOT x.indisvalid THEN ' INVALID' END)
  FROM relations r JOIN pg_index x ON x.indrelid = r.oid
  WHERE r.relkind IN ('r', 'p', 'm')
  UNION ALL
  SELECT format('sequence %s type %s start %s increment %s from %s to %s cycle %s', r.label,
                format_type(q.seqtypid, NULL), q.seqstart, q.seqincrement, q.seqmin, q.seqmax,
                q.seqcycle)
  FROM relations r JOIN pg_sequence q ON q.seqrelid = r.oid
  UNION ALL
  SELECT format('trigger %s %s', t.tgenabled, pg_get_triggerdef(t.oid))
  FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT format('rule %s', pg_get_ruledef(w.oid))
  FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
  UNION ALL
  SELECT format('policy %s %I %s %s %s using %s check %s', r.label, p.polname, p.polcmd,
                p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid),
                pg_get_expr(p.polwithcheck, p.polrelid))
  FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT format('comment %s %s %s', r.label, d.objsubid, d.description)
  FROM relations r
  JOIN pg_description d ON d.objoid = r.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  UNION ALL
  SELECT format('comment %s.%I %s', r.label, a.attname, d.description)
  FROM relations r
  JOIN pg_attribute a ON a.attrelid = r.oid
  JOIN pg_description d
    ON d.objoid = r.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = a.attnum
  WHERE a.attnum > 0
  UNION ALL
  SELECT format('function %s access %s', pg_get_functiondef(f.oid),
                CASE WHEN $1::boolean THEN f.proacl END)
  FROM pg_proc f JOIN spaces s ON s.oid = f.pronamespace
  WHERE f.prokind IN ('f', 'p', 'w')
    AND NOT EXISTS (SELECT FROM owned WHERE classid = 'pg_proc'::regclass AND objid = f.oid)
  UNION ALL
  SELECT format('aggregate %s', f.oid::regprocedure)
  FROM pg_proc f JOIN spaces s ON s.oid = f.pronamespace
  WHERE f.prokind = 'a'
    AND NOT EXISTS (SELECT FROM owned WHERE classid = 'pg_proc'::regclass AND objid = f.oid)
  UNION ALL
  SELECT format('type %I.%I %s base %s%s default %s labels %s', s.nspname, t.typname, t.typtype,
                format_type(t.typbasetype, t.typtypmod),
                CASE WHEN t.typnotnull THEN ' not null' END, t.typdefault,
                (SELECT array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e
                 WHERE e.enumtypid = t.oid))
  FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace
  WHERE t.typtype IN ('e', 'd', 'r')
    AND NOT EXISTS (SELECT FROM owned WHERE classid = 'pg_type'::regclass AND objid = t.oid)
  UNION ALL
  SELECT format('domain constraint %s %I %s', k.contypid::regtype, k.conname,
                pg_get_constraintdef(k.oid))
  FROM pg_constraint k JOIN spaces s ON s.oid = k.connamespace WHERE k.contypid <> 0
)
SELECT line FROM lines ORDER BY line COLLATE "C"
