/* test_migrate_lint.c: what the lint finds, where, and what lets it pass. */
#include "unit.h"

#include "lib/migrate/file/lint.h"

static struct buffer found_rules;

static void note(const struct lint_finding *finding, void *argument) {
  struct error place;
  report_error(&place, "", migration_text(finding->migration), finding->offset, "");
  buffer_append_format(&found_rules, "%s@%.*s ", finding->rule, (int)strlen(place.message) - 3,
                       place.message + 1);
}

static bool knows_small(struct str table, void *argument) {
  return str_equal(table, STR("small"));
}

/* `sql` begins on line 2 and has a way back unless told otherwise. */
static void assert_findings(const char *sql, const char *expected) {
  struct buffer text = BUFFER_EMPTY;
  struct migration *migration = NULL;
  struct error error = {0};
  buffer_append_format(&text, "-- migrate:up\n%s\n-- migrate:down\n", sql);
  if (!migration_parse("1_m.sql", buffer_str(&text), NULL, &migration, &error))
    fail_msg("%s", error.message);
  lint_migration(migration, note, knows_small, NULL);
  assert_buffer_equal(&found_rules, expected);
  migration_free(migration);
  buffer_free(&text);
}

static void drops(void **state) {
  assert_findings("DROP TABLE a;", "drop@2:1 ");
  assert_findings("  TRUNCATE a;", "drop@2:3 ");
  assert_findings("ALTER TABLE a DROP COLUMN b;", "drop@2:15 ");
  assert_findings("ALTER TABLE IF EXISTS ONLY a ADD c int, DROP b;", "drop@2:41 ");
  assert_findings("ALTER TABLE a ALTER b DROP NOT NULL, ALTER b DROP DEFAULT, DROP CONSTRAINT c;",
                  "");
  assert_findings("DROP INDEX CONCURRENTLY i;", "");
  assert_findings("DROP INDEX i;", "drop@2:1 ");
  assert_findings("SELECT 'DROP TABLE a'; -- DROP TABLE b;", "");
  assert_findings("DROP TABLE small;", "drop@2:1 ");
}

static void new_types(void **state) {
  assert_findings("ALTER TABLE a ALTER COLUMN b TYPE bigint;", "type-rewrite@2:21 ");
  assert_findings("ALTER TABLE a ALTER b SET DATA TYPE text USING b::text;", "type-rewrite@2:21 ");
  assert_findings("ALTER TABLE small ALTER b TYPE text;", "");
  assert_findings("ALTER TABLE a ADD COLUMN type text, ADD \"alter\" int;", "");
}

static void not_null(void **state) {
  assert_findings("ALTER TABLE a ADD COLUMN b int NOT NULL;", "not-null@2:26 ");
  assert_findings("ALTER TABLE a ADD b numeric(3, 2) NOT NULL, ADD c int;", "not-null@2:19 ");
  assert_findings("ALTER TABLE a ADD COLUMN IF NOT EXISTS b int;", "");
  assert_findings("ALTER TABLE a ADD b int NOT NULL DEFAULT 0;", "");
  assert_findings("ALTER TABLE a ADD b int DEFAULT 0 NOT NULL;", "");
  assert_findings("ALTER TABLE a ADD b bigserial NOT NULL;", "rewrite@2:19 ");
  assert_findings("ALTER TABLE a ADD CONSTRAINT c CHECK (b IS NOT NULL) NOT VALID;", "");
  assert_findings("ALTER TABLE a ALTER b SET NOT NULL;", "not-null@2:21 ");
  assert_findings("CREATE TABLE a (b int);\nALTER TABLE public.a ADD c int NOT NULL;", "");
}

static void indexes(void **state) {
  assert_findings("CREATE INDEX i ON a (b);", "index-not-concurrent@2:1 ");
  assert_findings("CREATE UNIQUE INDEX IF NOT EXISTS i ON ONLY s.a (b);",
                  "index-not-concurrent@2:1 ");
  assert_findings("CREATE INDEX ON a (b);", "index-not-concurrent@2:1 ");
  assert_findings("CREATE INDEX CONCURRENTLY i ON a (b);", "");
  assert_findings("CREATE INDEX i ON small (b);", "");
  assert_findings("CREATE UNLOGGED TABLE IF NOT EXISTS a (b int); CREATE INDEX i ON A (b);", "");
  assert_findings("CREATE INDEX i ON a (b); CREATE TABLE a (b int);", "index-not-concurrent@2:1 ");
}

static void rewrites(void **state) {
  assert_findings("VACUUM FULL a;", "rewrite@2:1 ");
  assert_findings("VACUUM (ANALYZE, FULL) a;", "rewrite@2:1 ");
  assert_findings("VACUUM (ANALYZE) a;", "");
  assert_findings("CLUSTER a USING i;", "rewrite@2:1 ");
  assert_findings("ALTER TABLE a SET UNLOGGED;", "rewrite@2:15 ");
  assert_findings("ALTER TABLE a SET (fillfactor = 70);", "");
  assert_findings("ALTER TABLE a ADD b uuid DEFAULT gen_random_uuid();", "rewrite@2:19 ");
  assert_findings("ALTER TABLE a ADD b bigserial;", "rewrite@2:19 ");
  assert_findings("ALTER TABLE a ADD b int GENERATED ALWAYS AS (c + 1) STORED;", "rewrite@2:19 ");
  assert_findings("ALTER TABLE a ADD b timestamp DEFAULT now(), ADD serial int;", "");
  assert_findings("VACUUM FULL small; ALTER TABLE small ADD b serial;", "");
}

static void constraints(void **state) {
  assert_findings("ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);", "constraint-check@2:19 ");
  assert_findings("ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (using), ADD d int;",
                  "constraint-check@2:19 ");
  assert_findings("ALTER TABLE a ADD CONSTRAINT c FOREIGN KEY (b) REFERENCES d NOT VALID;", "");
  assert_findings("ALTER TABLE a ADD UNIQUE (b);", "constraint-check@2:19 ");
  assert_findings("ALTER TABLE a ADD CONSTRAINT c PRIMARY KEY USING INDEX i;", "");
  assert_findings("CREATE TABLE a (b int); ALTER TABLE a ADD CHECK (b > 0);", "");
}

static void allowances(void **state) {
  assert_findings("DROP TABLE a; -- lint:allow drop", "");
  assert_findings("-- lint:allow drop\nDROP TABLE a;", "");
  assert_findings("-- lint:allow type-rewrite, drop\nDROP TABLE a;", "");
  assert_findings("DROP TABLE a, -- lint:allow drop\n  b;", "");
  assert_findings("DROP TABLE a; -- lint:allow not-null", "drop@2:1 ");
  assert_findings("-- lint:allow drop\n\nDROP TABLE a;", "drop@4:1 ");
  assert_findings("DROP TABLE a; -- lint:allow drop\n\nDROP TABLE b;", "drop@4:1 ");
}

static void missing_down(void **state) {
  struct migration *migration = NULL;
  assert_true(migration_parse("1_m.sql", STR("-- migrate:up\n"), NULL, &migration, NULL));
  lint_migration(migration, note, NULL, NULL);
  assert_buffer_equal(&found_rules, "missing-down@1:1 ");
  migration_free(migration);
  assert_true(migration_parse("1_m.sql", STR("-- migrate:up\n\n\n-- lint:allow missing-down\n"),
                              NULL, &migration, NULL));
  lint_migration(migration, note, NULL, NULL);
  assert_buffer_equal(&found_rules, "");
  migration_free(migration);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(drops),    cmocka_unit_test(new_types),   cmocka_unit_test(not_null),
      cmocka_unit_test(indexes),  cmocka_unit_test(allowances),  cmocka_unit_test(missing_down),
      cmocka_unit_test(rewrites), cmocka_unit_test(constraints),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  buffer_free(&found_rules);
  return failed;
}
