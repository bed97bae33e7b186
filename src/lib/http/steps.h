/* steps.h: the life of a request, from its headers to its log line, as an ordered list of steps.
 * Inside of the room only; http_steps_go_on() is in http.h. */
#pragma once

#include "lib/http/request.h"

/* Notes what the request line and the headers say; with `place` they are checked too. */
void steps_note_head(struct http_request *request, const struct head_place *place);

/* All headers have come; then http_steps_go_on() starts the steps. */
void steps_begin(struct http_request *request, const struct head_place *place);

/* Ends a request, with its span, its metrics and its log line, and frees it. `sent`: the client has
 * got the answer. */
void steps_end(struct http_request *request, bool sent);
