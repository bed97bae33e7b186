/* test_rate.c: token buckets: what a rate allows, when the next token comes, what a full table
 * forgets, and that threads do not count past each other. */
#include "unit.h"

#include "lib/http/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { S = 1000000 }; /* microseconds */

static const uint64_t NOW = 12345678901ULL;

static void rates_are_read(void **state) {
  struct rate rate;
  assert_true(rate_parse(STR("60/minute"), &rate));
  assert_int_equal(rate.count, 60);
  assert_int_equal(rate.period_s, 60);
  assert_true(rate_parse(STR("1/second"), &rate));
  assert_int_equal(rate.period_s, 1);
  assert_true(rate_parse(STR("1000000/hour"), &rate));
  assert_int_equal(rate.count, 1000000);
  assert_int_equal(rate.period_s, 3600);
}

static void bad_rates_are_refused(void **state) {
  static const char *const BAD[] = {"",
                                    "60",
                                    "/minute",
                                    "0/minute",
                                    "-1/minute",
                                    "60/",
                                    "60/day",
                                    "60/minutes",
                                    "60 /minute",
                                    "60/ minute",
                                    "60/Minute",
                                    "1.5/second",
                                    "60/minute ",
                                    " 60/minute",
                                    "+60/minute",
                                    "1000001/hour",
                                    "99999999999999999999/hour",
                                    "60/60s",
                                    "60minute",
                                    "off"};
  struct rate rate;
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++)
    assert_false(rate_parse(str_from(BAD[i]), &rate));
}

static void several_tokens_at_once(void **state) {
  struct rate_limiter *limiter = rate_limiter_new((struct rate){6, 60});
  unsigned wait_s = 0;
  assert_true(rate_limiter_take(limiter, STR("a"), 4, NOW, &wait_s));
  assert_false(rate_limiter_take(limiter, STR("a"), 4, NOW, &wait_s));
  assert_int_equal(wait_s, 20);
  assert_true(rate_limiter_take(limiter, STR("a"), 2, NOW, &wait_s));
  assert_true(rate_limiter_take(limiter, STR("b"), 100, NOW, &wait_s)); /* all that there are */
  assert_false(rate_limiter_take(limiter, STR("b"), 1, NOW, &wait_s));
  assert_false(rate_limiter_take(limiter, STR("b"), 100, NOW, &wait_s));
  assert_int_equal(wait_s, 60);
  rate_limiter_free(limiter);
}

static void the_burst_then_one_by_one(void **state) {
  struct rate_limiter *limiter = rate_limiter_new((struct rate){6, 60});
  unsigned wait_s = 0;
  for (int i = 0; i < 6; i++)
    assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW, &wait_s));
  assert_int_equal(wait_s, 0);
  assert_false(rate_limiter_take(limiter, STR("a"), 1, NOW, &wait_s));
  assert_int_equal(wait_s, 10);
  assert_false(rate_limiter_take(limiter, STR("a"), 1, NOW + 9 * S + 1, &wait_s));
  assert_int_equal(wait_s, 1);
  assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW + 10 * S, &wait_s));
  assert_false(rate_limiter_take(limiter, STR("a"), 1, NOW + 10 * S, &wait_s));
  assert_int_equal(wait_s, 10);
  rate_limiter_free(limiter);
}

static void the_wait_is_enough_and_not_too_long(void **state) {
  static const struct rate RATES[] = {{1, 1},    {3, 1},       {7, 60},
                                      {1, 3600}, {1000000, 1}, {999, 3600}};
  for (size_t i = 0; i < sizeof(RATES) / sizeof(RATES[0]); i++) {
    struct rate_limiter *limiter = rate_limiter_new(RATES[i]);
    unsigned wait_s = 0;
    uint32_t taken = 0;
    while (rate_limiter_take(limiter, STR("a"), 1, NOW, &wait_s))
      taken++;
    assert_int_equal(taken, RATES[i].count);
    assert_in_range(wait_s, 1, RATES[i].period_s);
    assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW + (uint64_t)wait_s * S, &wait_s));
    rate_limiter_free(limiter);
  }
}

static void a_refusal_costs_nothing(void **state) {
  struct rate_limiter *limiter = rate_limiter_new((struct rate){1, 1});
  unsigned wait_s = 0;
  assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW, &wait_s));
  for (int i = 0; i < 100; i++)
    assert_false(rate_limiter_take(limiter, STR("a"), 1, NOW + (uint64_t)i, &wait_s));
  assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW + S, &wait_s));
  rate_limiter_free(limiter);
}

static void keys_have_buckets_of_their_own(void **state) {
  struct rate_limiter *limiter = rate_limiter_new((struct rate){1, 60});
  unsigned wait_s = 0;
  assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW, &wait_s));
  assert_true(rate_limiter_take(limiter, STR("b"), 1, NOW, &wait_s));
  assert_true(rate_limiter_take(limiter, STR(""), 1, NOW, &wait_s));
  assert_false(rate_limiter_take(limiter, STR("a"), 1, NOW, &wait_s));
  rate_limiter_free(limiter);
}

static void a_pause_fills_the_bucket_and_no_more(void **state) {
  struct rate_limiter *limiter = rate_limiter_new((struct rate){2, 1});
  unsigned wait_s = 0;
  assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW, &wait_s));
  for (int i = 0; i < 2; i++)
    assert_true(rate_limiter_take(limiter, STR("a"), 1, NOW + 1000ULL * S, &wait_s));
  assert_false(rate_limiter_take(limiter, STR("a"), 1, NOW + 1000ULL * S, &wait_s));
  rate_limiter_free(limiter);
}

/* Many more keys than the table has places: who wrote most is still refused afterwards. */
static void a_crowd_does_not_wash_a_heavy_writer_out(void **state) {
  enum { CROWD = 200000, HEAVY = 5 };
  struct rate_limiter *limiter = rate_limiter_new((struct rate){HEAVY, 3600});
  unsigned wait_s = 0;
  for (int i = 0; i < HEAVY; i++)
    assert_true(rate_limiter_take(limiter, STR("heavy"), 1, NOW, &wait_s));
  for (int i = 0; i < CROWD; i++) {
    char name[16];
    snprintf(name, sizeof(name), "%d", i);
    assert_true(rate_limiter_take(limiter, str_from(name), 1, NOW + (uint64_t)i, &wait_s));
  }
  assert_false(rate_limiter_take(limiter, STR("heavy"), 1, NOW + CROWD, &wait_s));
  rate_limiter_free(limiter);
}

struct run {
  struct rate_limiter *limiter;
  atomic_uint taken;
};

static void *take_many(void *argument) {
  struct run *run = argument;
  unsigned wait_s;
  for (int i = 0; i < 2000; i++)
    if (rate_limiter_take(run->limiter, STR("shared"), 1, NOW, &wait_s))
      atomic_fetch_add(&run->taken, 1);
  return NULL;
}

static void threads_share_a_bucket(void **state) {
  enum { THREADS = 4, COUNT = 1234 };
  struct run run = {.limiter = rate_limiter_new((struct rate){COUNT, 3600})};
  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_many, &run), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(run.taken, COUNT);
  rate_limiter_free(run.limiter);
}

static void free_takes_null(void **state) {
  assert_null(rate_limiter_free(NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rates_are_read),
      cmocka_unit_test(bad_rates_are_refused),
      cmocka_unit_test(the_burst_then_one_by_one),
      cmocka_unit_test(several_tokens_at_once),
      cmocka_unit_test(the_wait_is_enough_and_not_too_long),
      cmocka_unit_test(a_refusal_costs_nothing),
      cmocka_unit_test(keys_have_buckets_of_their_own),
      cmocka_unit_test(a_pause_fills_the_bucket_and_no_more),
      cmocka_unit_test(a_crowd_does_not_wash_a_heavy_writer_out),
      cmocka_unit_test(threads_share_a_bucket),
      cmocka_unit_test(free_takes_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
