/* request_metrics.c: requests counted by route and status, and their durations.
 *
 * Each server counts for itself, with relaxed atomics, so that the loops share nothing and another
 * thread may read. */
#include "lib/http/request_metrics.h"

#include "lib/http/router.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { STATUS_COUNT = 18, BUCKET_COUNT = 12 };

/* 0 stands for a client that left before its answer; the last one for any other status. */
static const unsigned STATUSES[STATUS_COUNT] = {0,   200, 204, 304, 400, 401, 404, 405, 409,
                                                413, 415, 422, 429, 431, 500, 501, 503, 999};

static const uint64_t BUCKETS_US[BUCKET_COUNT] = {500,   1000,   2500,   5000,   10000,   25000,
                                                  50000, 100000, 250000, 500000, 1000000, 2500000};

struct route_metrics {
  atomic_uint_fast64_t by_status[STATUS_COUNT];
  atomic_uint_fast64_t by_bucket[BUCKET_COUNT + 1]; /* the last: longer than all */
  atomic_uint_fast64_t total_us;
};

struct request_metrics {
  const struct router *router;
  struct route_metrics routes[]; /* in its order; one more for requests that no row matched */
};

static size_t count_places(const struct request_metrics *metrics) {
  return router_count(metrics->router) + 1;
}

struct request_metrics *request_metrics_new(const struct router *router) {
  struct request_metrics *metrics =
      calloc(1, sizeof(*metrics) + (router_count(router) + 1) * sizeof(metrics->routes[0]));
  if (metrics) metrics->router = router;
  return metrics;
}

static void add(atomic_uint_fast64_t *counter, uint64_t amount) {
  atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

void request_metrics_count(const struct http_request *request, uint64_t duration_us) {
  struct request_metrics *metrics = request->site->metrics;
  size_t place = request->route ? request->route_place : router_count(metrics->router);
  struct route_metrics *route = &metrics->routes[place];
  size_t status = 0, bucket = 0;
  while (status < STATUS_COUNT - 1 && STATUSES[status] != request->status)
    status++;
  while (bucket < BUCKET_COUNT && duration_us > BUCKETS_US[bucket])
    bucket++;
  add(&route->by_status[status], 1);
  add(&route->by_bucket[bucket], 1);
  add(&route->total_us, duration_us);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

void request_metrics_add(struct request_metrics *sum, const struct request_metrics *metrics) {
  assert(count_places(sum) == count_places(metrics));
  for (size_t place = 0; place < count_places(sum); place++) {
    struct route_metrics *to = &sum->routes[place];
    const struct route_metrics *from = &metrics->routes[place];
    for (size_t status = 0; status < STATUS_COUNT; status++)
      add(&to->by_status[status], read_counter(&from->by_status[status]));
    for (size_t bucket = 0; bucket <= BUCKET_COUNT; bucket++)
      add(&to->by_bucket[bucket], read_counter(&from->by_bucket[bucket]));
    add(&to->total_us, read_counter(&from->total_us));
  }
}

/* --- Text --- */

static void append_labels(struct buffer *buffer, const struct http_route *route) {
  buffer_append_format(buffer, "{method=\"%s\",route=\"%s\"",
                       route ? router_method_name(route->method) : "-",
                       route ? route->pattern : "-");
}

static void append_statuses(struct buffer *buffer, const struct http_route *route,
                            const struct route_metrics *sum) {
  for (size_t status = 0; status < STATUS_COUNT; status++) {
    uint64_t count = read_counter(&sum->by_status[status]);
    if (count == 0) continue;
    buffer_append_text(buffer, "cruddur_http_requests_total");
    append_labels(buffer, route);
    buffer_append_format(buffer, ",status=\"%u\"} %llu\n", STATUSES[status],
                         (unsigned long long)count);
  }
}

static void append_histogram(struct buffer *buffer, const struct http_route *route,
                             const struct route_metrics *sum) {
  static const char NAME[] = "cruddur_http_request_duration_seconds";
  uint64_t so_far = 0, count = 0;
  for (size_t bucket = 0; bucket <= BUCKET_COUNT; bucket++)
    count += read_counter(&sum->by_bucket[bucket]);
  if (count == 0) return;
  for (size_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
    so_far += read_counter(&sum->by_bucket[bucket]);
    buffer_append_format(buffer, "%s_bucket", NAME);
    append_labels(buffer, route);
    buffer_append_format(buffer, ",le=\"%g\"} %llu\n", (double)BUCKETS_US[bucket] / 1e6,
                         (unsigned long long)so_far);
  }
  buffer_append_format(buffer, "%s_bucket", NAME);
  append_labels(buffer, route);
  buffer_append_format(buffer, ",le=\"+Inf\"} %llu\n%s_sum", (unsigned long long)count, NAME);
  append_labels(buffer, route);
  buffer_append_format(buffer, "} %.6f\n%s_count", (double)read_counter(&sum->total_us) / 1e6,
                       NAME);
  append_labels(buffer, route);
  buffer_append_format(buffer, "} %llu\n", (unsigned long long)count);
}

static const struct http_route *route_at(const struct request_metrics *metrics, size_t place) {
  return place < router_count(metrics->router) ? router_route(metrics->router, place) : NULL;
}

void request_metrics_append(const struct request_metrics *metrics, struct buffer *buffer) {
  buffer_append_text(buffer,
                     "# HELP cruddur_http_requests_total Requests by route and status; status "
                     "0: the client left.\n"
                     "# TYPE cruddur_http_requests_total counter\n");
  for (size_t place = 0; place < count_places(metrics); place++)
    append_statuses(buffer, route_at(metrics, place), &metrics->routes[place]);
  buffer_append_text(buffer,
                     "# HELP cruddur_http_request_duration_seconds Time from the request line to "
                     "the last byte of the answer.\n"
                     "# TYPE cruddur_http_request_duration_seconds histogram\n");
  for (size_t place = 0; place < count_places(metrics); place++)
    append_histogram(buffer, route_at(metrics, place), &metrics->routes[place]);
}
