/* test_str.c: string slices. */
#include "unit.h"

static void equal_compares_bytes_and_length(void **state) {
  assert_true(str_equal(STR("handle"), STR("handle")));
  assert_false(str_equal(STR("handle"), STR("handles")));
  assert_false(str_equal(STR("handle"), STR("Handle")));
  assert_true(str_equal(STR(""), (struct str){NULL, 0}));
  assert_true(str_equal(STR("a\0b"), STR("a\0b")));
  assert_false(str_equal(STR("a\0b"), STR("a\0c")));
}

static void starts_with(void **state) {
  assert_true(str_starts_with(STR("Bearer x"), STR("Bearer ")));
  assert_true(str_starts_with(STR("x"), STR("")));
  assert_true(str_starts_with((struct str){NULL, 0}, STR("")));
  assert_false(str_starts_with(STR("Bear"), STR("Bearer")));
  assert_false(str_starts_with(STR("bearer x"), STR("Bearer")));
}

static void ignore_case_is_for_ascii_alone(void **state) {
  assert_true(str_equal_ignore_case(STR("Content-Type"), STR("cONTENT-tYPE")));
  assert_true(str_equal_ignore_case(STR(""), (struct str){NULL, 0}));
  assert_false(str_equal_ignore_case(STR("Content"), STR("Content-Type")));
  assert_false(str_equal_ignore_case(STR("é"), STR("É")));
}

static void from_takes_null(void **state) {
  assert_int_equal(str_from(NULL).length, 0);
  assert_str_equal(str_from("text"), "text");
}

static void trim_cuts_spaces_and_tabs_only(void **state) {
  assert_str_equal(str_trim(STR(" \t a b\t ")), "a b");
  assert_str_equal(str_trim(STR(" \t ")), "");
  assert_str_equal(str_trim(STR("")), "");
  assert_str_equal(str_trim(STR("\na\n")), "\na\n");
}

/* Joins the elements with '|', so that a case fits a line. */
static void assert_elements(const char *list, const char *expected) {
  struct buffer joined = BUFFER_EMPTY;
  struct str rest = str_from(list), item;
  while (str_next(&rest, ',', &item)) {
    buffer_append_str(&joined, item);
    buffer_append_char(&joined, '|');
  }
  assert_string_equal(buffer_text(&joined), expected);
  buffer_free(&joined);
}

static void next_walks_a_list(void **state) {
  assert_elements("a", "a|");
  assert_elements("a,b", "a|b|");
  assert_elements(" a , b ,c ", "a|b|c|");
  assert_elements("", "|");
  assert_elements(",", "||");
  assert_elements("a,,b,", "a||b||");
  assert_elements(NULL, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_compares_bytes_and_length), cmocka_unit_test(starts_with),
      cmocka_unit_test(ignore_case_is_for_ascii_alone),  cmocka_unit_test(from_takes_null),
      cmocka_unit_test(trim_cuts_spaces_and_tabs_only),  cmocka_unit_test(next_walks_a_list),
  };
  return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
