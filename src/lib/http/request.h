/* request.h: a request: its memory, what came in its line and headers, its answer, and the phase
 * that it is in. Inside of the room only. */
#pragma once

#include "lib/base/timing.h"
#include "lib/http/headers.h"
#include "lib/http/site.h"

struct coalesce_target;
struct http_connection;
struct round;

enum {
  HTTP_PATH_PARAMETERS = 4,
  HTTP_ANSWER_HEADERS = 8,
  HTTP_REQUEST_ID_LIMIT = 128,
};

enum http_phase {
  HTTP_PHASE_HEADERS,   /* the request line has come */
  HTTP_PHASE_RECEIVING, /* the headers have come; the body is coming, or nothing more is */
  HTTP_PHASE_WORKING,   /* all of it is here, and an answer is being made */
  HTTP_PHASE_ANSWERED,  /* there is an answer */
  HTTP_PHASE_SENDING,   /* libmicrohttpd has the answer */
};

struct http_parameter {
  const char *name; /* in the row's pattern, up to '/' or the end */
  struct str value;
};

struct http_answer_header {
  const char *name;
  char *value;
};

/* What a client sent, or, without a connection, what the handler of a round is given. */
struct http_request {
  struct http_site *site;
  struct MHD_Connection *mhd;         /* NULL of a round's own request */
  struct http_connection *connection; /* NULL of a round's own request */
  struct coalesce_target *target;     /* of a round's own request: what it runs for */
  struct list place;                  /* among the requests that wait for a round */
  enum http_phase phase;
  unsigned step;                                  /* of steps.c: the next one */
  void (*answered)(struct http_request *request); /* called once, when there is an answer */
  void *waiting; /* the authenticator's, while the request waits for keys */

  uint64_t started_us;
  enum http_method method;
  bool is_http_1_0;
  size_t target_length; /* as it came */
  bool target_is_plain; /* it has no blank and no control character */
  bool is_for_server;   /* its target is "*" */
  struct str raw_path, raw_query;
  struct http_headers headers;
  struct str allowed_origin;      /* the Origin, where it is one of the configured; or empty */
  unsigned methods;               /* of its path: a bit set, 0: no row knows it */
  bool is_api;                    /* its path begins with /api/, however that is written */
  const struct http_route *route; /* NULL: none matched */
  size_t route_place;             /* of the router's rows */
  struct http_parameter parameters[HTTP_PATH_PARAMETERS];
  unsigned parameter_count;
  struct str id, sub;
  struct timing timing;             /* of the calls that it waited for */
  uint64_t working_us, answered_us; /* when it had come, and when it had an answer; 0: not yet */
  struct trace_context trace;       /* passed on, where `has_trace` */
  unsigned char trace_parent[SPAN_ID_SIZE]; /* the caller's span; all zero: none */
  bool has_trace, trace_decided;            /* by the caller: sampled or not */
  struct span *span;                        /* owned by the request's memory; NULL: not recorded */
  struct buffer body;
  bool is_over; /* more of the body came than its row takes */
  json_t *json;
  struct list memory; /* blocks of http_request_alloc() */

  enum http_status status;
  bool ends_connection;     /* by its answer: what follows on it cannot be told apart */
  bool is_refused;          /* its answer did not go through libmicrohttpd: see refusal.c */
  const char *content_type; /* constant; NULL: the answer has no body */
  struct str content;
  char *owned_content; /* the memory of `content`; NULL: it is somebody else's */
  struct http_answer_header answer_headers[HTTP_ANSWER_HEADERS];
  unsigned answer_header_count;
  struct round *round;          /* a reference: the round that answered it; NULL: its own handler */
  const struct http_file *file; /* what it was answered with; NULL: something else */
  const char *tag;              /* of the answer's body; NULL: it has none */
  bool coded;                   /* the body is sent in gzip */
  size_t answer_size;
};

/* Makes a request from the request line's target, as it came. NULL when memory is out. */
struct http_request *request_new(struct http_site *site, const char *target);
void request_free(struct http_request *request);

/* Goes into the next phase; asserts that it follows the present one. */
void request_enter(struct http_request *request, enum http_phase phase);

/* The request line's target without scheme and host: path and query, NUL-terminated. */
const char *request_target(const struct http_request *request);

/* Copies text into the request's memory; empty when memory is out. */
struct str request_copy(struct http_request *request, struct str text);

/* Sets the request's id from X-Request-Id or makes one. */
void request_set_id(struct http_request *request);
