/* pg_time.h: Postgres's times as numbers: microseconds of UTC since 1970.
 *
 * Postgres counts from 2000, its years run from 4713 BC to 294276, and its infinities are the ends
 * of an int64_t. Our count begins 30 years earlier and wraps around where it does not fit. So every
 * time of Postgres has a number of its own, which Postgres gets back as it was. Only the years that
 * can be shown (clock_is_shown()) are in their order as numbers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Microseconds from 1970-01-01 to 2000-01-01, where Postgres's binary timestamps begin. */
#define PG_EPOCH_UNIX_US 946684800000000LL

static inline int64_t pg_time_from_postgres(int64_t pg_us) {
  return (int64_t)((uint64_t)pg_us + PG_EPOCH_UNIX_US);
}

static inline int64_t pg_time_to_postgres(int64_t unix_us) {
  return (int64_t)((uint64_t)unix_us - PG_EPOCH_UNIX_US);
}

/* 'infinity' and '-infinity'. */
#define PG_TIME_INFINITY       pg_time_from_postgres(INT64_MAX)
#define PG_TIME_MINUS_INFINITY pg_time_from_postgres(INT64_MIN)

/* True when Postgres takes it for a time: another number would be an error of the statement. */
static inline bool pg_time_exists(int64_t unix_us) {
  static const int64_t FIRST = -211813488000000000; /* 4714-11-24 BC, as Postgres counts */
  static const int64_t END = 9223371331200000000;   /* 294277-01-01 */
  int64_t pg_us = pg_time_to_postgres(unix_us);
  return (pg_us >= FIRST && pg_us < END) || pg_us == INT64_MAX || pg_us == INT64_MIN;
}
