/* pool_metrics.c: what the pools of all loops have counted, added up, as Prometheus text. */
#include "lib/base/exposition.h"
#include "lib/pg/pool_inside.h"
#include "lib/pg/pool_report.h"
#include "lib/pg/statement_times.h"

#include <stdio.h>

enum { LABEL_SIZE = 96 };

/* The pools of all loops. */
struct pools {
  struct pg_pool *const *list;
  size_t count;
};

/* Adds up the counter that lies `offset` bytes into each pool. */
static uint64_t sum(const struct pools *pools, size_t offset) {
  uint64_t total = 0;
  for (size_t i = 0; i < pools->count; i++) {
    const char *pool = (const char *)pools->list[i];
    total += histogram_read((const atomic_uint_fast64_t *)(const void *)(pool + offset));
  }
  return total;
}

#define SUM(pools, member) sum(pools, offsetof(struct pg_pool, stats.member))

static void append_lanes(struct buffer *text, const struct pools *pools, const char *name,
                         const char *help,
                         uint64_t (*value)(const struct pg_pool *, enum pg_lane)) {
  exposition_head(text, name, "gauge", help);
  for (unsigned lane = 0; lane < PG_LANES; lane++) {
    uint64_t total = 0;
    char label[LABEL_SIZE];
    for (size_t i = 0; i < pools->count; i++)
      total += value(pools->list[i], (enum pg_lane)lane);
    snprintf(label, sizeof(label), "lane=\"%s\"", pool_lane_name((enum pg_lane)lane));
    exposition_sample(text, name, label, total);
  }
}

static uint64_t size_of_lane(const struct pg_pool *pool, enum pg_lane lane) {
  return pool_lane_size(pool, lane);
}

static uint64_t ready_in_lane(const struct pg_pool *pool, enum pg_lane lane) {
  return histogram_read(&pool->stats.ready[lane]);
}

static uint64_t queued_in_lane(const struct pg_pool *pool, enum pg_lane lane) {
  return histogram_read(&pool->stats.queued[lane]);
}

static uint64_t queue_limit(const struct pg_pool *pool, enum pg_lane lane) {
  (void)lane;
  return pool->options.queue_limit;
}

static void append_now(struct buffer *text, const struct pools *pools) {
  append_lanes(text, pools, "cruddur_pg_connections_wanted",
               "Connections to Postgres that the pools are to have.", size_of_lane);
  append_lanes(text, pools, "cruddur_pg_connections_ready", "Connections to Postgres that work.",
               ready_in_lane);
  append_lanes(text, pools, "cruddur_pg_batches_queued",
               "Batches of statements that wait for a connection.", queued_in_lane);
  append_lanes(text, pools, "cruddur_pg_batches_queued_limit",
               "Batches that may wait; more are refused.", queue_limit);
  exposition_gauge(text, "cruddur_pg_batches_in_flight", "Batches sent and not answered.",
                   SUM(pools, in_flight));
}

static void append_connections(struct buffer *text, const struct pools *pools) {
  exposition_counter(text, "cruddur_pg_connections_opened_total",
                     "Connections to Postgres that became ready.", SUM(pools, connections.opened));
  exposition_counter(text, "cruddur_pg_connections_failed_total",
                     "Tries to connect to Postgres that failed.", SUM(pools, connections.failed));
  exposition_counter(text, "cruddur_pg_connections_lost_total",
                     "Connections to Postgres that were lost.", SUM(pools, connections.lost));
  exposition_counter(text, "cruddur_pg_backends_abandoned_total",
                     "Of the lost ones, those with statements under way: the server may "
                     "still be at work.",
                     SUM(pools, connections.abandoned));
}

static void append_seconds(struct buffer *text, const char *name, const char *help, uint64_t us) {
  exposition_head(text, name, "counter", help);
  exposition_seconds(text, name, "", us);
}

static void append_batches(struct buffer *text, const struct pools *pools) {
  exposition_counter(text, "cruddur_pg_batches_total", "Batches ended.", SUM(pools, batches));
  exposition_counter(text, "cruddur_pg_batches_unavailable_total",
                     "Batches that got no answer: down, full, too slow.", SUM(pools, unavailable));
  exposition_counter(text, "cruddur_pg_batches_failed_total", "Batches that Postgres refused.",
                     SUM(pools, failed));
  exposition_counter(text, "cruddur_pg_batches_rerun_total",
                     "Batches sent again, after doing nothing the first time.", SUM(pools, reruns));
  append_seconds(text, "cruddur_pg_batch_seconds_total",
                 "Time of batches from submission to answer, added up.", SUM(pools, waited_us));
  append_seconds(text, "cruddur_pg_queue_seconds_total",
                 "Of that, the time spent waiting for a connection.", SUM(pools, queued_us));
}

static void append_groups(struct buffer *text, const struct pools *pools) {
  struct histogram groups = {0};
  for (size_t i = 0; i < pools->count; i++)
    histogram_add(&groups, &pools->list[i]->stats.groups);
  exposition_head(text, "cruddur_pg_transaction_writes", "histogram",
                  "Writes that shared one transaction.");
  exposition_histogram(text, "cruddur_pg_transaction_writes", "", &groups, &histogram_sizes);
}

static void append_statements(struct buffer *text, const struct pools *pools) {
  static const char NAME[] = "cruddur_pg_statement_duration_seconds";
  exposition_head(text, NAME, "histogram",
                  "Time of each statement in Postgres; of a write with its commit.");
  for (unsigned statement = 0; statement < PG_STATEMENTS; statement++) {
    struct histogram durations = {0};
    char label[LABEL_SIZE];
    for (size_t i = 0; i < pools->count; i++)
      histogram_add(&durations, &pools->list[i]->stats.times.of[statement].durations);
    snprintf(label, sizeof(label), "statement=\"%s\"", pg_statement_sources[statement].name);
    exposition_histogram(text, NAME, label, &durations, &histogram_times);
  }
}

void pg_pool_metrics_append(struct pg_pool *const *pools, size_t count, struct buffer *text) {
  const struct pools all = {pools, count};
  append_now(text, &all);
  append_connections(text, &all);
  append_batches(text, &all);
  append_groups(text, &all);
  append_statements(text, &all);
}
