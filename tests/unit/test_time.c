/* test_time.c: reading times of RFC 3339 and RFC 7231, and of those who write them almost so. */
#include "unit.h"

#include "lib/base/clock.h"
#include "lib/base/time.h"

static void assert_read(const char *text, unsigned leniency, int64_t expected) {
  int64_t unix_us = 0;
  assert_true(time_parse_rfc3339(str_from(text), leniency, &unix_us));
  assert_int_equal(unix_us, expected);
}

static void assert_refused(const char *text, unsigned leniency) {
  int64_t unix_us = 77;
  assert_false(time_parse_rfc3339(str_from(text), leniency, &unix_us));
  assert_int_equal(unix_us, 77);
}

static void reads_rfc_3339(void **state) {
  assert_read("2023-05-20T23:44:59Z", 0, 1684626299000000);
  assert_read("2023-05-20T23:44:59.5Z", 0, 1684626299500000);
  assert_read("2023-05-20T23:44:59.000001+00:00", 0, 1684626299000001);
  assert_read("2023-05-20T23:44:59.123456789Z", 0, 1684626299123456);
  assert_read("2023-05-21T01:14:59+01:30", 0, 1684626299000000);
  assert_read("2023-05-20T18:44:59-05:00", 0, 1684626299000000);
  assert_read("1969-12-31T23:59:59.999999Z", 0, -1);
  assert_read("2024-02-29T00:00:00Z", 0, 1709164800000000);
  assert_read("0001-01-01T00:00:00Z", 0, -62135596800000000);
  assert_read("9999-12-31T23:59:59.999999Z", 0, 253402300799999999);
}

static void takes_more_where_it_is_asked_to(void **state) {
  static const unsigned BOTH = TIME_OFFSET_OPTIONAL | TIME_OFFSET_LOOSE;
  assert_read("2023-05-20T23:44:59", TIME_OFFSET_OPTIONAL, 1684626299000000);
  assert_read("2023-05-20T23:44:59.1", BOTH, 1684626299100000);
  assert_refused("2023-05-20T23:44:59", 0);
  assert_refused("2023-05-20T23:44:59", TIME_OFFSET_LOOSE);
  assert_read("2023-05-20T23:44:59UTC", TIME_OFFSET_LOOSE, 1684626299000000);
  assert_read("2023-05-21T01:44:59+0200", TIME_OFFSET_LOOSE, 1684626299000000);
  assert_read("2023-05-21T01:44:59+02:00", TIME_OFFSET_LOOSE, 1684626299000000);
  assert_refused("2023-05-20T23:44:59UTC", TIME_OFFSET_OPTIONAL);
  assert_refused("2023-05-21T01:44:59+0200", TIME_OFFSET_OPTIONAL);
}

static void the_longest_text_is_known(void **state) {
  static const char LONGEST[] = "2023-05-20T23:44:59.123456789+00:00";
  assert_int_equal(strlen(LONGEST), TIME_RFC3339_LIMIT);
  assert_read(LONGEST, 0, 1684626299123456);
}

static void reads_what_the_clock_writes(void **state) {
  static const int64_t TIMES[] = {0, -1, 951782400000000, 4107542399999999, 1684626299123456};
  for (size_t i = 0; i < sizeof(TIMES) / sizeof(TIMES[0]); i++) {
    char text[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(TIMES[i], text);
    assert_read(text, 0, TIMES[i]);
  }
}

static void refuses_everything_else(void **state) {
  static const char *const BAD[] = {"",
                                    "yesterday",
                                    "2023-05-20",
                                    "2023-05-20 23:44:59Z",
                                    "2023-05-20t23:44:59Z",
                                    "2023-5-20T23:44:59Z",
                                    "2023-05-20T23:44:5Z",
                                    "2023-05-20T23:44:59.Z",
                                    "2023-05-20T23:44:59.1234567890Z",
                                    "2023-05-20T23:44:59.99999999999999999999999Z",
                                    "2023-05-20T23:44:59Zx",
                                    "2023-05-20T23:44:59z",
                                    "2023-05-20T23:44:59+00:60",
                                    "2023-05-20T23:44:59+24:00",
                                    "2023-05-20T23:44:59+0:00",
                                    "2023-05-20T23:44:59+",
                                    "2023-05-20T23:44:59 +00:00",
                                    "2023-02-29T00:00:00Z",
                                    "2100-02-29T00:00:00Z",
                                    "2023-04-31T00:00:00Z",
                                    "2023-00-01T00:00:00Z",
                                    "2023-13-01T00:00:00Z",
                                    "2023-01-00T00:00:00Z",
                                    "2023-05-20T24:00:00Z",
                                    "2023-05-20T23:60:00Z",
                                    "2023-05-20T23:44:60Z",
                                    "0000-01-01T00:00:00Z",
                                    "-023-05-20T23:44:59Z",
                                    "+023-05-20T23:44:59Z"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    for (unsigned leniency = 0; leniency < 4; leniency++)
      assert_refused(BAD[i], leniency);
}

static void reads_the_dates_of_http(void **state) {
  static const struct {
    const char *text;
    int64_t unix_us;
  } CASES[] = {
      {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000000},
      {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777000000}, /* it was a Sunday */
      {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800000000},
      {"Wed, 31 Dec 1969 23:59:59 GMT", -1000000},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    int64_t unix_us = 0;
    assert_true(time_parse_http_date(str_from(CASES[i].text), &unix_us));
    assert_int_equal(unix_us, CASES[i].unix_us);
  }
}

static void refuses_other_dates(void **state) {
  static const char *const BAD[] = {"",
                                    "Sunday, 06-Nov-94 08:49:37 GMT",
                                    "Sun Nov  6 08:49:37 1994",
                                    "Sun, 6 Nov 1994 08:49:37 GMT",
                                    "Sun, 06 Nov 1994 08:49:37",
                                    "Sun, 06 Nov 1994 08:49:37 UTC",
                                    "Sun, 06 Nov 1994 08:49:37 GMT ",
                                    "Sun, 06 nov 1994 08:49:37 GMT",
                                    "Sun, 31 Nov 1994 08:49:37 GMT",
                                    "Xxx, 06 Nov 1994 08:49:37 GMT"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    int64_t unix_us = 77;
    assert_false(time_parse_http_date(str_from(BAD[i]), &unix_us));
    assert_int_equal(unix_us, 77);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_rfc_3339),
      cmocka_unit_test(takes_more_where_it_is_asked_to),
      cmocka_unit_test(the_longest_text_is_known),
      cmocka_unit_test(reads_what_the_clock_writes),
      cmocka_unit_test(refuses_everything_else),
      cmocka_unit_test(reads_the_dates_of_http),
      cmocka_unit_test(refuses_other_dates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
