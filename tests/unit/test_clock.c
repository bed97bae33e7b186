/* test_clock.c: RFC 3339 text, against the C library's calendar and known instants. */
#include "unit.h"

#include "lib/base/clock.h"

#include <stdio.h>
#include <time.h>

static const int64_t SECOND = 1000000;

static void assert_time(int64_t unix_us, const char *expected) {
  char text[CLOCK_RFC3339_SIZE];
  assert_int_equal(clock_format_rfc3339(unix_us, text), 32);
  assert_string_equal(text, expected);
}

static void writes_known_instants(void **state) {
  assert_time(0, "1970-01-01T00:00:00.000000+00:00");
  assert_time(1684626299123456, "2023-05-20T23:44:59.123456+00:00");
  assert_time(951782400 * SECOND, "2000-02-29T00:00:00.000000+00:00");
  assert_time(951868799 * SECOND + 999999, "2000-02-29T23:59:59.999999+00:00");
  assert_time(4107542399 * SECOND, "2100-02-28T23:59:59.000000+00:00");
  assert_time(4107542400 * SECOND, "2100-03-01T00:00:00.000000+00:00");
}

static void writes_times_before_1970(void **state) {
  assert_time(-1, "1969-12-31T23:59:59.999999+00:00");
  assert_time(-1 * SECOND, "1969-12-31T23:59:59.000000+00:00");
  assert_time(-2208988800 * SECOND, "1900-01-01T00:00:00.000000+00:00");
}

static void stays_within_four_digit_years(void **state) {
  assert_time(-62167219200 * SECOND, "0000-01-01T00:00:00.000000+00:00");
  assert_time(253402300799 * SECOND, "9999-12-31T23:59:59.000000+00:00");
  char text[CLOCK_RFC3339_SIZE];
  assert_int_equal(clock_format_rfc3339(INT64_MAX, text), 32);
  assert_memory_equal(text, "9999-12-31T23:59:59", 19);
  assert_int_equal(clock_format_rfc3339(INT64_MIN, text), 32);
  assert_memory_equal(text, "0000-01-01T00:00:00", 19);
}

static void a_time_beyond_the_years_keeps_its_microseconds(void **state) {
  assert_time(INT64_MAX, "9999-12-31T23:59:59.775807+00:00");
  assert_time(253402300800 * SECOND, "9999-12-31T23:59:59.000000+00:00");
  assert_time(-62167219200 * SECOND - 1, "0000-01-01T00:00:00.999999+00:00");
}

/* The text of a day is kept in a place that it shares with others, the very first day's with empty
 * ones. */
static void days_that_share_a_place_are_told_apart(void **state) {
  static const int64_t DAY = 86400 * 1000000LL;
  for (int turn = 0; turn < 2; turn++) {
    assert_time(0, "1970-01-01T00:00:00.000000+00:00");
    assert_time(16 * DAY, "1970-01-17T00:00:00.000000+00:00");
    assert_time(32 * DAY - 1, "1970-02-01T23:59:59.999999+00:00");
    assert_time(-16 * DAY, "1969-12-16T00:00:00.000000+00:00");
  }
}

static void agrees_with_gmtime_over_four_centuries(void **state) {
  for (int64_t seconds = -6000000000; seconds < 7000000000; seconds += 86400 * 5 + 3607) {
    time_t moment = (time_t)seconds;
    struct tm broken_down;
    assert_non_null(gmtime_r(&moment, &broken_down));
    char expected[64], text[CLOCK_RFC3339_SIZE];
    assert_int_equal(
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000+00:00", &broken_down), 32);
    clock_format_rfc3339(seconds * SECOND, text);
    assert_string_equal(text, expected);
  }
}

static void the_monotonic_clock_never_goes_back(void **state) {
  uint64_t last = clock_monotonic_us();
  for (int i = 0; i < 10000; i++) {
    uint64_t now = clock_monotonic_us();
    assert_true(now >= last);
    last = now;
  }
}

static void the_wall_clock_is_in_microseconds(void **state) {
  int64_t before = (int64_t)time(NULL) * SECOND;
  int64_t now = clock_unix_us();
  int64_t after = ((int64_t)time(NULL) + 1) * SECOND;
  assert_true(now >= before - SECOND && now <= after + SECOND);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_known_instants),
      cmocka_unit_test(writes_times_before_1970),
      cmocka_unit_test(stays_within_four_digit_years),
      cmocka_unit_test(a_time_beyond_the_years_keeps_its_microseconds),
      cmocka_unit_test(days_that_share_a_place_are_told_apart),
      cmocka_unit_test(agrees_with_gmtime_over_four_centuries),
      cmocka_unit_test(the_monotonic_clock_never_goes_back),
      cmocka_unit_test(the_wall_clock_is_in_microseconds),
  };
  return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
