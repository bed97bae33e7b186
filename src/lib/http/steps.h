/* steps.h: the life of a request, from its headers to its log line, as an ordered list of steps.
 * Inside of the room only; http_steps_go_on() is in http.h. */
#pragma once

#include "lib/http/request.h"

/* What libmicrohttpd read from the request line; then http_steps_go_on() starts the steps. */
void steps_begin(struct http_request *request, const char *method, const char *version);

/* Ends a request, with its span, its metrics and its log line, and frees it. `sent`: the client has
 * got the answer. */
void steps_end(struct http_request *request, bool sent);
