/* histogram.h: how many values lie between which bounds. Any thread counts and reads; a reader may
 * see a value's count a moment before its sum. */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 16 };

/* The upper bounds, each included, of every histogram of one kind. */
struct histogram_scale {
  size_t count;
  uint64_t bounds[HISTOGRAM_BOUNDS];
  double unit; /* what a reader of text divides by: values in microseconds are shown in seconds */
};

extern const struct histogram_scale histogram_times; /* 250 µs to 10 s; values are microseconds */
extern const struct histogram_scale histogram_sizes; /* 1 to 1024 */

/* All zero: empty. */
struct histogram {
  atomic_uint_fast64_t counts[HISTOGRAM_BOUNDS + 1]; /* the last used: above all bounds */
  atomic_uint_fast64_t total;                        /* of the values */
};

void histogram_record(struct histogram *histogram, const struct histogram_scale *scale,
                      uint64_t value);

/* Adds what another histogram of the same scale counted. */
void histogram_add(struct histogram *sum, const struct histogram *histogram);

/* How many values were recorded. */
uint64_t histogram_count(const struct histogram *histogram);

static inline uint64_t histogram_read(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}
