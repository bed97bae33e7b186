/* cors.h: which origins may call from a browser (Fetch Standard, "HTTP extensions").
 * Inside of the room only. */
#pragma once

#include "lib/http/request.h"

struct MHD_Response;

/* The request's Origin when CORS is for its path and the origin is one of the configured; empty
 * otherwise. */
struct str cors_allowed_origin(const struct http_request *request);

/* Tells an allowed origin that it is, and which headers it may read. */
void cors_add_headers(const struct http_request *request, struct MHD_Response *response);

/* Answers a preflight, or an OPTIONS request without Origin by `methods`, a bit set. */
void cors_answer_options(struct http_request *request, unsigned methods);
