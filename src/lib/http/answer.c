/* answer.c: answers: JSON, error codes, headers. */
#include "lib/base/json_writer.h"
#include "lib/base/log.h"
#include "lib/http/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JSON_CONTENT_TYPE "application/json"
#define RETRY_AFTER_S     "1"
#define STRICT_TRANSPORT  "max-age=31536000" /* a year; for this host alone */

static void give(struct http_request *request, enum http_status status,
                 struct MHD_Response *response, const char *content_type, size_t size) {
  assert(request->phase < HTTP_PHASE_ANSWERED && "a request is answered once");
  if (response && content_type) MHD_add_response_header(response, "Content-Type", content_type);
  request->response = response;
  request->status = status;
  request->answer_size = size;
  request->phase = HTTP_PHASE_ANSWERED;
  if (request->suspended) server_resume(request);
}

void http_answer_static(struct http_request *request, enum http_status status,
                        const char *content_type, struct str body) {
  struct MHD_Response *response = MHD_create_response_from_buffer(
      body.length, (void *)(uintptr_t)body.data, MHD_RESPMEM_PERSISTENT);
  give(request, status, response, content_type, body.length);
}

void http_answer_text(struct http_request *request, enum http_status status,
                      const char *content_type, struct buffer *body) {
  size_t length = body->length;
  char *text = buffer_take(body);
  if (!text) {
    http_answer_internal_error(request, "out of memory for the answer");
    return;
  }
  struct MHD_Response *response =
      MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
  if (!response) free(text);
  give(request, status, response, content_type, length);
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

/* What every answer says unless its handler said better. Most depend on a token, and the others are
 * new a moment later: nobody may keep them. An answer is data, so that a browser that is made to
 * show it must take it for nothing else: it loads nothing, runs nothing, is in no frame and tells
 * no other site where it was. */
static const struct {
  const char *name, *value;
} FIXED_HEADERS[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
};

static bool is_given(const struct http_request *request, const char *name) {
  for (unsigned i = 0; i < request->header_count; i++)
    if (strcmp(request->headers[i].name, name) == 0) return true;
  return false;
}

void answer_add_fixed_headers(const struct http_request *request, struct MHD_Response *response) {
  for (size_t i = 0; i < sizeof(FIXED_HEADERS) / sizeof(FIXED_HEADERS[0]); i++)
    if (!request || !is_given(request, FIXED_HEADERS[i].name))
      MHD_add_response_header(response, FIXED_HEADERS[i].name, FIXED_HEADERS[i].value);
}

static void add_common_headers(struct http_request *request) {
  struct MHD_Response *response = request->response;
  char id[HTTP_REQUEST_ID_LIMIT + 1] = "";
  memcpy(id, request->id.data, request->id.length);
  MHD_add_response_header(response, "X-Request-Id", id);
  answer_add_fixed_headers(request, response);
  for (unsigned i = 0; i < request->header_count; i++)
    MHD_add_response_header(response, request->headers[i].name, request->headers[i].value);
  cors_add_headers(request, response);
  /* Of no use, and forbidden, on a connection that was not TLS to the client (RFC 6797, 7.2). */
  if (client_came_by_tls(request))
    MHD_add_response_header(response, "Strict-Transport-Security", STRICT_TRANSPORT);
  if (http_server_draining(request->server))
    MHD_add_response_header(response, "Connection", "close");
}

enum MHD_Result answer_queue(struct http_request *request) {
  assert(request->phase == HTTP_PHASE_ANSWERED);
  request->phase = HTTP_PHASE_SENDING;
  deadline_start(&request->server->sending, &request->connection->deadline);
  if (!request->response) return MHD_NO; /* memory was out: hang up */
  add_common_headers(request);
  return refusal_queue(request->mhd, request->status, request->response);
}
