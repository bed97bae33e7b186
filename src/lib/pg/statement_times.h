/* statement_times.h: how long each statement takes in Postgres, on one loop. The loop records; any
 * thread reads. Inside of the room only. */
#pragma once

#include "lib/base/histogram.h"
#include "lib/pg/statements.h"

#include <stdbool.h>

/* The time of a statement runs from when Postgres could begin it: when it was sent, or when the one
 * before it on its connection was answered. That of a write ends with its commit, because Postgres
 * sends the results of a transaction together. */
struct statement_time {
  struct histogram durations;         /* microseconds */
  atomic_uint_fast64_t minute;        /* of the monotonic clock: whose longest is in [1] */
  atomic_uint_fast64_t longest_us[2]; /* of the minute before that one, and of that one */
};

struct statement_times {
  struct statement_time of[PG_STATEMENTS];
};

void statement_times_record(struct statement_times *times, enum pg_statement statement,
                            uint64_t now_us, uint64_t duration_us);

/* The longest of the minute of now and the one before; 0: there was none. */
uint64_t statement_times_longest_us(const struct statement_times *times,
                                    enum pg_statement statement, uint64_t now_us);
