/* metrics_port.c: an HTTP server of its own for /metrics and /top, on the first worker's loop. It
 * reads the counters of all workers, which are atomic, while their loops count on: a page may show
 * some of them a moment earlier than others. */
#include "commands/metrics_port.h"

#include "lib/base/cgroup.h"
#include "lib/base/log.h"

#include <assert.h>

enum { CONNECTION_LIMIT = 32, TIMEOUT_MS = 10000 };

static void look_at(struct prometheus_context *context, const struct worker *workers,
                    unsigned worker_count) {
  assert(worker_count <= sizeof(context->servers) / sizeof(context->servers[0]));
  context->count = worker_count;
  context->keeper = workers[0].context.keeper;
  context->memory_limit_bytes = cgroup_read_limits("").memory_bytes;
  for (unsigned i = 0; i < worker_count; i++) {
    context->loops[i] = workers[i].loop;
    context->servers[i] = workers[i].context.server;
    context->pools[i] = workers[i].context.pool;
    context->tracers[i] = workers[i].tracer;
    context->rollbars[i] = workers[i].context.rollbar;
  }
}

bool metrics_port_start(struct metrics_port *port, unsigned number, const struct worker *workers,
                        unsigned worker_count, struct error *error) {
  *port = (struct metrics_port){0};
  if (number == 0) return true;
  int fd = http_listen(number, true, &number, error);
  if (fd < 0) return error_prefix(error, "METRICS_PORT");
  look_at(&port->context, workers, worker_count);
  port->options = (struct http_options){.tables = prometheus_tables,
                                        .allowed_origins = STR(""),
                                        .connection_limit = CONNECTION_LIMIT,
                                        .idle_timeout_ms = TIMEOUT_MS,
                                        .receive_timeout_ms = TIMEOUT_MS,
                                        .send_timeout_ms = TIMEOUT_MS};
  port->server = http_server_new(workers[0].loop, fd, &port->options, &port->context, NULL, error);
  if (port->server)
    log_event(LOG_LEVEL_INFO, "metrics are served", log_int("port", number), LOG_END);
  return port->server != NULL;
}

void metrics_port_close(struct metrics_port *port) {
  http_server_close(port->server);
  port->server = NULL;
}
