/* prometheus.c: GET /metrics: what the process counts, for Prometheus. Each room writes its own
 * counters; the process's, the loops' and the exporters' are written here. */
#include "routes/prometheus.h"

#include "lib/base/exposition.h"
#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/pg/pool_report.h"

#include <stdio.h>

enum { LABEL_SIZE = 32 };

/* The names that Prometheus's own client libraries give to these. */
static void append_process(struct buffer *body, const struct prometheus_context *context) {
  struct process_usage usage = process_usage_now();
  exposition_head(body, "cruddur_build_info", "gauge", "1; the version is a label.");
  exposition_sample(body, "cruddur_build_info", "version=\"" CRUDDUR_VERSION "\"", 1);
  exposition_head(body, "process_start_time_seconds", "gauge", "When it started, in Unix time.");
  exposition_seconds(body, "process_start_time_seconds", "", usage.start_unix_us);
  exposition_head(body, "process_cpu_seconds_total", "counter", "Processor time of all threads.");
  exposition_seconds(body, "process_cpu_seconds_total", "", usage.cpu_us);
  exposition_gauge(body, "process_open_fds", "Open file descriptors.", usage.open_files);
  exposition_gauge(body, "process_max_fds", "How many there may be.", usage.max_files);
  exposition_gauge(body, "process_resident_memory_bytes", "Resident memory.", usage.resident_bytes);
  exposition_gauge(body, "process_virtual_memory_bytes", "Virtual memory.", usage.virtual_bytes);
  exposition_gauge(body, "process_threads", "Threads.", usage.threads);
  exposition_gauge(body, "cruddur_memory_limit_bytes",
                   "Memory that the control group allows; 0: no limit.",
                   context->memory_limit_bytes);
}

static void append_loops(struct buffer *body, const struct prometheus_context *context) {
  struct histogram turns = {0};
  char label[LABEL_SIZE];
  exposition_head(body, "cruddur_loop_busy_seconds_total", "counter",
                  "Time that an event loop worked, and did not wait.");
  for (size_t i = 0; i < context->count; i++) {
    struct loop_stats stats = loop_stats(context->loops[i]);
    snprintf(label, sizeof(label), "loop=\"%zu\"", i);
    exposition_seconds(body, "cruddur_loop_busy_seconds_total", label, stats.busy_us);
    histogram_add(&turns, stats.turns);
  }
  exposition_head(body, "cruddur_loop_lag_seconds", "gauge",
                  "How long an event loop has been at its present turn: what becomes ready waits.");
  for (size_t i = 0; i < context->count; i++) {
    snprintf(label, sizeof(label), "loop=\"%zu\"", i);
    exposition_seconds(body, "cruddur_loop_lag_seconds", label,
                       loop_stats(context->loops[i]).present_us);
  }
  exposition_head(body, "cruddur_loop_turn_seconds", "histogram",
                  "Time that the event loops worked between two waits.");
  exposition_histogram(body, "cruddur_loop_turn_seconds", "", &turns, &histogram_times);
}

static void append_http(struct buffer *body, const struct prometheus_context *context) {
  uint64_t limit = 0;
  for (size_t i = 0; i < context->count; i++)
    limit += http_server_stats(context->servers[i]).connections_limit;
  http_server_append_metrics(context->servers, context->count, body);
  exposition_gauge(body, "cruddur_http_connections_limit",
                   "Connections of clients that are accepted; more wait.", limit);
}

static void append_auth(struct buffer *body, const struct prometheus_context *context) {
  exposition_gauge(body, "cruddur_jwks_loaded", "1 once the user pool's keys are known.",
                   key_keeper_ready(context->keeper));
  exposition_gauge(body, "cruddur_jwks_age_seconds",
                   "Time since the keys were last fetched; 0 before that.",
                   key_keeper_age_s(context->keeper));
  exposition_tally(body, "cruddur_auth_tokens_refused_total", "Tokens refused, by reason.",
                   "reason", authenticator_refusals());
}

static void append_exporters(struct buffer *body, const struct prometheus_context *context) {
  struct tracer_stats sum = {0};
  uint64_t items = 0;
  for (size_t i = 0; i < context->count; i++) {
    struct tracer_stats stats = tracer_stats(context->tracers[i]);
    sum.recorded += stats.recorded;
    sum.otlp_dropped += stats.otlp_dropped;
    sum.xray_dropped += stats.xray_dropped;
    items += rollbar_dropped(context->rollbars[i]);
  }
  exposition_tally(body, "cruddur_fetch_failures_total",
                   "Outgoing requests without an answer, or answered 401, 403, 429 or 5xx.",
                   "service", fetch_failures());
  exposition_counter(body, "cruddur_trace_spans_total", "Spans recorded.", sum.recorded);
  exposition_counter(body, "cruddur_trace_spans_dropped_total",
                     "Spans that the collector did not get: buffers full, refused, too slow.",
                     sum.otlp_dropped);
  exposition_counter(body, "cruddur_xray_segments_dropped_total",
                     "Segments that could not be sent to the X-Ray daemon.", sum.xray_dropped);
  exposition_counter(body, "cruddur_rollbar_items_dropped_total",
                     "Items that Rollbar did not get: over the rate, refused, too slow.", items);
  exposition_counter(body, "cruddur_log_lines_dropped_total",
                     "Log lines dropped because stdout was too slow.", log_dropped());
}

static void get_metrics(struct http_request *request) {
  const struct prometheus_context *context = http_request_context(request);
  struct buffer body = BUFFER_EMPTY;
  append_process(&body, context);
  append_loops(&body, context);
  append_http(&body, context);
  pg_pool_metrics_append(context->pools, context->count, &body);
  append_auth(&body, context);
  append_exporters(&body, context);
  http_answer_text(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static const struct http_route METRICS_ROUTES[] = {
    {HTTP_GET, "/metrics", HTTP_AUTH_NONE, 0, get_metrics, 0},
    {HTTP_GET, "/top", HTTP_AUTH_NONE, 0, top_get, 0},
    HTTP_ROUTES_END,
};

const struct http_route *const prometheus_tables[] = {METRICS_ROUTES, NULL};
