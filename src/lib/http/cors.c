/* cors.c: which origins may call from a browser, and the answers to those who ask. */
#include "lib/http/cors.h"

#include "lib/http/router.h"

#include <microhttpd.h>

#define CORS_MAX_AGE_S "7200" /* what Chromium caps it at */

struct str cors_allowed_origin(const struct http_request *request) {
  struct str none = {"", 0};
  struct str origin = request->headers.origin;
  if (origin.length == 0 || !request->is_api) return none;
  struct str rest = request->site->options->allowed_origins, allowed;
  while (str_next(&rest, ',', &allowed)) {
    if (str_equal(allowed, STR("*")) || (allowed.length > 0 && str_equal(allowed, origin)))
      return origin;
  }
  return none;
}

void cors_add_headers(const struct http_request *request, struct MHD_Response *response) {
  if (request->allowed_origin.length == 0) return;
  /* libmicrohttpd's header values end in a NUL. */
  MHD_add_response_header(response, "Access-Control-Allow-Origin", request->allowed_origin.data);
  MHD_add_response_header(response, "Access-Control-Expose-Headers",
                          "Authorization, Link, ETag, X-Request-Id, Retry-After");
}

void cors_answer_options(struct http_request *request, unsigned methods) {
  bool preflight =
      request->allowed_origin.length > 0 && request->headers.preflight_method.length > 0;
  if (preflight) {
    http_answer_header(request, "Access-Control-Allow-Methods",
                       "GET, HEAD, POST, PUT, DELETE, OPTIONS");
    http_answer_header(request, "Access-Control-Allow-Headers",
                       "Content-Type, Authorization, If-None-Match, Idempotency-Key, traceparent, "
                       "tracestate");
    http_answer_header(request, "Access-Control-Max-Age", CORS_MAX_AGE_S);
  } else {
    struct buffer allow = BUFFER_EMPTY;
    router_list_methods(methods | 1U << HTTP_OPTIONS, &allow);
    http_answer_header(request, "Allow", buffer_text(&allow));
    buffer_free(&allow);
  }
  http_answer_static(request, HTTP_NO_CONTENT, NULL, (struct str){"", 0});
}
