/* fuzz_rate.c: the setting of a write limit ("60/minute"), and the limiter that it makes. */
#include "fuzz.h"

#include "lib/http/rate.h"

#include <stdio.h>

static void check_text(const struct rate *rate, struct str text) {
  const char *period = rate->period_s == 1 ? "second" : rate->period_s == 60 ? "minute" : "hour";
  char expected[32];
  snprintf(expected, sizeof(expected), "%u/%s", rate->count, period);
  while (text.data[0] == '0') { /* 060/minute is fine too */
    text.data++;
    text.length--;
  }
  assert(str_equal(text, str_from(expected)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  struct rate rate;
  if (!rate_parse(text, &rate)) return 0;
  assert(rate.count >= 1 && rate.count <= RATE_COUNT_HIGHEST);
  check_text(&rate, text);
  struct rate_limiter *limiter = rate_limiter_new(rate);
  assert(limiter);
  for (unsigned i = 0; i < rate.count && i < 8; i++)
    assert(rate_limiter_take(limiter, STR("key"), 1, 1000000, &(unsigned){0}));
  unsigned wait_s = 0;
  if (rate.count <= 8) {
    assert(!rate_limiter_take(limiter, STR("key"), 1, 1000000, &wait_s));
    assert(wait_s >= 1 && wait_s <= rate.period_s);
  }
  rate_limiter_free(limiter);
  return 0;
}
