/* statement_times.c: how long each statement takes in Postgres. */
#include "lib/pg/statement_times.h"

enum { MINUTE_US = 60000000 };

static void store(atomic_uint_fast64_t *place, uint64_t value) {
  atomic_store_explicit(place, value, memory_order_relaxed);
}

void statement_times_record(struct statement_times *times, enum pg_statement statement,
                            uint64_t now_us, uint64_t duration_us) {
  struct statement_time *time = &times->of[statement];
  uint64_t minute = now_us / MINUTE_US, noted = histogram_read(&time->minute);
  histogram_record(&time->durations, &histogram_times, duration_us);
  if (minute != noted) {
    store(&time->longest_us[0], minute == noted + 1 ? histogram_read(&time->longest_us[1]) : 0);
    store(&time->longest_us[1], 0);
    store(&time->minute, minute);
  }
  if (duration_us > histogram_read(&time->longest_us[1])) store(&time->longest_us[1], duration_us);
}

uint64_t statement_times_longest_us(const struct statement_times *times,
                                    enum pg_statement statement, uint64_t now_us) {
  const struct statement_time *time = &times->of[statement];
  uint64_t minute = now_us / MINUTE_US, noted = histogram_read(&time->minute);
  uint64_t before = histogram_read(&time->longest_us[0]);
  uint64_t longest = histogram_read(&time->longest_us[1]);
  if (minute > noted + 1) return 0;
  return minute == noted && before > longest ? before : longest;
}
