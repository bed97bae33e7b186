/* message.h: what is asked by HTTP, and what is answered. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/base/trace.h"

struct fetch_header {
  struct str name, value;
};

struct fetch_request {
  const char *service; /* whose failures these would be, as metrics name it; constant; NULL: "other"
                        */
  const char *method;  /* "GET", "POST", …; NULL means GET */
  const char *url;     /* https:, http:, or file: where `allow_file` */
  const struct fetch_header *headers;
  size_t header_count;
  struct str body;       /* sent when not empty; copied, unless: */
  bool body_borrowed;    /* `body` stays until `done`, so no copy is made */
  uint64_t timeout_ms;   /* for the whole exchange, connecting included */
  size_t response_limit; /* bytes of body; a longer one is an error */
  bool allow_file;
  bool keep_headers; /* of the answer, for fetch_response_header() */
  bool sent_once;    /* on a new connection: when a kept one dies, curl repeats a request unasked */
  /* Passed on as traceparent, tracestate and X-Amzn-Trace-Id, which no signature covers; NULL: none
   * of them is sent. */
  const struct trace_context *trace;
};

/* Borrowed by the callback for the time of the call. */
struct fetch_response {
  int status; /* HTTP status, 200 for file:, 0 when there was no answer */
  struct str body;
  struct str headers;        /* lines of the final answer's head, where they were to be kept */
  const struct error *error; /* NULL when an answer came, whatever its status */
};

typedef void (*fetch_done)(const struct fetch_response *response, void *argument);
