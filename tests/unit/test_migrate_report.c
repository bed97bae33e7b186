/* test_migrate_report.c: remarks as compilers write them. */
#include "unit.h"

#include "lib/migrate/report.h"

static struct buffer said;

static void keep(void *argument, enum migrate_say kind, const char *text) {
  buffer_append_text(&said, text);
}

static const struct migrate_reporter REPORTER = {.say = keep};

static void a_remark_has_place_line_and_caret(void **state) {
  struct str text = STR("one\n\tzwei ä drei\nthree\n");
  size_t offset = report_offset_of_character(text, 4, 9); /* "drei", counted from the tab */
  report_remark(&REPORTER, SAY_ERROR,
                &(struct source_remark){.path = "a.sql",
                                        .text = text,
                                        .offset = offset,
                                        .severity = "error",
                                        .message = "no",
                                        .code = "42601",
                                        .detail = "first\nsecond",
                                        .hint = "",
                                        .state = "as before"});
  assert_buffer_equal(&said, "a.sql:2:9: error: no [42601]\n"
                             "    2 | \tzwei ä drei\n"
                             "      | \t       ^\n"
                             "detail: first\n    second\n"
                             "state: as before");
}

static void places_at_the_edges(void **state) {
  struct error error;
  assert_false(report_error(&error, "a", STR(""), 0, "m"));
  assert_string_equal(error.message, "a:1:1: m");
  assert_false(report_error(&error, "a", STR("a\nb"), 99, "m"));
  assert_string_equal(error.message, "a:2:2: m");
  assert_int_equal(report_offset_of_character(STR("ab"), 0, 99), 2);
  report_remark(
      &REPORTER, SAY_ERROR,
      &(struct source_remark){
          .path = "a", .text = STR("x"), .offset = 1, .severity = "error", .message = "m"});
  assert_buffer_equal(&said, "a:1:2: error: m\n    1 | x\n      |  ^");
}

static void a_long_line_is_shown_around_the_place(void **state) {
  struct buffer text = BUFFER_EMPTY;
  for (int i = 0; i < 1000; i++)
    buffer_append_text(&text, "0123456789");
  report_remark(&REPORTER, SAY_ERROR,
                &(struct source_remark){.path = "a",
                                        .text = buffer_str(&text),
                                        .offset = 5000,
                                        .severity = "error",
                                        .message = "m"});
  assert_true(said.length < 500);
  said.length = 0;
  buffer_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_remark_has_place_line_and_caret),
      cmocka_unit_test(places_at_the_edges),
      cmocka_unit_test(a_long_line_is_shown_around_the_place),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  buffer_free(&said);
  return failed;
}
