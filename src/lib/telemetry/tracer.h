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
  int xray_fd;               /* -1: no daemon; stays the caller's */
  double ratio;              /* of new traces that are sampled, 0 to 1 */
  unsigned per_second;       /* of them that are sampled at most, and of failures; 0: no bound */
};

/* Makes the tracer of `loop`; `options` stay the caller's and outlive it. */
struct tracer *tracer_new(struct loop *loop, struct fetcher *fetcher,
                          const struct tracer_options *options, struct error *error);

/* Where spans go; NULL for a NULL tracer. */
struct span_sink *tracer_sink(struct tracer *tracer);

/* Counters since the start; from any thread. */
struct tracer_stats {
  uint64_t recorded;     /* spans that ended */
  uint64_t otlp_dropped; /* that the collector did not get: buffers full, refused, not in time */
  uint64_t xray_dropped; /* that the kernel did not take for the daemon */
};

struct tracer_stats tracer_stats(const struct tracer *tracer); /* zeros for NULL */

/* Sends what is buffered, waits for TRACER_DRAIN_MS at most until it is sent, closes the timer and
 * calls `drained` once, perhaps at once. With a NULL tracer it just calls. The memory goes with the
 * loop. */
void tracer_drain(struct tracer *tracer, void (*drained)(void *argument), void *argument);

enum { TRACER_DRAIN_MS = 1500 };
