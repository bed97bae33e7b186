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

/* The number that `text` is, or 9999 when it is no number between 5 and 300. */
static uint64_t number_of(const char *text) {
  uint64_t number = 9999;
  str_to_u64(str_from(text), 5, 300, &number);
  return number;
}

static void a_number_is_digits_within_its_bounds(void **state) {
  assert_int_equal(number_of("5"), 5);
  assert_int_equal(number_of("300"), 300);
  assert_int_equal(number_of("007"), 7);
  const char *others[] = {"", "4", "301", "+5", "-5", " 5", "5 ", "5x", "0x5", "5.0", "٥", "1e2"};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
    assert_int_equal(number_of(others[i]), 9999);
}

static void the_largest_numbers_do_not_overflow(void **state) {
  uint64_t number = 0;
  assert_true(str_to_u64(STR("18446744073709551615"), 0, UINT64_MAX, &number));
  assert_true(number == UINT64_MAX);
  assert_false(str_to_u64(STR("18446744073709551616"), 0, UINT64_MAX, &number));
  assert_false(str_to_u64(STR("99999999999999999999999"), 0, UINT64_MAX, &number));
  int64_t whole = 0;
  assert_true(str_to_i64(STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &whole));
  assert_true(whole == INT64_MIN);
  assert_true(str_to_i64(STR("9223372036854775807"), INT64_MIN, INT64_MAX, &whole));
  assert_true(whole == INT64_MAX);
  assert_false(str_to_i64(STR("9223372036854775808"), INT64_MIN, INT64_MAX, &whole));
  assert_false(str_to_i64(STR("--1"), INT64_MIN, INT64_MAX, &whole));
  assert_false(str_to_i64(STR("-"), INT64_MIN, INT64_MAX, &whole));
  assert_true(whole == INT64_MAX);
}

static void digits_are_cut_off_the_front(void **state) {
  struct str rest = STR("12s left");
  uint64_t number = 0;
  assert_true(str_cut_u64(&rest, 0, 100, &number));
  assert_int_equal(number, 12);
  assert_str_equal(rest, "s left");
  assert_false(str_cut_u64(&rest, 0, 100, &number));
  assert_str_equal(rest, "s left");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_compares_bytes_and_length),
      cmocka_unit_test(starts_with),
      cmocka_unit_test(ignore_case_is_for_ascii_alone),
      cmocka_unit_test(from_takes_null),
      cmocka_unit_test(trim_cuts_spaces_and_tabs_only),
      cmocka_unit_test(next_walks_a_list),
      cmocka_unit_test(a_number_is_digits_within_its_bounds),
      cmocka_unit_test(the_largest_numbers_do_not_overflow),
      cmocka_unit_test(digits_are_cut_off_the_front),
  };
  return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
