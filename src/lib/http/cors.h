/* cors.h: which origins may call from a browser (Fetch Standard, "HTTP extensions").
 * Inside of the room only. */
#pragma once

#include "lib/http/request.h"

/* The request's Origin when CORS is for its path and the origin is one of the configured; empty
 * otherwise. */
struct str cors_allowed_origin(const struct http_request *request);

/* Answers a preflight, or an OPTIONS request without Origin by `methods`, a bit set. */
void cors_answer_options(struct http_request *request, unsigned methods);
