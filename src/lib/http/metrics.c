/* metrics.c: see metrics.h. Each server counts for itself, with relaxed atomics, so that the loops
 * share nothing and another loop may read. */
#include "lib/http/metrics.h"

#include "lib/base/clock.h"
#include "lib/http/internal.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { STATUS_COUNT = 17, BUCKET_COUNT = 12 };

/* 0 stands for a client that left before its answer; the last one for any other status. */
static const unsigned STATUSES[STATUS_COUNT] = {0,   200, 204, 304, 400, 401, 404, 405, 409,
                                                413, 415, 422, 429, 431, 500, 503, 999};

static const uint64_t BUCKETS_US[BUCKET_COUNT] = {500,   1000,   2500,   5000,   10000,   25000,
                                                  50000, 100000, 250000, 500000, 1000000, 2500000};

struct route_metrics {
  atomic_uint_fast64_t by_status[STATUS_COUNT];
  atomic_uint_fast64_t by_bucket[BUCKET_COUNT + 1]; /* the last: longer than all */
  atomic_uint_fast64_t total_us;
};

struct http_metrics {
  size_t route_count; /* of the tables; one more for requests that no row matched */
  struct route_metrics routes[];
};

static size_t count_routes(const struct http_route *const *tables) {
  size_t count = 0;
  for (; *tables; tables++)
    for (const struct http_route *route = *tables; route->pattern; route++)
      count++;
  return count;
}

/* The row `place` of all tables in their order; NULL past the last. */
static const struct http_route *route_at(const struct http_route *const *tables, size_t place) {
  for (; *tables; tables++)
    for (const struct http_route *route = *tables; route->pattern; route++)
      if (place-- == 0) return route;
  return NULL;
}

static size_t place_of(const struct http_route *const *tables, const struct http_route *wanted) {
  size_t place = 0;
  for (; *tables; tables++)
    for (const struct http_route *route = *tables; route->pattern; route++, place++)
      if (route == wanted) return place;
  return place;
}

struct http_metrics *metrics_new(const struct http_route *const *tables) {
  size_t count = count_routes(tables);
  struct http_metrics *metrics =
      calloc(1, sizeof(*metrics) + (count + 1) * sizeof(metrics->routes[0]));
  if (metrics) metrics->route_count = count;
  return metrics;
}

static void add(atomic_uint_fast64_t *counter, uint64_t amount) {
  atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

void metrics_count(const struct http_request *request, uint64_t duration_us) {
  struct http_metrics *metrics = request->server->metrics;
  size_t place = place_of(request->server->options->tables, request->route);
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

/* --- Text --- */

/* What all servers counted for one route. */
struct sum {
  uint64_t by_status[STATUS_COUNT], by_bucket[BUCKET_COUNT + 1], total_us, count;
};

static uint64_t read_counter(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

static struct sum sum_route(struct http_server *const *servers, size_t count, size_t place) {
  struct sum sum = {0};
  for (size_t i = 0; i < count; i++) {
    const struct route_metrics *route = &servers[i]->metrics->routes[place];
    for (size_t status = 0; status < STATUS_COUNT; status++)
      sum.by_status[status] += read_counter(&route->by_status[status]);
    for (size_t bucket = 0; bucket <= BUCKET_COUNT; bucket++)
      sum.by_bucket[bucket] += read_counter(&route->by_bucket[bucket]);
    sum.total_us += read_counter(&route->total_us);
  }
  for (size_t bucket = 0; bucket <= BUCKET_COUNT; bucket++)
    sum.count += sum.by_bucket[bucket];
  return sum;
}

static void append_labels(struct buffer *buffer, const struct http_route *route) {
  buffer_append_format(buffer, "{method=\"%s\",route=\"%s\"",
                       route ? router_method_name(route->method) : "-",
                       route ? route->pattern : "-");
}

static void append_statuses(struct buffer *buffer, const struct http_route *route,
                            const struct sum *sum) {
  for (size_t status = 0; status < STATUS_COUNT; status++) {
    if (sum->by_status[status] == 0) continue;
    buffer_append_text(buffer, "cruddur_http_requests_total");
    append_labels(buffer, route);
    buffer_append_format(buffer, ",status=\"%u\"} %llu\n", STATUSES[status],
                         (unsigned long long)sum->by_status[status]);
  }
}

static void append_histogram(struct buffer *buffer, const struct http_route *route,
                             const struct sum *sum) {
  static const char NAME[] = "cruddur_http_request_duration_seconds";
  uint64_t so_far = 0;
  if (sum->count == 0) return;
  for (size_t bucket = 0; bucket < BUCKET_COUNT; bucket++) {
    so_far += sum->by_bucket[bucket];
    buffer_append_format(buffer, "%s_bucket", NAME);
    append_labels(buffer, route);
    buffer_append_format(buffer, ",le=\"%g\"} %llu\n", (double)BUCKETS_US[bucket] / 1e6,
                         (unsigned long long)so_far);
  }
  buffer_append_format(buffer, "%s_bucket", NAME);
  append_labels(buffer, route);
  buffer_append_format(buffer, ",le=\"+Inf\"} %llu\n%s_sum", (unsigned long long)sum->count, NAME);
  append_labels(buffer, route);
  buffer_append_format(buffer, "} %.6f\n%s_count", (double)sum->total_us / 1e6, NAME);
  append_labels(buffer, route);
  buffer_append_format(buffer, "} %llu\n", (unsigned long long)sum->count);
}

void http_metrics_append(struct buffer *buffer, struct http_server *const *servers, size_t count) {
  const struct http_route *const *tables = servers[0]->options->tables;
  size_t routes = servers[0]->metrics->route_count + 1;
  buffer_append_text(buffer,
                     "# HELP cruddur_http_requests_total Requests by route and status; status "
                     "0: the client left.\n"
                     "# TYPE cruddur_http_requests_total counter\n");
  for (size_t place = 0; place < routes; place++) {
    struct sum sum = sum_route(servers, count, place);
    append_statuses(buffer, route_at(tables, place), &sum);
  }
  buffer_append_text(buffer,
                     "# HELP cruddur_http_request_duration_seconds Time from the request line to "
                     "the last byte of the answer.\n"
                     "# TYPE cruddur_http_request_duration_seconds histogram\n");
  for (size_t place = 0; place < routes; place++) {
    struct sum sum = sum_route(servers, count, place);
    append_histogram(buffer, route_at(tables, place), &sum);
  }
}
