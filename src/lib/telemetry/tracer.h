/* tracer.h: records the spans of one loop and exports them off the request path: to an OTLP/HTTP
 * collector in batches, to the X-Ray daemon as datagrams. A slow or dead collector costs spans,
 * which are counted, and nothing else. */
#pragma once

#include "lib/base/trace.h"
#include "lib/fetch/fetch.h"

struct tracer;

struct tracer_options {
  const char *service; /* OTEL_SERVICE_NAME */
  const char *environment;
  const char *otlp_endpoint; /* NULL: no collector; the base URL, to which /v1/traces is added */
  struct str otlp_headers;   /* "name=value,name=value", values percent-encoded */
  int xray_fd;               /* socket to the X-Ray daemon, stays the caller's; -1: no daemon */
  double ratio;              /* the share of new traces that is sampled, 0 to 1; 0: no tracing */
  unsigned per_second;       /* new traces a second at most, and as many failures; 0: unlimited */
};

/* Makes the tracer of `loop`; `options` stay the caller's and outlive it. */
struct tracer *tracer_new(struct loop *loop, struct fetcher *fetcher,
                          const struct tracer_options *options, struct error *error);

/* Where spans go; NULL for a NULL tracer. */
struct span_sink *tracer_sink(struct tracer *tracer);

/* Counters since the start; from any thread. */
struct tracer_stats {
  uint64_t recorded;     /* spans that ended */
  uint64_t otlp_dropped; /* spans the collector did not get: buffers full, refused, not in time */
  uint64_t xray_dropped; /* segments that the kernel did not take for the daemon */
};

struct tracer_stats tracer_stats(const struct tracer *tracer); /* zeros for NULL */

/* Sends what is buffered, and lets that take OUTBOX_DRAIN_MS (outbox.h) at most; then calls
 * `drained`, once, perhaps before this returns. With a NULL tracer it only calls. The memory goes
 * with the loop. */
void tracer_drain(struct tracer *tracer, void (*drained)(void *argument), void *argument);
