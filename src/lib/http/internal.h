/* internal.h: what the files of this room share: the server, a connection, a request. */
#pragma once

#include "lib/http/coalesce.h"
#include "lib/http/server.h"

#include <microhttpd.h>

enum {
  HTTP_PATH_PARAMETERS = 4,
  HTTP_PATH_SEGMENTS = 12,
  HTTP_ANSWER_HEADERS = 8,
  HTTP_HEADERS_LIMIT = 16 * 1024, /* bytes of a request's headers */
  /* What libmicrohttpd may use for one connection: HTTP_HEADERS_LIMIT, 56 bytes of its own for each
   * of a hundred headers, and the head of the answer. It clears all of it after each request, so
   * that every kept connection costs this much resident memory. */
  HTTP_CONNECTION_MEMORY = 24 * 1024,
  HTTP_DISCARD_LIMIT =
      1024 * 1024, /* bytes of a refused chunked body that are read before hanging up */
  HTTP_REQUEST_ID_LIMIT = 128,
  HTTP_JSON_DEPTH = 64,
};

/* A client's connection. libmicrohttpd knows no deadline that dripping bytes do not put off, and
 * none at all for a suspended connection, so each has a deadline for the phase that it is in. */
struct http_connection {
  struct http_server *server;
  struct http_request *request; /* the one that is being read or answered; NULL between two */
  int fd;
  struct address peer;
  bool from_proxy; /* the peer is a proxy that is trusted */
  struct deadline deadline;
};

enum http_phase {
  HTTP_PHASE_HEADERS,  /* the request line has come */
  HTTP_PHASE_BODY,     /* the row is known; the body is coming, or nothing more is */
  HTTP_PHASE_WORKING,  /* the gate or the handler has it */
  HTTP_PHASE_ANSWERED, /* there is an answer, to be queued at libmicrohttpd's next call */
  HTTP_PHASE_SENDING,  /* libmicrohttpd has the answer */
};

struct http_parameter {
  const char *name; /* in the row's pattern, up to '/' or the end */
  struct str value;
};

struct http_header {
  const char *name;
  char *value;
};

/* What a client sent, or, without a connection, what the handler of a round is given. */
struct http_request {
  struct http_server *server;
  struct MHD_Connection *mhd;
  struct http_connection *connection;
  struct target *target; /* of a round's own request: what it runs for; NULL of any other */
  struct list place;     /* among the requests that wait for a round */
  enum http_phase phase;
  bool suspended;

  uint64_t started_us;
  enum http_method method;
  struct str raw_path, raw_query;
  const struct http_route *route; /* NULL: none matched */
  struct http_parameter parameters[HTTP_PATH_PARAMETERS];
  unsigned parameter_count;
  struct str id, sub;
  void *waiting;                            /* for who checks tokens */
  struct trace_context trace;               /* passed on, where `has_trace` */
  unsigned char trace_parent[SPAN_ID_SIZE]; /* the caller's span; all zero: none */
  bool has_trace, trace_decided;            /* by the caller: sampled or not */
  struct span *span;                        /* owned by the request's memory; NULL: not recorded */
  size_t discarded;
  struct buffer body;
  json_t *json;
  struct list memory; /* blocks of http_request_alloc() */

  enum http_status status;
  const char *content_type; /* constant; NULL: the answer has no body */
  struct str content;
  char *owned_content; /* the memory of `content`; NULL: it is somebody else's */
  struct http_header headers[HTTP_ANSWER_HEADERS];
  unsigned header_count;
  struct round *round;          /* a reference: the round that answered it; NULL: its own handler */
  const struct http_file *file; /* what it was answered with; NULL: something else */
  const char *tag;              /* of the answer's body; NULL: it has none */
  bool coded;                   /* the body is sent in gzip */
  size_t answer_size;
};

/* How far the end has come: see drain.c. */
enum drain_stage {
  DRAIN_NOT,
  DRAIN_LISTENING,
  DRAIN_REFUSING,
  DRAIN_LAST_CALL,
  DRAIN_WAITING,
};

struct http_server {
  struct loop *loop;
  struct MHD_Daemon *daemon;
  const struct http_options *options;
  void *context, *authenticator;
  uv_poll_t poll;
  struct loop_task run_task, drained_task;
  struct span_sink *sink;
  struct http_metrics *metrics;
  struct coalescer coalescer;
  struct gzip *gzip;   /* made when it is first needed */
  http_failure failed; /* NULL: nobody wants to know */
  void *failed_argument;
  struct deadline_queue idle, receiving, sending;
  unsigned connections;
  unsigned requests; /* begun and not yet completed */
  bool closing;
  enum drain_stage stage;
  uv_timer_t drain_timer, stage_timer;
  void (*drained)(void *argument);
  void *drained_argument;
};

/* --- request.c --- */

/* Makes a request from the request line's target, as it came. NULL when memory is out. */
struct http_request *request_new(struct http_connection *connection, struct MHD_Connection *mhd,
                                 const char *target);

/* The same without a client: for a round. */
struct http_request *request_new_detached(struct http_server *server, const char *target);
void request_free(struct http_request *request);

/* The request line's target: path and query, NUL-terminated. */
const char *request_target(const struct http_request *request);

/* Copies text into the request's memory; empty when memory is out. */
struct str request_copy(struct http_request *request, struct str text);

/* The size of all header lines. */
size_t request_headers_size(const struct http_request *request);

/* True when both Content-Length and Transfer-Encoding say where the body ends: a proxy may have
 * believed the other one (RFC 9112, section 6.3: request smuggling). */
bool request_framing_is_ambiguous(const struct http_request *request);

/* True when HTTP/1.1's Host is missing (RFC 9112, section 3.2). Ours to look at: libmicrohttpd
 * 0.9.75 would, in its strict mode, answer with two heads. */
bool request_lacks_host(const struct http_request *request, const char *version);

/* Sets the request's id from X-Request-Id or makes one. */
void request_set_id(struct http_request *request);

enum body_verdict { BODY_GOOD, BODY_TOO_LARGE, BODY_NOT_JSON, BODY_MALFORMED };

/* True when the headers announce a body. */
bool request_has_body(const struct http_request *request);

/* Judges the body by the headers, before it is read. */
enum body_verdict request_announced_body(const struct http_request *request);

/* Takes a part of the body; false when the client must be hung up on. */
bool request_take_body(struct http_request *request, const char *bytes, size_t length);

/* Judges and parses a body that has come whole, for a row that takes one. */
enum body_verdict request_parse_body(struct http_request *request);

/* --- router.c --- */

/* Finds the row for the request's method and path and decodes its parameters. Returns the methods
 * that the path has as a bit set of 1 << enum http_method; 0 when no row knows the path. */
unsigned router_match(struct http_request *request);

/* Writes "GET, HEAD, …" of a bit set. */
void router_list_methods(unsigned methods, struct buffer *buffer);

/* False for a method that the API does not know at all. */
bool router_method(const char *name, enum http_method *ret_method);
const char *router_method_name(enum http_method method);

/* --- cors.c --- */

/* The request's Origin when it is one of the configured; empty otherwise. */
struct str cors_allowed_origin(const struct http_request *request);

/* True for a path that CORS is for. */
bool cors_applies(const struct http_request *request);

/* Adds the CORS headers of a usual answer to `response`. The caller adds Vary: Origin. */
void cors_add_headers(const struct http_request *request, struct MHD_Response *response);

/* Answers a preflight, or an OPTIONS request without Origin by `methods`. */
void cors_answer_options(struct http_request *request, unsigned methods);

/* --- client.c --- */

/* Notes who is at the other end of a new connection. */
void client_look_at_peer(struct http_connection *connection, struct MHD_Connection *mhd);

/* True when a trusted proxy says that it got the request by TLS. */
bool client_came_by_tls(const struct http_request *request);

/* Counts a write of the request's address, or its user; over the limit it answers 429 and returns
 * false. What is no write passes. */
bool client_may_write(struct http_request *request);
bool client_user_may_write(struct http_request *request);

/* --- metrics.c --- */

/* Counters for the rows of `tables`; freed by free(). NULL when memory is out. */
struct http_metrics *metrics_new(const struct http_route *const *tables);
void metrics_count(const struct http_request *request, uint64_t duration_us);

/* --- span.c --- */

/* Takes the caller's trace over, or begins one where spans are recorded; begins the request's span
 * when it is sampled. */
void span_begin(struct http_request *request);

/* Ends and records it. */
void span_end(struct http_request *request);

/* --- representation.c --- */

/* A body in the forms in which it may be sent, under one tag. All of it is somebody else's. */
struct representation {
  struct str identity, gzip; /* no gzip: empty */
  const char *tag;
};

/* What a client said about the form that it wants. */
struct preference {
  bool has_it; /* it names the tag: it is told only that nothing changed */
  bool takes_gzip;
};
struct preference representation_preference(const struct http_request *request, const char *tag);

/* Decides what the answer's status and form are, and returns the body's bytes. A 304 has its
 * Content-Length from the body that is not sent (RFC 9110, section 8.6). */
struct str representation_choose(struct http_request *request,
                                 const struct representation *representation,
                                 struct preference preference);

/* --- answer.c --- */

/* Answers a request as its round was answered, by reference. */
void answer_from_round(struct http_request *request, struct round *round);

/* Queues the answer at libmicrohttpd; from inside one of its callbacks only. */
enum MHD_Result answer_queue(struct http_request *request);

/* Adds the headers that every answer has; but for those that the handler of `request`, which may be
 * NULL, gave itself. */
void answer_add_fixed_headers(const struct http_request *request, struct MHD_Response *response);

/* --- refusal.c --- */

/* libmicrohttpd's MHD_queue_response(), which the name itself no longer means here. */
enum MHD_Result refusal_queue(struct MHD_Connection *mhd, unsigned status,
                              struct MHD_Response *response);

/* --- drain.c --- */

void drain_init(struct http_server *server);
void drain_close(struct http_server *server);

/* Looks whether the last request is over; to be called when a request or a connection ended. */
void drain_check(struct http_server *server);

/* --- server.c --- */

/* Runs the daemon at the end of this turn of the loop. */
void server_ask_run(struct http_server *server);

/* Makes libmicrohttpd come back for the answer of a suspended request. */
void server_resume(struct http_request *request);
