/* answer.c: answers: JSON, error codes, headers. */
#include "lib/base/json_writer.h"
#include "lib/base/log.h"
#include "lib/http/internal.h"
#include "lib/http/round.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JSON_CONTENT_TYPE "application/json"
#define RETRY_AFTER_S     "1"
#define STRICT_TRANSPORT  "max-age=31536000" /* a year; for this host alone */

/* The answer is there: who waits for it is told. */
static void finish(struct http_request *request, enum http_status status) {
  assert(request->phase < HTTP_PHASE_ANSWERED && "a request is answered once");
  request->status = status;
  request->phase = HTTP_PHASE_ANSWERED;
  if (request->target)
    coalesce_ended(request);
  else if (request->suspended)
    server_resume(request);
}

static void give(struct http_request *request, enum http_status status, const char *content_type,
                 struct str content) {
  request->content_type = content_type;
  request->content = content;
  finish(request, status);
}

void http_answer_static(struct http_request *request, enum http_status status,
                        const char *content_type, struct str body) {
  give(request, status, content_type, body);
}

void http_answer_text(struct http_request *request, enum http_status status,
                      const char *content_type, struct buffer *body) {
  size_t length = body->length;
  char *text = buffer_take(body);
  if (!text) {
    http_answer_internal_error(request, "out of memory for the answer");
    return;
  }
  request->owned_content = text;
  give(request, status, content_type, (struct str){text, length});
}

void http_answer_file(struct http_request *request, const struct http_file *file) {
  request->file = file;
  give(request, HTTP_OK, file->content_type, file->bytes);
}

void answer_from_round(struct http_request *request, struct round *round) {
  request->round = round_ref(round);
  request->content_type = round->request->content_type;
  finish(request, round->request->status);
}

void http_answer_json(struct http_request *request, enum http_status status, struct buffer *body) {
  http_answer_text(request, status, JSON_CONTENT_TYPE, body);
}

void http_answer_codes(struct http_request *request, const char *const *codes) {
  struct buffer body = BUFFER_EMPTY;
  for (size_t i = 0; codes[i]; i++) {
    buffer_append_char(&body, i == 0 ? '[' : ',');
    json_append_string(&body, str_from(codes[i]));
  }
  buffer_append_char(&body, ']');
  http_answer_json(request, HTTP_UNPROCESSABLE, &body);
}

void http_answer_error(struct http_request *request, enum http_status status, const char *code) {
  struct buffer body = BUFFER_EMPTY;
  buffer_append_char(&body, '[');
  json_append_string(&body, str_from(code));
  buffer_append_char(&body, ']');
  http_answer_json(request, status, &body);
}

void http_answer_unavailable(struct http_request *request) {
  http_answer_header(request, "Retry-After", RETRY_AFTER_S);
  http_answer_error(request, HTTP_UNAVAILABLE, "generic_503");
}

void http_answer_internal_error(struct http_request *request, const char *reason) {
  log_event(LOG_LEVEL_ERROR, "internal error", log_str("request_id", request->id),
            log_text("route", request->route ? request->route->pattern : "-"),
            log_text("reason", reason), LOG_END);
  http_answer_static(request, HTTP_INTERNAL_ERROR, JSON_CONTENT_TYPE, STR("[\"generic_500\"]"));
}

void http_answer_header(struct http_request *request, const char *name, const char *value) {
  assert(request->header_count < HTTP_ANSWER_HEADERS);
  size_t size = strlen(value) + 1;
  char *copy = http_request_alloc(request, size);
  if (!copy) return; /* the answer goes out without it */
  memcpy(copy, value, size);
  request->headers[request->header_count++] = (struct http_header){name, copy};
}

/* --- Headers --- */

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
  for (unsigned i = 0; i < request->header_count; i++)
    if (strcmp(request->headers[i].name, name) == 0) return true;
  return false;
}

void answer_add_fixed_headers(const struct http_request *request, struct MHD_Response *response) {
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
  bool by_origin = cors_applies(request);
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
  answer_add_fixed_headers(request, response);
  const struct http_request *source = answered(request);
  for (unsigned i = 0; i < source->header_count; i++)
    MHD_add_response_header(response, source->headers[i].name, source->headers[i].value);
  add_vary(request, response);
  cors_add_headers(request, response);
  /* Of no use, and forbidden, on a connection that was not TLS to the client (RFC 6797, 7.2). */
  if (client_came_by_tls(request))
    MHD_add_response_header(response, "Strict-Transport-Security", STRICT_TRANSPORT);
  if (http_server_draining(request->server))
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

static struct MHD_Response *respond(struct http_request *request) {
  if (request->round) return round_respond(request->round, request);
  if (request->file) return respond_file(request);
  if (!request->owned_content) return respond_constant(request, request->content);
  request->answer_size = request->content.length;
  struct MHD_Response *response = MHD_create_response_from_buffer(
      request->content.length, request->owned_content, MHD_RESPMEM_MUST_FREE);
  if (response) request->owned_content = NULL; /* the response's now */
  return response;
}

enum MHD_Result answer_queue(struct http_request *request) {
  assert(request->phase == HTTP_PHASE_ANSWERED);
  request->phase = HTTP_PHASE_SENDING;
  deadline_start(&request->server->sending, &request->connection->deadline);
  struct MHD_Response *response = respond(request);
  if (!response) return MHD_NO; /* memory was out: hang up */
  add_headers(request, response);
  enum MHD_Result queued = refusal_queue(request->mhd, request->status, response);
  MHD_destroy_response(response);
  return queued;
}
