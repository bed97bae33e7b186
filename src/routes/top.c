/* top.c: GET /top: what the process is doing now, as text for people: its loops, its connections to
 * Postgres, the slowest statements. `cruddur top` shows it again and again.
 *
 * The page runs on the first loop and looks at what the others publish, so it shows a loop that is
 * stuck as well, unless that is the first one. */
#include "routes/prometheus.h"

#include "lib/base/clock.h"
#include "lib/base/process.h"
#include "lib/pg/pool_report.h"

static void append_process(const struct prometheus_context *context, struct buffer *body) {
  struct process_usage usage = process_usage_now();
  uint64_t up_s = ((uint64_t)clock_unix_us() - usage.start_unix_us) / 1000000;
  buffer_append_format(body,
                       "cruddur " CRUDDUR_VERSION
                       ", up %llu:%02llu:%02llu, %.1f s of processor time, %llu MiB "
                       "resident, %llu of %llu descriptors\n",
                       (unsigned long long)(up_s / 3600), (unsigned long long)(up_s / 60 % 60),
                       (unsigned long long)(up_s % 60), (double)usage.cpu_us / 1e6,
                       (unsigned long long)(usage.resident_bytes >> 20),
                       (unsigned long long)usage.open_files, (unsigned long long)usage.max_files);
  if (!key_keeper_ready(context->keeper))
    buffer_append_text(body, "The user pool's keys are not loaded: every token is refused.\n");
}

/* Busy since somebody looked last, or since the start. */
static double busy_percent(struct prometheus_context *context, size_t loop, uint64_t busy_us,
                           uint64_t now_us) {
  uint64_t start_us = context->looked_us;
  if (start_us == 0)
    start_us = now_us - ((uint64_t)clock_unix_us() - process_usage_now().start_unix_us);
  uint64_t worked_us = busy_us - context->busy_us[loop];
  context->busy_us[loop] = busy_us;
  return now_us > start_us ? 100.0 * (double)worked_us / (double)(now_us - start_us) : 0;
}

static void append_loops(struct prometheus_context *context, struct buffer *body) {
  uint64_t now_us = clock_monotonic_us();
  buffer_append_text(body, "\nloop   busy %  turn now ms  connections   limit  requests  "
                           "bytes to send\n");
  for (size_t i = 0; i < context->count; i++) {
    struct loop_stats loop = loop_stats(context->loops[i]);
    struct http_server_stats server = http_server_stats(context->servers[i]);
    buffer_append_format(
        body, "%4zu  %7.1f  %11.1f  %11llu  %6llu  %8llu  %13llu\n", i,
        busy_percent(context, i, loop.busy_us, now_us), (double)loop.present_us / 1000.0,
        (unsigned long long)server.connections, (unsigned long long)server.connections_limit,
        (unsigned long long)server.requests, (unsigned long long)server.sending_bytes);
  }
  context->looked_us = now_us;
}

static void append_pools(const struct prometheus_context *context, struct buffer *body) {
  buffer_append_text(body, "\nloop  lane   state      in flight      for ms  statement\n");
  for (size_t i = 0; i < context->count; i++)
    pg_pool_view_connections(context->pools[i], (unsigned)i, body);
  buffer_append_text(body, "\nslowest ms     mean ms      calls  statement\n");
  pg_pool_view_statements(context->pools, context->count, body);
  buffer_append_text(body,
                     "(slowest: of the last one or two minutes; the rest: since the start)\n");
}

void top_get(struct http_request *request) {
  struct prometheus_context *context = http_request_context(request);
  struct buffer body = BUFFER_EMPTY;
  append_process(context, &body);
  append_loops(context, &body);
  append_pools(context, &body);
  http_answer_text(request, HTTP_OK, "text/plain; charset=utf-8", &body);
}
