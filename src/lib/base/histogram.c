/* histogram.c: how many values lie between which bounds. */
#include "lib/base/histogram.h"

const struct histogram_scale histogram_times = {
    .count = 15,
    .bounds = {250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
               2500000, 5000000, 10000000},
    .unit = 1e6,
};

const struct histogram_scale histogram_sizes = {
    .count = 11,
    .bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024},
    .unit = 1,
};

static void add(atomic_uint_fast64_t *counter, uint64_t amount) {
  atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

void histogram_record(struct histogram *histogram, const struct histogram_scale *scale,
                      uint64_t value) {
  size_t place = 0;
  while (place < scale->count && value > scale->bounds[place])
    place++;
  add(&histogram->counts[place], 1);
  add(&histogram->total, value);
}

void histogram_add(struct histogram *sum, const struct histogram *histogram) {
  for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
    add(&sum->counts[i], histogram_read(&histogram->counts[i]));
  add(&sum->total, histogram_read(&histogram->total));
}

uint64_t histogram_count(const struct histogram *histogram) {
  uint64_t count = 0;
  for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
    count += histogram_read(&histogram->counts[i]);
  return count;
}
