/* answer.c: what handlers answer with: JSON, error codes, headers. An answer is kept in its
 * request; whoever made the request is told that it is there, and sends it. */
#include "lib/http/answer.h"

#include "lib/base/json_writer.h"
#include "lib/base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JSON_CONTENT_TYPE "application/json"
#define RETRY_AFTER_S     "1"

void answer_finish(struct http_request *request, enum http_status status) {
  assert(request->phase < HTTP_PHASE_ANSWERED && "a request is answered once");
  request->status = status;
  request_enter(request, HTTP_PHASE_ANSWERED);
  if (request->answered) request->answered(request);
}

static void give(struct http_request *request, enum http_status status, const char *content_type,
                 struct str content) {
  request->content_type = content_type;
  request->content = content;
  answer_finish(request, status);
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

void http_answer_json(struct http_request *request, enum http_status status, struct buffer *body) {
  http_answer_text(request, status, JSON_CONTENT_TYPE, body);
}

void http_answer_codes(struct http_request *request, const char *const *codes) {
  struct buffer body = BUFFER_EMPTY;
  for (size_t i = 0; codes[i]; i++) {
    buffer_append_char(&body, i == 0 ? '[' : ',');
    json_writer_string(&body, str_from(codes[i]));
  }
  buffer_append_char(&body, ']');
  http_answer_json(request, HTTP_UNPROCESSABLE, &body);
}

void http_answer_error(struct http_request *request, enum http_status status, const char *code) {
  struct buffer body = BUFFER_EMPTY;
  buffer_append_char(&body, '[');
  json_writer_string(&body, str_from(code));
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
  assert(request->answer_header_count < HTTP_ANSWER_HEADERS);
  assert(request->phase < HTTP_PHASE_ANSWERED && "headers come before the answer");
  size_t size = strlen(value) + 1;
  char *copy = http_request_alloc(request, size);
  if (!copy) return; /* the answer goes out without it */
  memcpy(copy, value, size);
  request->answer_headers[request->answer_header_count++] = (struct http_answer_header){name, copy};
}
