/* prometheus.h: GET /metrics, for Prometheus, and GET /top, for people: served on a port of their
 * own. */
#pragma once

#include "lib/auth/auth.h"
#include "lib/http/server.h"
#include "lib/loop/loop.h"
#include "lib/pg/pool.h"
#include "lib/telemetry/rollbar.h"
#include "lib/telemetry/tracer.h"

enum { METRICS_LOOPS_LIMIT = 64 };

/* What is looked at: the parts of every loop. */
struct prometheus_context {
  size_t count;
  struct loop *loops[METRICS_LOOPS_LIMIT];
  struct http_server *servers[METRICS_LOOPS_LIMIT];
  struct pg_pool *pools[METRICS_LOOPS_LIMIT];
  const struct tracer *tracers[METRICS_LOOPS_LIMIT]; /* NULL: nothing is traced */
  const struct rollbar *rollbars[METRICS_LOOPS_LIMIT];
  const struct key_keeper *keeper;
  uint64_t memory_limit_bytes; /* of the control group; 0: none */
  /* When somebody looked at /top last, and how busy each loop had been until then. */
  uint64_t looked_us, busy_us[METRICS_LOOPS_LIMIT];
};

/* GET /top: answers with what the process is doing now, as text for people. */
void top_get(struct http_request *request);

/* The table of the metrics port, NULL-terminated. */
extern const struct http_route *const prometheus_tables[];
