/* gather.c: decides whether waiting writes leave at once or wait a moment for more. It keeps only
 * how many writes are expected, until when, and how often they did not come. */
#include "lib/pg/gather.h"

#include <assert.h>

enum { MISSES_LIMIT = 6 };

_Static_assert(MISSES_LIMIT < 32, "the number of skips is a power of two that fits an unsigned");

void gather_begin(struct gather *gather, unsigned answered, unsigned waiting, uint64_t now_us) {
  gather->expected = answered + waiting;
  gather->until_us = now_us + GATHER_MS * 1000ULL;
  if (gather->skips > 0) {
    gather->skips--;
    gather->expected = 0;
  }
}

bool gather_is_over(struct gather *gather, unsigned waiting, uint64_t now_us) {
  assert(gather->misses <= MISSES_LIMIT);
  bool all_came = waiting >= gather->expected - gather->expected / 8;
  if (!all_came && now_us < gather->until_us) return false;
  if (all_came && gather->expected > 1) gather->misses = 0;
  if (!all_came) {
    if (gather->misses < MISSES_LIMIT) gather->misses++;
    gather->skips = (1U << gather->misses) - 1;
  }
  gather->expected = 0;
  return true;
}
