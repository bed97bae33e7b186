/* test_error.c: errors as values. */
#include "unit.h"

#include "lib/base/error.h"

static void set_fills_kind_and_sentence(void **state) {
  struct error error = {0};
  assert_false(error_set(&error, ERROR_CONFLICT, "%d rows in %s", 2, "users"));
  assert_int_equal(error.kind, ERROR_CONFLICT);
  assert_string_equal(error.message, "2 rows in users");
}

static void null_is_for_callers_that_do_not_care(void **state) {
  assert_false(error_set(NULL, ERROR_INTERNAL, "unread"));
  assert_false(error_prefix(NULL, "unread"));
}

static void prefix_goes_before(void **state) {
  struct error error = {0};
  error_set(&error, ERROR_UNAVAILABLE, "connection refused");
  assert_false(error_prefix(&error, "migrate %d", 7));
  assert_int_equal(error.kind, ERROR_UNAVAILABLE);
  assert_string_equal(error.message, "migrate 7: connection refused");
}

static void a_long_sentence_is_cut_not_overrun(void **state) {
  struct error error = {0};
  error_set(&error, ERROR_INTERNAL, "%0*d", 2 * ERROR_MESSAGE_SIZE, 1);
  assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
  error_prefix(&error, "short");
  assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
  assert_memory_equal(error.message, "short: 000", 10);
  error_prefix(&error, "%0*d", 2 * ERROR_MESSAGE_SIZE, 2);
  assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
}

static void several_stand_on_lines_of_their_own(void **state) {
  struct error error = {0}, other;
  error_set(&other, ERROR_INVALID, "PORT is bad");
  assert_false(error_add(&error, &other));
  error_set(&other, ERROR_DENIED, "so is HOST");
  error_add(&error, &other);
  assert_int_equal(error.kind, ERROR_INVALID);
  assert_string_equal(error.message, "PORT is bad\nso is HOST");
}

static void what_does_not_fit_is_told_of(void **state) {
  struct error error = {0}, other;
  error_set(&other, ERROR_INVALID, "%0*d", ERROR_MESSAGE_SIZE / 3, 1);
  for (int i = 0; i < 5; i++)
    error_add(&error, &other);
  size_t length = strlen(error.message);
  assert_int_equal(length, (size_t)2 * (ERROR_MESSAGE_SIZE / 3) + 1 + strlen("\nand more"));
  assert_string_equal(error.message + length - strlen("1\nand more"), "1\nand more");
  error_set(&error, ERROR_INVALID, "%0*d", 2 * ERROR_MESSAGE_SIZE, 1);
  error_add(&error, &other);
  assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
  assert_non_null(strstr(error.message, "0\nand more"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(set_fills_kind_and_sentence),
      cmocka_unit_test(null_is_for_callers_that_do_not_care),
      cmocka_unit_test(prefix_goes_before),
      cmocka_unit_test(a_long_sentence_is_cut_not_overrun),
      cmocka_unit_test(several_stand_on_lines_of_their_own),
      cmocka_unit_test(what_does_not_fit_is_told_of),
  };
  return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
