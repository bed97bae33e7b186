/* test_random.c: random bytes and back-off with full jitter. */
#include "unit.h"

#include "lib/base/random.h"

#include <pthread.h>

enum { LARGE = 4096 };

/* Each bit of many samples must have been both 0 and 1: with 64 samples, a fair source fails once
 * in 2^48 runs. */
static void every_byte_is_filled(void **state) {
  unsigned char ones[LARGE] = {0}, zeros[LARGE] = {0}, bytes[LARGE];
  for (int sample = 0; sample < 64; sample++) {
    random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
      ones[i] |= bytes[i];
      zeros[i] |= (unsigned char)~bytes[i];
    }
  }
  for (size_t i = 0; i < sizeof(bytes); i++)
    assert_int_equal(ones[i] & zeros[i], 0xFF);
}

static void odd_lengths_stay_in_their_bounds(void **state) {
  for (size_t length = 0; length < 600; length += 7) {
    unsigned char bytes[601];
    memset(bytes, 0xA5, sizeof(bytes));
    random_bytes(bytes, length);
    for (size_t i = length; i < sizeof(bytes); i++)
      assert_int_equal(bytes[i], 0xA5);
  }
}

static void *draw(void *output) {
  random_bytes(output, 32);
  return NULL;
}

static void threads_draw_different_bytes(void **state) {
  unsigned char drawn[2][32];
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, draw, drawn[i]), 0);
  for (int i = 0; i < 2; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_memory_not_equal(drawn[0], drawn[1], 32);
}

static uint64_t longest_backoff(unsigned attempt, uint64_t base_ms, uint64_t cap_ms) {
  uint64_t longest = 0;
  for (int i = 0; i < 2000; i++) {
    uint64_t pause = random_backoff_ms(attempt, base_ms, cap_ms);
    if (pause > longest) longest = pause;
  }
  return longest;
}

static void backoff_doubles_up_to_its_cap(void **state) {
  assert_in_range(longest_backoff(0, 100, 5000), 80, 100);
  assert_in_range(longest_backoff(1, 100, 5000), 160, 200);
  assert_in_range(longest_backoff(3, 100, 5000), 640, 800);
  assert_in_range(longest_backoff(6, 100, 5000), 4000, 5000);
  assert_in_range(longest_backoff(UINT32_MAX, 100, 5000), 4000, 5000);
}

static void backoff_takes_any_numbers(void **state) {
  assert_int_equal(random_backoff_ms(5, 0, 1000), 0);
  assert_int_equal(random_backoff_ms(5, 1000, 0), 0);
  random_backoff_ms(UINT32_MAX, 1, UINT64_MAX);
  random_backoff_ms(0, UINT64_MAX, UINT64_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_byte_is_filled),
      cmocka_unit_test(odd_lengths_stay_in_their_bounds),
      cmocka_unit_test(threads_draw_different_bytes),
      cmocka_unit_test(backoff_doubles_up_to_its_cap),
      cmocka_unit_test(backoff_takes_any_numbers),
  };
  return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
