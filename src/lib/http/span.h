/* span.h: the span of a request: whose trace it belongs to, and what is said of it. Inside of the
 * room only. */
#pragma once

#include "lib/http/request.h"

/* Takes the caller's trace over, or begins one where spans are recorded; begins the request's span
 * when it is sampled. */
void span_begin(struct http_request *request);

/* Ends and records it. */
void span_end(struct http_request *request);
