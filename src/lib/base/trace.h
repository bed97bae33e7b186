/* trace.h: distributed traces: ids, the headers that carry them, and spans on their way to whoever
 * records them.
 *
 * Sources: W3C Trace Context, section 3.2 (traceparent); AWS X-Ray Developer Guide, "Tracing
 * header" (X-Amzn-Trace-Id). */
#pragma once

#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  TRACE_ID_SIZE = 16,
  SPAN_ID_SIZE = 8,
  TRACEPARENT_SIZE = 56,
  TRACESTATE_LIMIT = 512, /* a longer one is not passed on (W3C Trace Context, section 3.3.1.5) */
  XRAY_HEADER_SIZE = 80,
  SPAN_TEXT_SIZE = 128,
};

/* Where in which trace something happens. The context we propagate always carries
 * both ids. */
struct trace_context {
  unsigned char trace_id[TRACE_ID_SIZE];
  unsigned char span_id[SPAN_ID_SIZE];
  bool sampled;
  struct str state; /* the caller's tracestate, to be passed on as it came; borrowed */
};

enum span_kind {
  SPAN_SERVER,   /* a request */
  SPAN_CLIENT,   /* a call of a dependency */
  SPAN_INTERNAL, /* something the process does by itself */
};

/* Something that took time. */
struct span {
  struct trace_context context;
  unsigned char parent_id[SPAN_ID_SIZE];      /* all zero: the first of its trace */
  unsigned char link_trace_id[TRACE_ID_SIZE]; /* of a span that did this one's work too; */
  unsigned char link_span_id[SPAN_ID_SIZE];   /* all zero: of none */
  enum span_kind kind;
  int64_t start_unix_us;
  int64_t end_unix_us;
  char name[SPAN_TEXT_SIZE];      /* "GET /api/activities/home", "postgres activities/home" */
  char system[16];                /* of a dependency: "postgresql", "dynamodb", "http" */
  char method[8];                 /* of HTTP; "_OTHER": one that we do not know */
  const char *route;              /* of a request: its pattern, a constant; NULL: none matched */
  char path[SPAN_TEXT_SIZE];      /* of HTTP, without what a person is called */
  bool secure;                    /* of HTTP: by TLS */
  char operation[SPAN_TEXT_SIZE]; /* of DynamoDB: "Query"; of Postgres: names of statements */
  unsigned statements;            /* of a call of Postgres */
  char host[SPAN_TEXT_SIZE];      /* who is called; "": nobody knows */
  unsigned port;                  /* 0: the scheme's own, or none */
  char space[64];                 /* of Postgres: the database; of DynamoDB: the table */
  char region[32];                /* of AWS */
  char request_id[SPAN_TEXT_SIZE + 1]; /* X-Request-Id; of a call of AWS: the service's */
  int status;                          /* HTTP status; 0: none */
  unsigned tries;                      /* of a call that may be tried again; 0: of none */
  bool failed;
  char error[64]; /* what kind of failure; "": none, or no word for it */
  char code[16];  /* SQLSTATE of a statement; "": Postgres reported none */
};

/* Takes spans on one loop; embedded by whoever records them. */
struct span_sink {
  /* True when a new trace is to be sampled. */
  bool (*sample)(struct span_sink *sink);
  /* True when a request that was not sampled is to be recorded all the same, because it failed. */
  bool (*sample_failure)(struct span_sink *sink);
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

/* Writes "Root=1-…-…;Parent=…;Sampled=1", NUL-terminated. */
void trace_format_xray(const struct trace_context *context, char text[XRAY_HEADER_SIZE]);

/* True for text that may be passed on as a tracestate: printable ASCII, not too long. */
bool trace_state_is_sane(struct str state);

/* Begins the span of a call below `parent`, with a new id and the time of now. False, and nothing
 * is to be recorded, when `sink` is NULL or `parent` is NULL or not sampled. */
bool trace_begin_call(struct span *ret_span, struct span_sink *sink,
                      const struct trace_context *parent, const char *system);

/* Sets host and port from "host", "host:port" or "[address]:port"; anything else
 * sets nothing. */
void trace_set_authority(struct span *span, struct str authority);

/* Ends and records it. */
void trace_end(struct span *span, struct span_sink *sink);

/* True when there is a trace and it is sampled. */
static inline bool trace_is_sampled(const struct trace_context *context) {
  return context && context->sampled;
}
