/* prometheus.c: GET /metrics: counters of HTTP, Postgres, keys, traces and memory for Prometheus.
 */
#include "routes/prometheus.h"

#include "lib/base/cleanup.h"
#include "lib/base/log.h"

static void append_metric(struct buffer *body, const char *name, const char *type, const char *help,
                          uint64_t value) {
  buffer_append_format(body, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
                       (unsigned long long)value);
}

static void append_postgres(struct buffer *body, const struct prometheus_context *context) {
  struct pg_pool_stats sum = {0};
  for (size_t i = 0; i < context->count; i++) {
    struct pg_pool_stats stats = pg_pool_stats(context->pools[i]);
    sum.ready += stats.ready;
    sum.in_flight += stats.in_flight;
    sum.queued += stats.queued;
    sum.batches += stats.batches;
    sum.unavailable += stats.unavailable;
    sum.failed += stats.failed;
    sum.reruns += stats.reruns;
    sum.groups += stats.groups;
    sum.grouped += stats.grouped;
    sum.waited_us += stats.waited_us;
    sum.queued_us += stats.queued_us;
  }
  append_metric(body, "cruddur_pg_connections_ready", "gauge", "Connections ready.", sum.ready);
  append_metric(body, "cruddur_pg_batches_in_flight", "gauge", "Batches sent and not answered.",
                sum.in_flight);
  append_metric(body, "cruddur_pg_batches_queued", "gauge", "Batches waiting for a connection.",
                sum.queued);
  append_metric(body, "cruddur_pg_batches_total", "counter", "Batches ended.", sum.batches);
  append_metric(body, "cruddur_pg_batches_unavailable_total", "counter",
                "Batches that got no answer: down, full, too slow.", sum.unavailable);
  append_metric(body, "cruddur_pg_batches_failed_total", "counter",
                "Batches that Postgres refused.", sum.failed);
  append_metric(body, "cruddur_pg_batches_rerun_total", "counter",
                "Batches sent again, after doing nothing the first time.", sum.reruns);
  append_metric(body, "cruddur_pg_write_transactions_total", "counter",
                "Transactions of writes sent.", sum.groups);
  append_metric(body, "cruddur_pg_writes_total", "counter", "Writes sent in them.", sum.grouped);
  append_metric(body, "cruddur_pg_batch_microseconds_total", "counter",
                "Time of batches from submission to answer, added up.", sum.waited_us);
  append_metric(body, "cruddur_pg_queue_microseconds_total", "counter",
                "Of that, the time spent waiting for a connection.", sum.queued_us);
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
  append_metric(body, "cruddur_trace_spans_total", "counter", "Spans recorded.", sum.recorded);
  append_metric(body, "cruddur_trace_spans_dropped_total", "counter",
                "Spans that the collector did not get: buffers full, refused, too slow.",
                sum.otlp_dropped);
  append_metric(body, "cruddur_xray_segments_dropped_total", "counter",
                "Segments that could not be sent to the X-Ray daemon.", sum.xray_dropped);
  append_metric(body, "cruddur_rollbar_items_dropped_total", "counter",
                "Items that Rollbar did not get: over the rate, refused, too slow.", items);
}

static uint64_t resident_bytes(void) {
  _cleanup_fclose_ FILE *file = fopen("/proc/self/statm", "re");
  char line[128]; /* "size resident …", in pages: proc(5) */
  if (!file || !fgets(line, sizeof(line), file)) return 0;
  struct str rest = str_from(line), size, resident;
  uint64_t pages = 0;
  if (str_next(&rest, ' ', &size) && str_next(&rest, ' ', &resident))
    str_to_u64(resident, 0, UINT32_MAX, &pages);
  return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void get_metrics(struct http_request *request) {
  const struct prometheus_context *context = http_request_context(request);
  struct buffer body = BUFFER_EMPTY;
  http_server_append_metrics(context->servers, context->count, &body);
  append_postgres(&body, context);
  append_metric(&body, "cruddur_jwks_loaded", "gauge", "1 once the user pool's keys are known.",
                key_keeper_ready(context->keeper));
  append_metric(&body, "cruddur_jwks_age_seconds", "gauge",
                "Time since the keys were last fetched; 0 before that.",
                key_keeper_age_s(context->keeper));
  append_exporters(&body, context);
  append_metric(&body, "cruddur_log_lines_dropped_total", "counter",
                "Log lines dropped because stdout was too slow, or refused them.", log_dropped());
  append_metric(&body, "process_resident_memory_bytes", "gauge", "Resident memory.",
                resident_bytes());
  http_answer_text(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static const struct http_route METRICS_ROUTES[] = {
    {HTTP_GET, "/metrics", HTTP_AUTH_NONE, 0, get_metrics, 0},
    HTTP_ROUTES_END,
};

const struct http_route *const prometheus_tables[] = {METRICS_ROUTES, NULL};
