/* test_statement_times.c: the longest time of a statement, by minutes. */
#include "unit.h"

#include "lib/pg/statement_times.h"

#define MINUTE 60000000ULL

static void the_longest_of_two_minutes_is_known(void **state) {
  static struct statement_times times;
  enum pg_statement home = PG_ACTIVITIES_HOME;
  assert_int_equal(statement_times_longest_us(&times, home, 5 * MINUTE), 0);
  statement_times_record(&times, home, 5 * MINUTE, 900);
  statement_times_record(&times, home, 5 * MINUTE + 1, 300);
  assert_int_equal(statement_times_longest_us(&times, home, 5 * MINUTE + 2), 900);
  assert_int_equal(statement_times_longest_us(&times, home, 6 * MINUTE), 900);
  statement_times_record(&times, home, 6 * MINUTE, 400);
  assert_int_equal(statement_times_longest_us(&times, home, 6 * MINUTE), 900);
  assert_int_equal(statement_times_longest_us(&times, home, 7 * MINUTE), 400);
  assert_int_equal(statement_times_longest_us(&times, home, 8 * MINUTE), 0);
  assert_int_equal(histogram_count(&times.of[home].durations), 3);
}

static void a_pause_forgets_both_minutes(void **state) {
  static struct statement_times times;
  enum pg_statement home = PG_ACTIVITIES_HOME;
  statement_times_record(&times, home, 5 * MINUTE, 900);
  statement_times_record(&times, home, 9 * MINUTE, 200);
  assert_int_equal(statement_times_longest_us(&times, home, 9 * MINUTE), 200);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_longest_of_two_minutes_is_known),
      cmocka_unit_test(a_pause_forgets_both_minutes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
