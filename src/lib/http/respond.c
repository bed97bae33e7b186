/* respond.c: from the answer in a request to a response of libmicrohttpd: its headers, and the form
 * of its body. */
#include "lib/http/respond.h"

#include "lib/http/cors.h"
#include "lib/http/peer.h"
#include "lib/http/representation.h"
#include "lib/http/request_metrics.h"
#include "lib/http/round.h"

#include <dlfcn.h>
#include <string.h>

#define STRICT_TRANSPORT "max-age=31536000" /* a year; for this host alone */

typedef enum MHD_Result (*queue_function)(struct MHD_Connection *mhd, unsigned status,
                                          struct MHD_Response *response);

/* libmicrohttpd's MHD_queue_response(): the name itself is another function here, see refusal.c. */
static enum MHD_Result queue(struct MHD_Connection *mhd, unsigned status,
                             struct MHD_Response *response) {
  static _Thread_local queue_function next;
  if (!next) *(void **)&next = dlsym(RTLD_NEXT, "MHD_queue_response"); /* as POSIX has it */
  return next ? next(mhd, status, response) : MHD_NO;
}

/* What every answer says unless its handler said better. An answer is data, so that a browser that
 * is made to show it must take it for nothing else: it loads nothing, runs nothing, is in no frame
 * and tells no other site where it was. */
static const struct {
  const char *name, *value;
} FIXED_HEADERS[] = {
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

/* The request whose handler gave the answer. */
static const struct http_request *answered(const struct http_request *request) {
  return request->round ? request->round->request : request;
}

static bool is_given(const struct http_request *request, const char *name) {
  for (unsigned i = 0; i < request->answer_header_count; i++)
    if (strcmp(request->answer_headers[i].name, name) == 0) return true;
  return false;
}

void respond_add_fixed_headers(const struct http_request *request, struct MHD_Response *response) {
  for (size_t i = 0; i < sizeof(FIXED_HEADERS) / sizeof(FIXED_HEADERS[0]); i++)
    if (!request || !is_given(answered(request), FIXED_HEADERS[i].name))
      MHD_add_response_header(response, FIXED_HEADERS[i].name, FIXED_HEADERS[i].value);
  /* What has a tag may be kept, and is asked for again before it is used. All else depends on a
   * token or is new a moment later: nobody may keep it. */
  if (!request || !is_given(answered(request), "Cache-Control"))
    MHD_add_response_header(response, "Cache-Control",
                            request && request->tag ? "no-cache" : "no-store");
}

/* Vary goes with every answer of a path, or a cache would hand one client's answer to another: to
 * one of another origin, or to one that does not know gzip. */
static void add_vary(const struct http_request *request, struct MHD_Response *response) {
  bool by_origin = request->is_api;
  bool by_coding = request->file || (request->route && request->route->auth == HTTP_AUTH_SHARED);
  if (by_origin || by_coding)
    MHD_add_response_header(response, "Vary",
                            by_origin && by_coding ? "Origin, Accept-Encoding"
                            : by_origin            ? "Origin"
                                                   : "Accept-Encoding");
}

/* What describes the body; a 304 describes none but by its tag (RFC 9110, section 15.4.5). */
static void add_content_headers(const struct http_request *request, struct MHD_Response *response) {
  if (request->tag) MHD_add_response_header(response, "ETag", request->tag);
  if (request->status == HTTP_NOT_MODIFIED) return;
  if (request->content_type)
    MHD_add_response_header(response, "Content-Type", request->content_type);
  if (request->coded) MHD_add_response_header(response, "Content-Encoding", "gzip");
}

static void add_headers(const struct http_request *request, struct MHD_Response *response) {
  char id[HTTP_REQUEST_ID_LIMIT + 1] = "";
  memcpy(id, request->id.data, request->id.length);
  MHD_add_response_header(response, "X-Request-Id", id);
  add_content_headers(request, response);
  respond_add_fixed_headers(request, response);
  const struct http_request *source = answered(request);
  for (unsigned i = 0; i < source->answer_header_count; i++)
    MHD_add_response_header(response, source->answer_headers[i].name,
                            source->answer_headers[i].value);
  add_vary(request, response);
  cors_add_headers(request, response);
  /* Of no use, and forbidden, on a connection that was not TLS to the client (RFC 6797, 7.2). */
  if (peer_used_tls(request))
    MHD_add_response_header(response, "Strict-Transport-Security", STRICT_TRANSPORT);
  if (request->ends_connection || request->site->draining || request->site->crowded)
    MHD_add_response_header(response, "Connection", "close");
}

/* --- The response --- */

static struct MHD_Response *respond_constant(struct http_request *request, struct str bytes) {
  request->answer_size = request->status == HTTP_NOT_MODIFIED ? 0 : bytes.length;
  return MHD_create_response_from_buffer(bytes.length, (void *)(uintptr_t)bytes.data,
                                         MHD_RESPMEM_PERSISTENT);
}

static struct MHD_Response *respond_file(struct http_request *request) {
  const struct http_file *file = request->file;
  const struct representation forms = {file->bytes, file->gzip, file->tag};
  struct preference preference = representation_preference(request, file->tag);
  return respond_constant(request, representation_choose(request, &forms, preference));
}

static void release_round(void *round) {
  round_unref(round);
}

/* The bytes are the round's, which stays until they are sent. */
static struct MHD_Response *respond_round(struct http_request *request) {
  struct round *round = request->round;
  struct str bytes = round_choose(round, request);
  request->answer_size = request->status == HTTP_NOT_MODIFIED ? 0 : bytes.length;
  struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
      bytes.length, (void *)(uintptr_t)bytes.data, release_round, round);
  if (response) round_ref(round);
  return response;
}

static struct MHD_Response *choose_body(struct http_request *request) {
  if (request->round) return respond_round(request);
  if (request->file) return respond_file(request);
  if (!request->owned_content) return respond_constant(request, request->content);
  request->answer_size = request->content.length;
  struct MHD_Response *response = MHD_create_response_from_buffer(
      request->content.length, request->owned_content, MHD_RESPMEM_MUST_FREE);
  if (response) request->owned_content = NULL; /* the response's now */
  return response;
}

struct MHD_Response *respond_make(struct http_request *request) {
  request_enter(request, HTTP_PHASE_SENDING);
  http_connection_enter(request->connection, CONNECTION_SENDING);
  struct MHD_Response *response = choose_body(request);
  if (response) add_headers(request, response);
  request_metrics_send(request);
  return response;
}

enum MHD_Result respond(struct http_request *request) {
  struct MHD_Response *response = respond_make(request);
  if (!response) return MHD_NO; /* memory was out: hang up */
  enum MHD_Result queued = queue(request->mhd, request->status, response);
  MHD_destroy_response(response);
  return queued;
}
