/* fetch.h: outgoing HTTP on the loop (curl's multi interface driven by libuv). The only room that
 * includes curl.h. Name resolution happens in curl's own threads, so nothing here blocks. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"
#include "lib/base/trace.h"
#include "lib/loop/loop.h"

struct fetcher;

struct fetch_header {
  struct str name, value;
};

struct fetch_request {
  const char *method; /* "GET", "POST", …; NULL means GET */
  const char *url;    /* https:, http:, or file: where `allow_file` */
  const struct fetch_header *headers;
  size_t header_count;
  struct str body;       /* sent when not empty; copied, unless: */
  bool body_borrowed;    /* `body` stays until `done`, so no copy is made */
  uint64_t timeout_ms;   /* for the whole exchange, connecting included */
  size_t response_limit; /* bytes of body; a longer one is an error */
  bool allow_file;
  bool keep_headers; /* of the answer, for fetch_response_header() */
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

/* The value of the first header `name` (in any case), trimmed; data is NULL where there is none. */
struct str fetch_response_header(const struct fetch_response *response, struct str name);

typedef void (*fetch_done)(const struct fetch_response *response, void *argument);

/* NULL when memory is out. Connections are kept and used again. */
struct fetcher *fetcher_new(struct loop *loop, struct error *error);

/* Starts an exchange; everything in `request` is copied. Calls `done` exactly once, on the loop,
 * never from inside this call. Returns false (and never calls `done`) when memory is out, too many
 * exchanges are under way, or the fetcher is closing. */
bool fetch_start(struct fetcher *fetcher, const struct fetch_request *request, fetch_done done,
                 void *argument, struct error *error);

/* Ends what is under way (each `done` gets an error), closes the handles, frees when the loop let
 * go of them. Takes NULL. */
void fetcher_close(struct fetcher *fetcher);
