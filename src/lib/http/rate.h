/* rate.h: how often somebody may do a thing: a token bucket for each of many keys, shared by the
 * loops of the process.
 *
 * A bucket holds `count` tokens at first and at most, and gets a new one each `period / count`. The
 * table has a fixed size. A bucket that is full again tells no more than a new one, so forgetting
 * it costs nothing; where a row of the table has no such bucket, a new key takes the place of the
 * one that is closest to full. So a crowd of new keys pushes out other new keys, and whoever writes
 * most keeps their bucket longest. */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

struct rate {
  uint32_t count; /* 0: no limit */
  uint32_t period_s;
};

enum { RATE_COUNT_HIGHEST = 1000000 };

/* Reads "60/minute": a count from 1 to RATE_COUNT_HIGHEST per second, minute or hour. */
bool rate_parse(struct str text, struct rate *ret_rate);

struct rate_limiter;

/* NULL when memory is out. */
struct rate_limiter *rate_limiter_new(struct rate rate);

/* Takes NULL; returns NULL. */
struct rate_limiter *rate_limiter_free(struct rate_limiter *limiter);

/* Takes tokens out of the bucket of `key` at `now_us` of the monotonic clock: `tokens`, or all that
 * it can hold where that is less. False when there are not as many: `*ret_wait_s` is then in how
 * many whole seconds, at least 1, there will be. From any thread. */
bool rate_limiter_take(struct rate_limiter *limiter, struct str key, unsigned tokens,
                       uint64_t now_us, unsigned *ret_wait_s);
