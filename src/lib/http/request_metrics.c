/* request_metrics.c: what a server counts of its connections and requests.
 *
 * Each server counts for itself, with relaxed atomics, so that the loops share nothing and another
 * thread may read. */
#include "lib/http/request_metrics.h"

#include "lib/http/router.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATUS_COUNT = 18, LABELS_SIZE = 256 };

/* 0 stands for a client that left before its answer; the last one for any other status. */
static const unsigned STATUSES[STATUS_COUNT] = {0,   200, 204, 304, 400, 401, 404, 405, 409,
                                                413, 415, 422, 429, 431, 500, 501, 503, 999};

struct route_metrics {
  atomic_uint_fast64_t by_status[STATUS_COUNT];
  struct histogram durations; /* microseconds */
};

struct request_metrics {
  const struct router *router;
  atomic_uint_fast64_t connections, requests, sending_bytes; /* now */
  struct histogram rounds;                                   /* requests of one round */
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

static void subtract(atomic_uint_fast64_t *counter, uint64_t amount) {
  uint64_t before = atomic_fetch_sub_explicit(counter, amount, memory_order_relaxed);
  assert(before >= amount);
  (void)before;
}

void request_metrics_connect(struct request_metrics *metrics) {
  add(&metrics->connections, 1);
}

void request_metrics_disconnect(struct request_metrics *metrics) {
  subtract(&metrics->connections, 1);
}

void request_metrics_begin(struct request_metrics *metrics) {
  add(&metrics->requests, 1);
}

void request_metrics_send(const struct http_request *request) {
  assert(request->phase == HTTP_PHASE_SENDING);
  add(&request->site->metrics->sending_bytes, request->answer_size);
}

void request_metrics_share(struct request_metrics *metrics, uint64_t requests) {
  histogram_record(&metrics->rounds, &histogram_sizes, requests);
}

void request_metrics_count(const struct http_request *request, uint64_t duration_us) {
  struct request_metrics *metrics = request->site->metrics;
  size_t place = request->route ? request->route_place : router_count(metrics->router);
  struct route_metrics *route = &metrics->routes[place];
  size_t status = 0;
  while (status < STATUS_COUNT - 1 && STATUSES[status] != request->status)
    status++;
  add(&route->by_status[status], 1);
  histogram_record(&route->durations, &histogram_times, duration_us);
  subtract(&metrics->requests, 1);
  if (request->phase == HTTP_PHASE_SENDING) subtract(&metrics->sending_bytes, request->answer_size);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

struct request_gauges request_metrics_now(const struct request_metrics *metrics) {
  return (struct request_gauges){.connections = read_counter(&metrics->connections),
                                 .requests = read_counter(&metrics->requests),
                                 .sending_bytes = read_counter(&metrics->sending_bytes)};
}

void request_metrics_add(struct request_metrics *sum, const struct request_metrics *metrics) {
  assert(count_places(sum) == count_places(metrics));
  add(&sum->connections, read_counter(&metrics->connections));
  add(&sum->requests, read_counter(&metrics->requests));
  add(&sum->sending_bytes, read_counter(&metrics->sending_bytes));
  histogram_add(&sum->rounds, &metrics->rounds);
  for (size_t place = 0; place < count_places(metrics); place++) {
    struct route_metrics *to = &sum->routes[place];
    const struct route_metrics *from = &metrics->routes[place];
    for (size_t status = 0; status < STATUS_COUNT; status++)
      add(&to->by_status[status], read_counter(&from->by_status[status]));
    histogram_add(&to->durations, &from->durations);
  }
}

/* --- Text --- */

static void write_labels(const struct request_metrics *metrics, size_t place, char *labels) {
  bool matched = place < router_count(metrics->router);
  const struct http_route *route = matched ? router_route(metrics->router, place) : NULL;
  snprintf(labels, LABELS_SIZE, "method=\"%s\",route=\"%s\"",
           route ? router_method_name(route->method) : "-", route ? route->pattern : "-");
}

static void append_statuses(const struct request_metrics *metrics, size_t place,
                            struct buffer *buffer) {
  char labels[LABELS_SIZE], all[LABELS_SIZE + 16];
  write_labels(metrics, place, labels);
  for (size_t status = 0; status < STATUS_COUNT; status++) {
    uint64_t count = read_counter(&metrics->routes[place].by_status[status]);
    snprintf(all, sizeof(all), "%s,status=\"%u\"", labels, STATUSES[status]);
    if (count > 0) exposition_sample(buffer, "cruddur_http_requests_total", all, count);
  }
}

static void append_routes(const struct request_metrics *metrics, struct buffer *buffer) {
  static const char DURATION[] = "cruddur_http_request_duration_seconds";
  exposition_head(buffer, "cruddur_http_requests_total", "counter",
                  "Requests by route and status; status 0: the client left.");
  for (size_t place = 0; place < count_places(metrics); place++)
    append_statuses(metrics, place, buffer);
  exposition_head(buffer, DURATION, "histogram",
                  "Time from the request line to the last byte of the answer.");
  for (size_t place = 0; place < count_places(metrics); place++) {
    char labels[LABELS_SIZE];
    write_labels(metrics, place, labels);
    exposition_histogram(buffer, DURATION, labels, &metrics->routes[place].durations,
                         &histogram_times);
  }
}

void request_metrics_append(const struct request_metrics *metrics, struct buffer *buffer) {
  struct request_gauges now = request_metrics_now(metrics);
  exposition_gauge(buffer, "cruddur_http_connections", "Connections of clients.", now.connections);
  exposition_gauge(buffer, "cruddur_http_requests_in_progress",
                   "Requests that have begun and not ended.", now.requests);
  exposition_gauge(buffer, "cruddur_http_sending_bytes",
                   "Bytes of answers whose last byte was not sent yet.", now.sending_bytes);
  append_routes(metrics, buffer);
  exposition_head(buffer, "cruddur_http_round_requests", "histogram",
                  "Requests that one run of a shared page's handler answered.");
  exposition_histogram(buffer, "cruddur_http_round_requests", "", &metrics->rounds,
                       &histogram_sizes);
}
