/* test_migrate_script.c: the steps of a migration, and the SQL that they send. */
#include "unit.h"

#include "lib/migrate/run/script.h"

static struct history history;
static struct script_context context = {.server_version = 150000,
                                        .lock_timeout_ms = 2000,
                                        .history = &history,
                                        .applied_by = " (me@here)"};

static struct migration *parse(const char *text) {
  struct error error = {0};
  struct migration *migration = NULL;
  if (!migration_parse("1700000000_m.sql", str_from(text), NULL, &migration, &error))
    fail_msg("%s", error.message);
  return migration;
}

static struct script script_of(const struct migration *migration,
                               const struct history_progress *progress) {
  struct error error = {0};
  struct script script = {.context = &context,
                          .migration = migration,
                          .progress = progress,
                          .newest_after = &migration->version};
  if (!script_make(&script, &error)) fail_msg("%s", error.message);
  return script;
}

static void assert_step(const struct script *script, size_t i, enum script_step_kind kind,
                        size_t first, size_t count) {
  assert_true(i < script->count);
  assert_int_equal(script->steps[i].kind, kind);
  assert_int_equal(script->steps[i].first, first);
  assert_int_equal(script->steps[i].count, count);
}

static void a_transaction_is_one_step(void **state) {
  struct migration *migration = parse("-- migrate:up lock_timeout:7s\nSELECT 1; SELECT 2;\n");
  struct script script = script_of(migration, NULL);
  struct buffer sql = BUFFER_EMPTY;
  assert_int_equal(script.count, 2);
  assert_step(&script, 0, SCRIPT_TRANSACTION, 0, 2);
  assert_false(script_is_stepwise(&script));
  script_append_opening(&script, &script.steps[0], false, &sql);
  assert_buffer_equal(&sql, "BEGIN;\nSET LOCAL lock_timeout = 7000;\n"
                            "SET LOCAL application_name = 'cruddur migrate 1700000000_m';\n");
  script_append_statement(&script, &script.steps[0], 1, false, &sql);
  assert_buffer_equal(&sql, "SELECT 2;\n");
  script_append_closing(&script, &script.steps[0], 5, false, &sql);
  assert_non_null(strstr(buffer_text(&sql), ", 5, current_user || ' (me@here)', false);"));
  assert_non_null(strstr(buffer_text(&sql), "last_successful_run = '1700000000' WHERE id = 1;\n"
                                            "COMMIT;\n"));
  buffer_free(&sql);
  script_free(&script);
  migration_free(migration);
}

static void the_last_run_is_no_earlier_than_the_mark(void **state) {
  struct migration *migration = parse("-- migrate:up\nSELECT 1;\n");
  struct script script = script_of(migration, NULL);
  struct history marked = {.has_mark = true};
  struct buffer sql = BUFFER_EMPTY;
  assert_true(version_parse_mark(STR("1800000000.5"), &marked.mark));
  context.history = &marked;
  script_append_closing(&script, &script.steps[0], 5, false, &sql);
  assert_non_null(
      strstr(buffer_text(&sql), "last_successful_run = '1800000000.5' WHERE id = 1;\n"));
  sql.length = 0;
  assert_true(version_parse_mark(STR("1600000000.5"), &marked.mark));
  script_append_closing(&script, &script.steps[0], 5, false, &sql);
  assert_non_null(strstr(buffer_text(&sql), "last_successful_run = '1700000000' WHERE id = 1;\n"));
  context.history = &history;
  buffer_free(&sql);
  script_free(&script);
  migration_free(migration);
}

/* Whatever it does: a function that it calls may change settings. */
static void settings_are_put_back(void **state) {
  struct migration *migration = parse("-- migrate:up\nSELECT f();\n");
  struct script script = script_of(migration, NULL);
  assert_int_equal(script.count, 2);
  assert_step(&script, 1, SCRIPT_SETTINGS, 1, 0);
  script_free(&script);
  migration_free(migration);
}

static const char STEPS[] = "-- migrate:up transaction:false\nSET a.b = '1';\nSELECT 1;\n"
                            "CREATE INDEX CONCURRENTLY i ON t (c);\nVACUUM;\n";

static void each_statement_is_a_step(void **state) {
  struct migration *migration = parse(STEPS);
  struct script script = script_of(migration, NULL);
  struct buffer sql = BUFFER_EMPTY;
  assert_int_equal(script.count, 6);
  assert_step(&script, 0, SCRIPT_WRAPPED, 0, 1);
  assert_step(&script, 1, SCRIPT_WRAPPED, 1, 1);
  assert_step(&script, 2, SCRIPT_BARE, 2, 1);
  assert_step(&script, 3, SCRIPT_BARE, 3, 1);
  assert_step(&script, 4, SCRIPT_RECORD, 4, 0);
  assert_step(&script, 5, SCRIPT_SETTINGS, 4, 0);
  assert_false(script.steps[2].in_doubt);
  script_append_opening(&script, &script.steps[2], false, &sql);
  assert_int_equal(strncmp(buffer_text(&sql), "SET lock_timeout = 0;\n", 22), 0);
  assert_non_null(strstr(buffer_text(&sql), "'up', 2, true, "));
  sql.length = 0;
  script_append_closing(&script, &script.steps[1], 0, false, &sql);
  assert_non_null(strstr(buffer_text(&sql), "'up', 2, false, "));
  assert_non_null(strstr(buffer_text(&sql), ";\nCOMMIT;\n"));
  buffer_free(&sql);
  script_free(&script);
  migration_free(migration);
}

static struct history_progress progress_of(const struct migration *migration, size_t done) {
  struct history_progress progress = {.version = migration->version, .done = done};
  migration_section_checksum(migration, &migration->up, done, progress.checksum);
  return progress;
}

static void a_begun_section_is_gone_on_with(void **state) {
  struct migration *migration = parse(STEPS);
  struct history_progress progress = progress_of(migration, 2);
  progress.running = true;
  struct script script = script_of(migration, &progress);
  struct buffer text = BUFFER_EMPTY;
  assert_int_equal(script.count, 5);
  assert_step(&script, 0, SCRIPT_REPLAY, 0, 1);
  assert_step(&script, 1, SCRIPT_BARE, 2, 1);
  assert_true(script.steps[1].in_doubt);
  assert_false(script.steps[2].in_doubt);
  assert_step(&script, 3, SCRIPT_RECORD, 4, 0);
  script.steps[1].is_done = true; /* as if the index had been found */
  script_print(&script, &text);
  const char *printed = buffer_text(&text);
  assert_non_null(strstr(printed, "-- its first 2 statements are done\nSET a.b = '1';\nSET lock"));
  assert_non_null(strstr(printed, "-- statement 3 was done by an earlier run\nINSERT INTO"));
  assert_null(strstr(printed, "SELECT 1;\nINSERT"));
  buffer_free(&text);
  script_free(&script);
  migration_free(migration);
}

static void statements_that_were_edited_are_refused(void **state) {
  struct migration *migration = parse(STEPS);
  struct history_progress edited = progress_of(migration, 2), too_many = edited;
  edited.checksum[0] ^= 1;
  too_many.done = 5;
  too_many.checksum[0] = '\0'; /* of statements that are not there */
  const struct history_progress *const BAD[] = {&edited, &too_many};
  for (size_t i = 0; i < 2; i++) {
    struct error error = {0};
    struct script script = {.context = &context, .migration = migration, .progress = BAD[i]};
    assert_false(script_make(&script, &error));
    assert_int_equal(error.kind, ERROR_REFUSED);
    assert_non_null(strstr(error.message, "cruddur repair --forget 1700000000"));
  }
  migration_free(migration);
}

static void a_rehearsal_commits_nothing(void **state) {
  struct migration *migration = parse(STEPS);
  struct script script = script_of(migration, NULL);
  struct buffer sql = BUFFER_EMPTY;
  script.steps[2].invalid_index = strdup("s.i");
  for (size_t i = 0; i < script.count; i++) {
    struct script_step *step = &script.steps[i];
    script_append_opening(&script, step, true, &sql);
    script_append_drop_index(step, true, &sql);
    for (size_t j = 0; j < step->count; j++)
      script_append_statement(&script, step, step->first + j, true, &sql);
    script_append_closing(&script, step, 0, true, &sql);
  }
  const char *sent = buffer_text(&sql);
  assert_null(strstr(sent, "BEGIN"));
  assert_null(strstr(sent, "COMMIT"));
  assert_null(strstr(sent, "VACUUM;\nINSERT"));
  assert_non_null(strstr(sent, "DROP INDEX s.i;\nCREATE INDEX              i ON t (c);\n"));
  assert_non_null(strstr(sent, "SET CONSTRAINTS ALL IMMEDIATE;\n"));
  buffer_free(&sql);
  script_free(&script);
  migration_free(migration);
}

static void a_way_back_removes_the_row_that_is_there(void **state) {
  struct migration *migration = parse("-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;\n");
  struct history_entry entry = {.name = (char *)"m"};
  assert_true(version_parse(STR("17000000000"), &entry.version)); /* the same time */
  struct script script = {
      .context = &context, .migration = migration, .down = true, .entry = &entry};
  struct error error = {0};
  struct buffer sql = BUFFER_EMPTY;
  assert_true(script_make(&script, &error));
  script_append_closing(&script, &script.steps[0], 0, false, &sql);
  assert_buffer_equal(&sql, "DELETE FROM public.schema_migrations WHERE version = '17000000000';\n"
                            "UPDATE public.schema_information SET last_successful_run = '0' WHERE "
                            "id = 1;\nCOMMIT;\n");
  buffer_free(&sql);
  script_free(&script);
  migration_free(migration);
}

static void assert_bare(const char *sql, enum bare_kind kind, const char *index,
                        const char *table) {
  struct bare_statement bare = bare_statement_parse(str_from(sql));
  assert_int_equal(bare.kind, kind);
  assert_str_equal(bare.index, index);
  assert_str_equal(bare.table, table);
}

static void bare_statements_are_known_by_their_kind(void **state) {
  assert_bare("CREATE TABLE a (b int)", BARE_NONE, "", "");
  assert_bare("CREATE INDEX i ON a (b)", BARE_NONE, "", "");
  assert_bare("create unique index concurrently if not exists s.\"I x\" ON ONLY s.t (b)",
              BARE_CREATE_INDEX, "s.\"I x\"", "s.t");
  assert_bare("CREATE INDEX CONCURRENTLY ON t (b)", BARE_CREATE_INDEX, "", "t");
  assert_bare("DROP INDEX CONCURRENTLY IF EXISTS s.i", BARE_DROP_INDEX, "s.i", "");
  assert_bare("DROP INDEX i", BARE_NONE, "", "");
  assert_bare("VACUUM t", BARE_OTHER, "", "");
  assert_bare("CLUSTER", BARE_OTHER, "", "");
  assert_bare("CLUSTER (VERBOSE)", BARE_OTHER, "", "");
  assert_bare("CLUSTER t USING i", BARE_NONE, "", "");
  assert_bare("REINDEX TABLE CONCURRENTLY t", BARE_OTHER, "", "");
  assert_bare("REINDEX (VERBOSE, CONCURRENTLY) INDEX i", BARE_OTHER, "", "");
  assert_bare("REINDEX TABLE t", BARE_NONE, "", "");
  assert_bare("REINDEX INDEX system", BARE_NONE, "", "");
  assert_bare("REINDEX SCHEMA s", BARE_OTHER, "", "");
  assert_bare("CREATE DATABASE d", BARE_OTHER, "", "");
  assert_bare("DROP TABLESPACE x", BARE_OTHER, "", "");
  assert_bare("ALTER SYSTEM SET x = 1", BARE_OTHER, "", "");
  assert_bare("ALTER SUBSCRIPTION s REFRESH PUBLICATION", BARE_OTHER, "", "");
  assert_bare("ALTER DATABASE d SET TABLESPACE t", BARE_OTHER, "", "");
  assert_bare("ALTER DATABASE d SET x = 1", BARE_NONE, "", "");
  assert_bare("ALTER TABLE ONLY s.t DETACH PARTITION s.p CONCURRENTLY", BARE_OTHER, "", "");
  assert_bare("ALTER TABLE t DETACH PARTITION p", BARE_NONE, "", "");
  assert_bare("ALTER TABLE t ADD COLUMN subscription text", BARE_NONE, "", "");
  assert_bare("ALTER TABLE system RENAME concurrently TO detach", BARE_NONE, "", "");
}

static void code_may_commit_where_it_says_so(void **state) {
  assert_bare("CALL p()", BARE_CODE, "", "");
  assert_bare("DO $$ BEGIN COMMIT; END $$", BARE_CODE, "", "");
  assert_bare("DO LANGUAGE plpgsql $x$ BEGIN rollback and chain; END $x$", BARE_CODE, "", "");
  assert_bare("DO 'BEGIN COMMIT; END'", BARE_CODE, "", "");
  assert_bare("DO $$ BEGIN CALL p(); END $$", BARE_CODE, "", "");
  assert_bare("DO $$ BEGIN NULL; END $$", BARE_NONE, "", "");
  assert_bare("DO $$ BEGIN CREATE TEMP TABLE t (a int) ON COMMIT DROP; END $$", BARE_NONE, "", "");
  assert_bare("DO $$ BEGIN RAISE 'COMMIT;'; /* COMMIT; */ END $$", BARE_NONE, "", "");
  assert_bare("DO", BARE_NONE, "", "");
  assert_bare("DO $$$$", BARE_NONE, "", "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_transaction_is_one_step),
      cmocka_unit_test(the_last_run_is_no_earlier_than_the_mark),
      cmocka_unit_test(settings_are_put_back),
      cmocka_unit_test(each_statement_is_a_step),
      cmocka_unit_test(a_begun_section_is_gone_on_with),
      cmocka_unit_test(statements_that_were_edited_are_refused),
      cmocka_unit_test(a_rehearsal_commits_nothing),
      cmocka_unit_test(a_way_back_removes_the_row_that_is_there),
      cmocka_unit_test(bare_statements_are_known_by_their_kind),
      cmocka_unit_test(code_may_commit_where_it_says_so),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
