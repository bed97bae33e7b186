/* test_moment.c: the times of the DynamoDB table: reading them, and keys that bound a query. */
#include "unit.h"

#include "lib/messages/dynamodb/moment.h"

static void assert_read(const char *text, int64_t expected) {
  int64_t unix_us = 0;
  assert_true(moment_parse(str_from(text), &unix_us));
  assert_int_equal(unix_us, expected);
}

static void assert_refused(const char *text) {
  int64_t unix_us = 77;
  assert_false(moment_parse(str_from(text), &unix_us));
  assert_int_equal(unix_us, 77);
}

static void reads_every_form_of_the_table(void **state) {
  assert_read("2023-05-20T23:44:59.123456+00:00", 1684626299123456);
  assert_read("2023-05-20T23:44:59.123456", 1684626299123456);
  assert_read("2023-05-20T23:44:59.123456Z", 1684626299123456);
  assert_read("2023-05-20T23:44:59.123456-00:00", 1684626299123456);
  assert_read("2023-05-20T23:44:59", 1684626299000000);
  assert_read("2023-05-20T23:44:59+00:00", 1684626299000000);
  assert_read("2023-05-20T23:44:59.5", 1684626299500000);
  assert_read("2023-05-20T23:44:59.123456789", 1684626299123456);
  assert_read("2023-05-21T01:14:59.000001+01:30", 1684626299000001);
  assert_read("2023-05-20T18:44:59.000001-05:00", 1684626299000001);
}

static void reads_what_is_written(void **state) {
  static const int64_t TIMES[] = {0,
                                  -1,
                                  951782400000000,
                                  4107542399999999,
                                  1684626299123456,
                                  253402300799999999,
                                  -62135596800000000};
  for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(TIMES[i], text);
    assert_read(text, TIMES[i]);
  }
}

static void refuses_everything_else(void **state) {
  assert_refused("");
  assert_refused("yesterday");
  assert_refused("2023-05-20");
  assert_refused("2023-05-20 23:44:59");
  assert_refused("2023-05-20T23:44:5");
  assert_refused("2023-05-20T23:44:59.");
  assert_refused("2023-05-20T23:44:59.+00:00");
  assert_refused("2023-05-20T23:44:59.1234567890");
  assert_refused("2023-05-20T23:44:59x");
  assert_refused("2023-05-20T23:44:59+0000");
  assert_refused("2023-05-20T23:44:59+00:60");
  assert_refused("2023-05-20T23:44:59+24:00");
  assert_refused("2023-05-20T23:44:59+00:00 ");
  assert_refused("2023-02-29T00:00:00");
  assert_refused("2100-02-29T00:00:00");
  assert_refused("2023-00-01T00:00:00");
  assert_refused("2023-13-01T00:00:00");
  assert_refused("2023-04-31T00:00:00");
  assert_refused("2023-05-20T24:00:00");
  assert_refused("2023-05-20T23:60:00");
  assert_refused("2023-05-20T23:44:60");
  assert_refused("0000-01-01T00:00:00");
  assert_refused("-023-05-20T23:44:59");
}

static void bounds_a_query(void **state) {
  char after[CLOCK_RFC3339_SIZE];
  assert_int_equal(moment_format_after(1684626299123456, after), 20);
  static const char *const BEFORE[] = {"2023-05-20T23:44:59.123456",
                                       "2023-05-20T23:44:59.123456Z",
                                       "2023-05-20T23:44:59.123456+00:00",
                                       "2023-05-20T23:44:59.1+00:00",
                                       "2023-05-20T23:44:59+00:00",
                                       "2023-05-20T23:44:59Z",
                                       "2023-05-20T23:44:59.9Z"};
  for (size_t i = 0; i < sizeof(BEFORE) / sizeof(BEFORE[0]); i++)
    assert_true(strcmp(BEFORE[i], after) < 0);
  assert_true(strcmp("2023-05-20T23:45:00", after) > 0);
  assert_true(strcmp("2023-05-20T23:45:00.000000+00:00", after) > 0);
}

static void a_second_is_counted_down_before_1970(void **state) {
  assert_int_equal(moment_second(1999999), 1);
  assert_int_equal(moment_second(0), 0);
  assert_int_equal(moment_second(-1), -1);
  assert_int_equal(moment_second(-1000000), -1);
  assert_int_equal(moment_second(-1000001), -2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_every_form_of_the_table),
      cmocka_unit_test(reads_what_is_written),
      cmocka_unit_test(refuses_everything_else),
      cmocka_unit_test(bounds_a_query),
      cmocka_unit_test(a_second_is_counted_down_before_1970),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
