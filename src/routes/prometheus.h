/* prometheus.h: GET /metrics, which is served on a port of its own. */
#pragma once

#include "lib/auth/auth.h"
#include "lib/http/server.h"
#include "lib/pg/pool.h"
#include "lib/telemetry/rollbar.h"
#include "lib/telemetry/tracer.h"

enum { METRICS_LOOPS_LIMIT = 64 };

/* What is looked at: the parts of every loop. */
struct prometheus_context {
  size_t count;
  struct http_server *servers[METRICS_LOOPS_LIMIT];
  struct pg_pool *pools[METRICS_LOOPS_LIMIT];
  const struct tracer *tracers[METRICS_LOOPS_LIMIT]; /* NULL: nothing is traced */
  const struct rollbar *rollbars[METRICS_LOOPS_LIMIT];
  const struct key_keeper *keeper;
};

/* The table of the metrics port, NULL-terminated. */
extern const struct http_route *const prometheus_tables[];
