/* http.h: what a route sees of HTTP: its table, the request, the answer.
 *
 * The life of a request: the router picks a row of a static table; limits and CORS are checked from
 * the headers; the body is read; the token is checked where the row wants one; the handler
 * runs, once for all who ask for the same where the row is shared (coalesce.h). A handler answers
 * before it returns, or submits work whose continuation answers later; it answers exactly once.
 * Everything runs on the loop that accepted the connection; nothing may block. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/str.h"
#include "lib/base/trace.h"
#include "lib/base/uuid.h"
#include "lib/http/etag.h"
#include "lib/loop/loop.h"

#include <jansson.h>

enum http_status {
  HTTP_OK = 200,
  HTTP_NO_CONTENT = 204,
  HTTP_NOT_MODIFIED = 304,
  HTTP_BAD_REQUEST = 400,
  HTTP_UNAUTHORIZED = 401,
  HTTP_NOT_FOUND = 404,
  HTTP_METHOD_NOT_ALLOWED = 405,
  HTTP_PAYLOAD_TOO_LARGE = 413,
  HTTP_UNSUPPORTED_MEDIA_TYPE = 415,
  HTTP_UNPROCESSABLE = 422,
  HTTP_TOO_MANY_REQUESTS = 429,
  HTTP_HEADERS_TOO_LARGE = 431,
  HTTP_INTERNAL_ERROR = 500,
  HTTP_NOT_IMPLEMENTED = 501,
  HTTP_UNAVAILABLE = 503,
};

enum http_method {
  HTTP_GET,
  HTTP_HEAD,
  HTTP_POST,
  HTTP_PUT,
  HTTP_DELETE,
  HTTP_OPTIONS,
  HTTP_METHODS
};

enum http_auth {
  HTTP_AUTH_NONE,     /* the token is not looked at */
  HTTP_AUTH_SHARED,   /* nor here, and the answer depends on the target alone (path and query):
                         requests that are there at a time share one run of the handler */
  HTTP_AUTH_REQUIRED, /* without a good token: 401 */
};

struct http_request;

typedef void (*http_handler)(struct http_request *request);

/* A row of a route table. A row for GET answers HEAD too. */
struct http_route {
  enum http_method method;
  const char *pattern; /* "/api/users/@:handle/short": a ':name' takes the rest of its segment */
  enum http_auth auth;
  size_t body_limit; /* bytes; 0: the row takes no body, and what comes is read and ignored */
  http_handler handler;
  unsigned cost; /* what a read counts for its address's limit; 0: it asks no Postgres, or writes */
};

enum { HTTP_HEAVY_READ = 10 /* the cost of what asks much */ };

/* Ends a route table. */
#define HTTP_ROUTES_END                                                                            \
  { .pattern = NULL }

enum { HTTP_BODY_LIMIT = 64 * 1024 };

/* --- The request. Slices live as long as the request: until its answer was given. --- */

/* What the process gave http_server_new() for the request's loop: the dependencies of the handlers.
 */
void *http_request_context(const struct http_request *request);

/* X-Request-Id: the client's where it is sane, ours otherwise. */
struct str http_request_id(const struct http_request *request);

/* The path parameter `name` of the row's pattern, percent-decoded; asserts that the pattern has it.
 */
struct str http_request_param(const struct http_request *request, const char *name);

enum {
  HTTP_QUERY_PARAMETERS = 100, /* of one query; further ones are not looked at */
  HTTP_QUERY_NAME_LIMIT = 16,  /* bytes of a name that a handler asks for */
};

/* The query without '?', as it came. */
struct str http_request_raw_query(const struct http_request *request);

/* The first query parameter `name`, percent-decoded; false when there is none. One that is
 * malformed is empty. */
bool http_request_query(struct http_request *request, const char *name, struct str *ret_value);

/* The path as it came. */
struct str http_request_path(const struct http_request *request);

/* A request header by name, in any case; empty when absent. Not for handlers of shared rows. */
struct str http_request_header(const struct http_request *request, const char *name);

/* How many headers have this name. */
unsigned http_request_header_count(const struct http_request *request, const char *name);

/* The body as it came, borrowed. */
struct str http_request_body(const struct http_request *request);

/* The body as a JSON object, borrowed: parsed and checked before a handler whose row has a body
 * limit is called. */
const json_t *http_request_json(const struct http_request *request);

/* The user's `sub` from a verified token; empty when there is none. */
struct str http_request_sub(const struct http_request *request);

/* The parent of whatever is done for the request: its span, or the caller's where ours is not
 * recorded; NULL when it is of no trace. */
const struct trace_context *http_request_trace(const struct http_request *request);

/* Where whoever is waited for notes how long; lives as long as the request. */
struct timing *http_request_timing(struct http_request *request);

/* Memory that is freed with the request, aligned for any object; NULL when memory is out. */
void *http_request_alloc(struct http_request *request, size_t size);

/* --- The answer: exactly one of these, once. --- */

/* Answers with JSON text; takes what `body` holds and leaves it empty. A body that failed to be
 * written answers 500 instead. */
void http_answer_json(struct http_request *request, enum http_status status, struct buffer *body);

/* The same for text of another content type, which is constant. */
void http_answer_text(struct http_request *request, enum http_status status,
                      const char *content_type, struct buffer *body);

/* Answers with constant text of a content type; neither is copied. */
void http_answer_static(struct http_request *request, enum http_status status,
                        const char *content_type, struct str body);

/* A body that stays as it is while the process runs, in the forms that clients take. */
struct http_file {
  const char *content_type;
  struct str bytes;
  struct str gzip; /* the same in gzip; empty: it would not be smaller */
  char tag[ETAG_SIZE];
};

/* Answers 200 with a file, which is not copied, or 304 to who has it already. */
void http_answer_file(struct http_request *request, const struct http_file *file);

/* Answers ["code"]. */
void http_answer_error(struct http_request *request, enum http_status status, const char *code);

/* Answers 422 with every code of the NULL-terminated list. */
void http_answer_codes(struct http_request *request, const char *const *codes);

/* Answers 503 ["generic_503"] with Retry-After. */
void http_answer_unavailable(struct http_request *request);

/* Answers 500 ["generic_500"]; `reason` goes to the log under the request's id, and nowhere else.
 */
void http_answer_internal_error(struct http_request *request, const char *reason);

/* Adds a header to the answer that will follow. `value` is copied. */
void http_answer_header(struct http_request *request, const char *name, const char *value);

/* --- For who checks tokens (lib/auth): --- */

enum http_token {
  HTTP_TOKEN_GOOD, /* `*ret_sub` says whose it is */
  HTTP_TOKEN_BAD,  /* it is bad, or there is none: 401 */
  HTTP_TOKEN_WAIT, /* what is needed to tell is on its way */
};

/* Checks the token of a request whose row wants one. `authorization` is the value of its header,
 * `context` the one of http_server_new(). `*ret_sub` must live as long as the request. One that
 * waits is called again by http_steps_go_on(), which the callee calls on the same loop;
 * `*waiting` is the callee's own between the calls, NULL in the first. With `waiting` NULL it only
 * says what it can say at once: HTTP_TOKEN_WAIT promises no call. */
typedef enum http_token (*http_check_token)(struct http_request *request, struct str authorization,
                                            void *context, void **waiting, struct str *ret_sub);

/* Lets a request go on that has waited. */
void http_steps_go_on(struct http_request *request);
