/* quota.h: at most so many in a period. Inside of the room only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What was let through in the period that began at `begin_ms`. Begins as zero. */
struct quota {
  uint64_t begin_ms;
  unsigned count;
};

/* Counts one more at `now_ms`, a time that never goes back; false when `limit` were let through
 * already in this period of `period_ms`. The next period begins with the first one that is counted
 * after the end of the last. */
static inline bool quota_take(struct quota *quota, uint64_t now_ms, uint64_t period_ms,
                              unsigned limit) {
  if (quota->count == 0 || now_ms - quota->begin_ms >= period_ms)
    *quota = (struct quota){.begin_ms = now_ms};
  if (quota->count >= limit) return false;
  quota->count++;
  return true;
}
