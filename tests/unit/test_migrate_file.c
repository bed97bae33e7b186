/* test_migrate_file.c: migration files: sections, options, statements, and what is refused where.
 */
#include "unit.h"

#include "lib/migrate/file/migration.h"

static const char PATH[] = "db/migrations/17000000000000000_test.sql";

static struct migration *parse(const char *text) {
  struct error error = {0};
  struct migration *migration = NULL;
  if (!migration_parse(PATH, str_from(text), NULL, &migration, &error))
    fail_msg("%s", error.message);
  return migration;
}

/* The place and the words of the complaint. */
static void assert_refused(const char *text, const char *expected) {
  struct error error = {0};
  struct migration *migration = NULL;
  assert_false(migration_parse(PATH, str_from(text), NULL, &migration, &error));
  if (!strstr(error.message, expected)) fail_msg("'%s' has no '%s'", error.message, expected);
}

static void assert_statement(const struct migration *migration, const struct section *section,
                             size_t i, const char *expected) {
  assert_true(i < section->count);
  assert_str_equal(migration_statement_text(migration, &section->statements[i]), expected);
}

/* One section of statements, in which nothing is split but what is expected. */
static void assert_statements(const char *sql, size_t count, ...) {
  struct buffer text = BUFFER_EMPTY;
  buffer_append_text(&text, "-- migrate:up\n");
  buffer_append_text(&text, sql);
  struct migration *migration = parse(buffer_text(&text));
  va_list expected;
  va_start(expected, count);
  assert_int_equal(migration->up.count, count);
  for (size_t i = 0; i < count; i++)
    assert_statement(migration, &migration->up, i, va_arg(expected, const char *));
  va_end(expected);
  migration_free(migration);
  buffer_free(&text);
}

static void statements_end_at_their_semicolons(void **state) {
  assert_statements("SELECT 1;\nSELECT 2;", 2, "SELECT 1", "SELECT 2");
  assert_statements("SELECT 1", 1, "SELECT 1");
  assert_statements(";; SELECT 1 ;;", 1, "SELECT 1");
  assert_statements("-- a comment; with one\nSELECT 1; /* and; /* nested; */ ; */ SELECT 2;", 2,
                    "SELECT 1", "SELECT 2");
  assert_statements("", 0);
}

static void semicolons_hide_in_quotes(void **state) {
  assert_statements("SELECT 'a;b'';c'; SELECT \"x;\"\"y\";", 2, "SELECT 'a;b'';c'",
                    "SELECT \"x;\"\"y\"");
  assert_statements("SELECT E'it\\'s; fine'; SELECT 2;", 2, "SELECT E'it\\'s; fine'", "SELECT 2");
  assert_statements("SELECT 'ends in a backslash\\'; SELECT 2;", 2,
                    "SELECT 'ends in a backslash\\'", "SELECT 2");
  assert_statements("SELECT U&'\\0041;', B'1;', X'f;', N'n;';", 1,
                    "SELECT U&'\\0041;', B'1;', X'f;', N'n;'");
  assert_statements("SELECT name'x;'; SELECT 2", 2, "SELECT name'x;'", "SELECT 2");
}

static void semicolons_hide_in_dollar_quotes(void **state) {
  assert_statements("DO $$ BEGIN a; b; END $$; SELECT 2;", 2, "DO $$ BEGIN a; b; END $$",
                    "SELECT 2");
  assert_statements("DO $x$ $$;$$ $y$;$y$ $x$; SELECT 2", 2, "DO $x$ $$;$$ $y$;$y$ $x$",
                    "SELECT 2");
  assert_statements("SELECT $1, a$b$c; SELECT d$b$e;", 2, "SELECT $1, a$b$c", "SELECT d$b$e");
  assert_statements("SELECT $1$2; SELECT 3", 2, "SELECT $1$2", "SELECT 3");
}

static void semicolons_hide_in_bodies(void **state) {
  assert_statements("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); SELECT 2;",
                    2, "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)",
                    "SELECT 2");
  assert_statements("CREATE OR REPLACE FUNCTION f(begin int) RETURNS int BEGIN ATOMIC SELECT 1; "
                    "SELECT CASE WHEN true THEN 2 END; END; SELECT 2;",
                    2,
                    "CREATE OR REPLACE FUNCTION f(begin int) RETURNS int BEGIN ATOMIC SELECT 1; "
                    "SELECT CASE WHEN true THEN 2 END; END",
                    "SELECT 2");
  assert_statements("CREATE TABLE begin (a int); SELECT 2;", 2, "CREATE TABLE begin (a int)",
                    "SELECT 2");
  assert_statements("CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql; SELECT 2", 2,
                    "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql", "SELECT 2");
}

static void sections_and_options(void **state) {
  struct migration *migration = parse("-- what it is for\r\n"
                                      "-- migrate:applied-if a = 1\n"
                                      "-- migrate:applied-if b\n"
                                      "-- migrate:replaces c\r\n"
                                      "-- migrate:replaces d > 1\n"
                                      "-- migrate:up transaction:false lock_timeout:5s\r\n"
                                      "SELECT 1;\n"
                                      "-- lint:allow drop, not-null\n"
                                      "SELECT\n 2;\n"
                                      "-- migrate:down lock_timeout:250ms\n"
                                      "SELECT 3\n");
  assert_string_equal(migration->version.text, "17000000000000000");
  assert_string_equal(migration->name, "test");
  assert_string_equal(migration->applied_if, "(a = 1)\nAND (b)");
  assert_string_equal(migration->replaces, "(c)\nOR (d > 1)");
  assert_false(migration->up.transaction);
  assert_int_equal(migration->up.lock_timeout_ms, 5000);
  assert_int_equal(migration->up.count, 2);
  assert_int_equal(migration->up.statements[1].line, 9);
  assert_int_equal(migration->up.statements[1].end_line, 10);
  assert_true(migration->down.transaction);
  assert_int_equal(migration->down.lock_timeout_ms, 250);
  assert_statement(migration, &migration->down, 0, "SELECT 3");
  assert_str_equal(migration_section_text(migration, &migration->down),
                   "-- migrate:down lock_timeout:250ms\nSELECT 3\n");
  assert_int_equal(migration->allowance_count, 1);
  assert_int_equal(migration->allowances[0].line, 8);
  assert_str_equal(migration->allowances[0].rules, "drop, not-null");
  migration_free(migration);
}

static void markers_in_strings_are_text(void **state) {
  struct migration *migration = parse("-- migrate:up\nSELECT '\n-- migrate:down\n';\n");
  assert_false(migration->down.present);
  assert_int_equal(migration->up.count, 1);
  migration_free(migration);
}

static void what_is_wrong_is_named_with_its_place(void **state) {
  assert_refused("", ":1:1: there is no '-- migrate:up' line");
  assert_refused("SELECT 1;\n-- migrate:up\n", ":1:1: SQL before");
  assert_refused("-- migrate:up\n-- migrate:up\n", ":2:1: this section is there twice");
  assert_refused("-- migrate:down\n-- migrate:up\n", ":1:1: '-- migrate:down' before");
  assert_refused("-- migrate:upp\n", "unknown");
  assert_refused("-- migrate:sideways\n", "unknown marker");
  assert_refused("-- migrate:up transaction:no\n", ":1:15: unknown option");
  assert_refused("-- migrate:up lock_timeout:0s\n", ":1:28: a lock_timeout");
  assert_refused("-- migrate:up lock_timeout:2h\n", "a lock_timeout");
  assert_refused("-- migrate:up lock_timeout:99999999999999999999s\n", "a lock_timeout");
  assert_refused("-- migrate:up\nSELECT 'a;\n", ":2:8: this string is not closed");
  assert_refused("-- migrate:up\nSELECT \"a;\n", ":2:8: this quoted name is not closed");
  assert_refused("-- migrate:up\n\n  DO $x$ $$ $X$;", ":3:6: this dollar quote is not closed");
  assert_refused("-- migrate:up\n/* /* */ SELECT 1;", ":2:1: this comment is not closed");
  assert_refused("-- migrate:up\nSELECT (1;\n", ":2:1: a parenthesis");
  assert_refused("-- migrate:up\nCREATE FUNCTION f() BEGIN ATOMIC SELECT 1;\n",
                 ":2:1: the BEGIN ATOMIC");
  assert_refused("-- migrate:up\n\\i other.sql\n", ":2:1: backslash commands");
  assert_refused("-- migrate:up\nSELECT 'ä', 1;\nSELECT 'é' \\g\n", ":3:12: backslash commands");
}

static void transactions_belong_to_the_runner(void **state) {
  static const char *const BAD[] = {"BEGIN",
                                    "Start Transaction",
                                    "COMMIT",
                                    "END",
                                    "ROLLBACK",
                                    "rollback work",
                                    "ABORT",
                                    "DISCARD ALL",
                                    "PREPARE TRANSACTION 'x'",
                                    "COPY t FROM STDIN",
                                    "COPY (SELECT 1) TO stdout"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct buffer text = BUFFER_EMPTY;
    buffer_append_format(&text, "-- migrate:up\nSELECT 1;\n  %s;\n", BAD[i]);
    assert_refused(buffer_text(&text), ":3:3: ");
    buffer_free(&text);
  }
  assert_statements("SAVEPOINT a; ROLLBACK TO a; ROLLBACK WORK TO SAVEPOINT a; RELEASE a; "
                    "PREPARE p AS SELECT 1; COPY t FROM '/file';",
                    6, "SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a", "RELEASE a",
                    "PREPARE p AS SELECT 1", "COPY t FROM '/file'");
}

static void bytes_that_are_no_text(void **state) {
  struct error error = {0};
  struct migration *migration = NULL;
  assert_false(
      migration_parse(PATH, STR("-- migrate:up\nSELECT '\xff';"), NULL, &migration, &error));
  assert_non_null(strstr(error.message, "not UTF-8"));
  assert_false(migration_parse(PATH, STR("-- migrate:up\nSELECT \0;"), NULL, &migration, &error));
}

static void file_names(void **state) {
  struct version version;
  struct str name;
  assert_true(migration_parse_file_name(STR("1_a.sql"), &version, &name));
  assert_str_equal(name, "a");
  assert_true(migration_parse_file_name(STR("16812294605993273_add_bio_column"), &version, &name));
  static const char *const BAD[] = {"1.sql",
                                    "_a.sql",
                                    "a_1.sql",
                                    "1_.sql",
                                    "1_a b.sql",
                                    "1_ä.sql",
                                    "123456789012345678901_a.sql",
                                    "1_a.txt",
                                    ""};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(migration_parse_file_name(str_from(BAD[i]), &version, &name));
  struct error error = {0};
  struct migration *migration = NULL;
  assert_false(migration_parse("x/bad.sql", STR("-- migrate:up\n"), NULL, &migration, &error));
}

static void assert_same_checksum(const char *a, const char *b, bool same) {
  struct migration *x = parse(a), *y = parse(b);
  assert_int_equal(strcmp(x->checksum, y->checksum) == 0, same);
  migration_free(x);
  migration_free(y);
}

static void checksums_ignore_layout(void **state) {
  const char *plain = "-- migrate:up\nSELECT a, 'B  c' FROM t;\n-- migrate:down\nSELECT 1;\n";
  assert_same_checksum(plain,
                       "-- new comment\n-- migrate:up\n select A,\n'B  c' /* x */\n  FROM t ;;\n"
                       "-- migrate:down\nSELECT   1\n",
                       true);
  assert_same_checksum(
      plain, "-- migrate:up\nSELECT a, 'B c' FROM t;\n-- migrate:down\nSELECT 1;\n", false);
  assert_same_checksum(
      plain, "-- migrate:up\nSELECT a, 'B  c' FROM t;\n-- migrate:down\nSELECT 2;\n", false);
  assert_same_checksum("-- migrate:up\nSELECT \"A\";\n", "-- migrate:up\nSELECT \"a\";\n", false);
  assert_same_checksum("-- migrate:up\nSELECT 1;SELECT 2;\n", "-- migrate:up\nSELECT 1 SELECT 2;\n",
                       false);
}

static void a_return_ends_a_comment_even_alone(void **state) {
  assert_statements("SELECT 1; -- one\rSELECT 2; -- two\r\nSELECT 3", 3, "SELECT 1", "SELECT 2",
                    "SELECT 3");
}

static void a_byte_order_mark_is_skipped_and_utf16_named(void **state) {
  struct migration *migration = parse("\xEF\xBB\xBF-- migrate:up\nSELECT 1;\n");
  assert_statement(migration, &migration->up, 0, "SELECT 1");
  migration_free(migration);
  static const struct str UTF16[] = {
      {"\xFF\xFE-\0-\0", 6}, {"\xFE\xFF\0-\0-", 6}, {"-\0-\0", 4}, {"\0-\0-", 4}};
  for (size_t i = 0; i < sizeof(UTF16) / sizeof(UTF16[0]); i++) {
    struct error error = {0};
    assert_false(migration_parse("1700000000_m.sql", UTF16[i], NULL, &migration, &error));
    assert_non_null(strstr(error.message, "this is UTF-16; save it as UTF-8"));
  }
}

static void a_statement_may_be_repeated(void **state) {
  struct migration *migration = parse("-- migrate:up transaction:false\nSELECT 1;\n"
                                      "-- migrate:repeat\n-- in steps\nUPDATE a SET b = 1;\n"
                                      "DELETE FROM a;\n");
  assert_false(migration->up.statements[0].repeat);
  assert_true(migration->up.statements[1].repeat);
  assert_false(migration->up.statements[2].repeat);
  struct migration *once = parse("-- migrate:up transaction:false\nSELECT 1;\n"
                                 "UPDATE a SET b = 1;\nDELETE FROM a;\n");
  assert_string_not_equal(migration->checksum, once->checksum); /* it says something else */
  migration_free(migration);
  migration_free(once);
  assert_refused("-- migrate:up\n-- migrate:repeat\nUPDATE a SET b = 1;\n", "transaction:false");
  assert_refused("-- migrate:up transaction:false\n-- migrate:repeat\nSELECT 1;\n",
                 "migrate:repeat goes with INSERT");
  assert_refused("-- migrate:up transaction:false\n-- migrate:repeat\n", "no statement follows");
  assert_refused("-- migrate:up transaction:false\nUPDATE a -- migrate:repeat\nSET b = 1;\n",
                 "stands above a statement");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_statement_may_be_repeated),
      cmocka_unit_test(a_return_ends_a_comment_even_alone),
      cmocka_unit_test(a_byte_order_mark_is_skipped_and_utf16_named),
      cmocka_unit_test(statements_end_at_their_semicolons),
      cmocka_unit_test(semicolons_hide_in_quotes),
      cmocka_unit_test(semicolons_hide_in_dollar_quotes),
      cmocka_unit_test(semicolons_hide_in_bodies),
      cmocka_unit_test(sections_and_options),
      cmocka_unit_test(markers_in_strings_are_text),
      cmocka_unit_test(what_is_wrong_is_named_with_its_place),
      cmocka_unit_test(transactions_belong_to_the_runner),
      cmocka_unit_test(bytes_that_are_no_text),
      cmocka_unit_test(file_names),
      cmocka_unit_test(checksums_ignore_layout),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
