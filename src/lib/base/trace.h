/* trace.h: distributed traces: ids, the headers that carry them, and spans on their way to whoever
 * records them.
 *
 * Sources: W3C Trace Context, section 3.2 (traceparent); AWS X-Ray Developer Guide, "Tracing
 * header" (X-Amzn-Trace-Id). */
#pragma once

#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { TRACE_ID_SIZE = 16, SPAN_ID_SIZE = 8, TRACEPARENT_SIZE = 56, SPAN_TEXT_SIZE = 128 };

/* Where in which trace something happens. All zero: nothing is traced. */
struct trace_context {
  unsigned char trace_id[TRACE_ID_SIZE];
  unsigned char span_id[SPAN_ID_SIZE];
  bool sampled;
};

enum span_kind { SPAN_SERVER, SPAN_CLIENT };

/* Something that took time: a request, or a call of a dependency. */
struct span {
  struct trace_context context;
  unsigned char parent_id[SPAN_ID_SIZE]; /* all zero: the first of its trace */
  enum span_kind kind;
  int64_t start_unix_us;
  int64_t end_unix_us;
  char name[SPAN_TEXT_SIZE]; /* "GET /api/activities/home", "postgres activities/home" */
  char system[16];           /* of a dependency: "postgresql", "dynamodb", "http" */
  char method[8];            /* of a server span */
  char request_id[SPAN_TEXT_SIZE + 1];
  int status; /* HTTP status; 0: none */
  bool failed;
};

/* Takes spans on one loop; embedded by whoever records them. */
struct span_sink {
  /* True when a new trace is to be sampled. */
  bool (*sample)(struct span_sink *sink);
  void (*record)(struct span_sink *sink, const struct span *span);
};

/* Reads a traceparent header; false when it is malformed or of version ff. */
bool trace_parse_traceparent(struct str header, struct trace_context *ret_context);

/* Reads an X-Amzn-Trace-Id header: Root, and Parent and Sampled where they are given. A load
 * balancer gives none: then the span id is zero and *ret_decided false. */
bool trace_parse_xray(struct str header, struct trace_context *ret_context, bool *ret_decided);

/* Begins a trace whose id X-Ray takes too: it begins with the time in seconds. */
void trace_begin(struct trace_context *ret_context, int64_t unix_us);

/* A new random span id. */
void trace_new_span_id(unsigned char span_id[SPAN_ID_SIZE]);

/* Writes "00-…-…-01", NUL-terminated. */
void trace_format_traceparent(const struct trace_context *context, char text[TRACEPARENT_SIZE]);

/* True when there is a trace and it is sampled. */
static inline bool trace_is_sampled(const struct trace_context *context) {
  return context && context->sampled;
}
