/* test_gather.c: when waiting writes leave, and when they wait for more. */
#include "unit.h"

#include "lib/pg/gather.h"

enum { MOMENT_US = GATHER_MS * 1000 };

static void a_single_writer_never_waits(void **state) {
  struct gather gather = {0};
  for (int i = 0; i < 10; i++) {
    assert_true(gather_is_over(&gather, 1, 0));
    gather_begin(&gather, 1, 0, 0);
  }
}

static void writers_that_write_again_are_waited_for(void **state) {
  struct gather gather = {0};
  gather_begin(&gather, 4, 4, 0);
  assert_false(gather_is_over(&gather, 4, 0));
  assert_false(gather_is_over(&gather, 6, 100));
  assert_true(gather_is_over(&gather, 7, 200)); /* seven of eight are enough */
  assert_true(gather_is_over(&gather, 1, 300)); /* asked again without a commit between */
}

static void a_moment_is_the_most(void **state) {
  struct gather gather = {0};
  gather_begin(&gather, 4, 1, 0);
  assert_false(gather_is_over(&gather, 1, MOMENT_US - 1));
  assert_true(gather_is_over(&gather, 1, MOMENT_US));
}

/* Commits until waiting is tried again after `misses` in a row. */
static unsigned commits_without_waiting(struct gather *gather) {
  for (unsigned commits = 0; commits < 1000; commits++) {
    gather_begin(gather, 4, 1, 0);
    if (!gather_is_over(gather, 1, 0)) return commits;
  }
  return 1000;
}

static void waiting_in_vain_is_given_up_for_longer_each_time(void **state) {
  struct gather gather = {0};
  unsigned last = 0;
  for (int miss = 0; miss < 4; miss++) {
    unsigned commits = commits_without_waiting(&gather);
    assert_true(miss == 0 || commits > last);
    last = commits;
    assert_true(gather_is_over(&gather, 1, MOMENT_US));
  }
  commits_without_waiting(&gather);
  assert_true(gather_is_over(&gather, 5, 0)); /* they came: it pays again */
  assert_int_equal(commits_without_waiting(&gather), 0);
}

static void it_is_never_given_up_for_good(void **state) {
  struct gather gather = {0};
  for (int miss = 0; miss < 50; miss++) {
    assert_true(commits_without_waiting(&gather) < 100);
    assert_true(gather_is_over(&gather, 1, MOMENT_US));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_single_writer_never_waits),
      cmocka_unit_test(writers_that_write_again_are_waited_for),
      cmocka_unit_test(a_moment_is_the_most),
      cmocka_unit_test(waiting_in_vain_is_given_up_for_longer_each_time),
      cmocka_unit_test(it_is_never_given_up_for_good),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
