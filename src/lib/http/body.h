/* body.h: the body of a request: what the headers announce, what comes, and what it says. Inside of
 * the room only. */
#pragma once

#include "lib/http/request.h"

enum {
  BODY_JSON_DEPTH = 64,
};

/* True when the headers announce a body. */
bool body_is_announced(const struct http_request *request);

/* True when the headers say how long the body is, and it is not longer than the row takes. */
bool body_is_announced_short(const struct http_request *request);

/* True when what was announced, or what has come, is more than the row takes. */
bool body_is_too_large(const struct http_request *request);

/* Takes a part of the body; false when it is too much, or memory is out. */
bool body_take(struct http_request *request, const char *bytes, size_t length);

/* True when the headers allow for JSON in UTF-8: a type that says so, and no coding. */
bool body_is_json(const struct http_request *request);

/* Parses a body that has come whole, for a row that takes one; false when it is no JSON object. */
bool body_parse(struct http_request *request);
