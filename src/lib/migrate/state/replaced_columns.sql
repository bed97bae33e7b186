/* What stands on the columns of `replaced`, rows of pg_attribute: column, object, whether it stops DROP
COLUMN (else it goes with the column), and the statements that drop and recreate it. In the order of
dropping: views on views first, then what refers to other objects of the list. */
labelled AS (
  SELECT *, attrelid::regclass::text AS of_table, quote_ident(attname) AS of_column FROM replaced
), found AS (
  SELECT d.classid, d.objid, d.objsubid, l.attrelid, l.attnum, l.of_table, l.of_column,
         bool_and(d.deptype = 'n') AS blocks
  FROM labelled l
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = l.attrelid
                  AND d.refobjsubid = l.attnum
  GROUP BY 1, 2, 3, 4, 5, 6, 7
), viewed (view, depth, of_table, of_column) AS (
  WITH RECURSIVE views AS (
    SELECT w.ev_class AS view, 1 AS depth, f.of_table, f.of_column
    FROM found f JOIN pg_rewrite w ON f.classid = 'pg_rewrite'::regclass AND w.oid = f.objid
    WHERE w.rulename = '_RETURN'
    UNION
    SELECT w.ev_class, v.depth + 1, v.of_table, v.of_column
    FROM views v
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.view
                    AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN' AND w.ev_class <> v.view
    WHERE v.depth < 50
  )
  SELECT view, max(depth), min(of_table), min(of_column) FROM views GROUP BY view
), lines AS (
  SELECT 0 AS place, -depth AS deep, of_table, of_column, true AS blocks,
         format('%s %s', kind, view::regclass) AS object,
         format('DROP %s %s;', upper(kind), view::regclass) AS dropping,
         format('CREATE %s %s AS %s', upper(kind), view::regclass, btrim(pg_get_viewdef(view), ' '))
           AS creating
  FROM viewed
  JOIN pg_class c ON c.oid = view
  CROSS JOIN LATERAL (SELECT CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END) k (kind)
  UNION ALL
  SELECT 1, 0, of_table, of_column, blocks, format('rule %I of %s', w.rulename, w.ev_class::regclass),
         format('DROP RULE %I ON %s;', w.rulename, w.ev_class::regclass), pg_get_ruledef(w.oid)
  FROM found JOIN pg_rewrite w ON classid = 'pg_rewrite'::regclass AND w.oid = objid
  WHERE w.rulename <> '_RETURN'
  UNION ALL
  SELECT 1, 0, of_table, of_column, blocks, format('policy %I of %s', p.polname, p.polrelid::regclass),
         format('DROP POLICY %I ON %s;', p.polname, p.polrelid::regclass),
         format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s;', p.polname, p.polrelid::regclass,
                CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                              WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ')
                 FROM unnest(p.polroles) role),
                ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
  FROM found JOIN pg_policy p ON classid = 'pg_policy'::regclass AND p.oid = objid
  UNION ALL
  SELECT 1, 0, of_table, of_column, blocks, format('trigger %I of %s', t.tgname, t.tgrelid::regclass),
         format('DROP TRIGGER %I ON %s;', t.tgname, t.tgrelid::regclass), pg_get_triggerdef(t.oid) || ';'
  FROM found JOIN pg_trigger t ON classid = 'pg_trigger'::regclass AND t.oid = objid
  WHERE NOT t.tgisinternal
  UNION ALL
  SELECT CASE k.contype WHEN 'f' THEN 2 ELSE 3 END, 0, of_table, of_column, blocks,
         format('%s %I of %s', CASE k.contype WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'CHECK'
                                              ELSE 'constraint' END, k.conname, k.conrelid::regclass),
         format('ALTER TABLE %s DROP CONSTRAINT %I;', k.conrelid::regclass, k.conname),
         format('ALTER TABLE %s ADD CONSTRAINT %I %s;', k.conrelid::regclass, k.conname,
                pg_get_constraintdef(k.oid))
  FROM found JOIN pg_constraint k ON classid = 'pg_constraint'::regclass AND k.oid = objid
  UNION ALL
  SELECT 4, 0, of_table, of_column, blocks, 'default',
         format('ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT;', of_table, of_column),
         format('ALTER TABLE %s ALTER COLUMN %s SET DEFAULT %s;', of_table, of_column,
                pg_get_expr(d.adbin, d.adrelid))
  FROM found JOIN pg_attrdef d ON classid = 'pg_attrdef'::regclass AND d.oid = objid
  WHERE d.adrelid = attrelid AND d.adnum = attnum
  UNION ALL
  SELECT 4, 0, of_table, of_column, blocks, format('generated column %s.%I', d.adrelid::regclass, a.attname),
         format('ALTER TABLE %s DROP COLUMN %I;', d.adrelid::regclass, a.attname),
         format('ALTER TABLE %s ADD COLUMN %I %s GENERATED ALWAYS AS (%s) STORED;', d.adrelid::regclass,
                a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid))
  FROM found
  JOIN pg_attrdef d ON classid = 'pg_attrdef'::regclass AND d.oid = objid
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  WHERE d.adrelid <> found.attrelid OR d.adnum <> found.attnum
  UNION ALL
  SELECT 5, 0, of_table, of_column, blocks, format('index %s', objid::regclass),
         format('DROP INDEX %s;', objid::regclass), pg_get_indexdef(objid) || ';'
  FROM found JOIN pg_index x ON classid = 'pg_class'::regclass AND x.indexrelid = objid
  UNION ALL
  SELECT 5, 0, of_table, of_column, blocks, format('sequence %s', objid::regclass),
         format('ALTER SEQUENCE %s OWNED BY NONE;', objid::regclass),
         format('ALTER SEQUENCE %s OWNED BY %s.%s;', objid::regclass, of_table, of_column)
  FROM found JOIN pg_sequence q ON classid = 'pg_class'::regclass AND q.seqrelid = objid
  UNION ALL
  SELECT 5, 0, of_table, of_column, blocks, format('statistics %s', pg_describe_object(classid, objid, 0)),
         format('DROP STATISTICS %s.%I;', s.stxnamespace::regnamespace, s.stxname),
         pg_get_statisticsobjdef(objid) || ';'
  FROM found JOIN pg_statistic_ext s ON classid = 'pg_statistic_ext'::regclass AND s.oid = objid
  UNION ALL
  SELECT 5, 0, of_table, of_column, blocks, format('function %s', objid::regprocedure),
         format('DROP ROUTINE %s;', objid::regprocedure), btrim(pg_get_functiondef(objid), E'\n') || ';'
  FROM found WHERE classid = 'pg_proc'::regclass
  UNION ALL
  SELECT 6, 0, of_table, of_column, blocks, pg_describe_object(classid, objid, objsubid),
         '-- drop ' || pg_describe_object(classid, objid, objsubid),
         '-- recreate ' || pg_describe_object(classid, objid, objsubid)
  FROM found
  WHERE classid NOT IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass,
                        'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_class'::regclass,
                        'pg_statistic_ext'::regclass, 'pg_proc'::regclass)
  UNION ALL
  SELECT 7, 0, of_table, of_column, false, format('%s right of %s', privilege_type, role),
         format('REVOKE %s (%s) ON %s FROM %s;', privilege_type, of_column, of_table, role),
         format('GRANT %s (%s) ON %s TO %s;', privilege_type, of_column, of_table, role)
  FROM labelled
  CROSS JOIN LATERAL aclexplode(attacl)
  CROSS JOIN LATERAL (SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END) g (role)
)
SELECT of_table || '.' || of_column, object, blocks, dropping, creating
FROM lines ORDER BY place, deep, object COLLATE "C"
