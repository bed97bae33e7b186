/* framing.h: where a request ends, and whom it is for: what its headers say must be beyond doubt,
 * or a proxy may have read it differently (request smuggling). Inside of the room only. */
#pragma once

#include "lib/http/request.h"

/* True when the request line and the headers leave no doubt. False otherwise: `*ret_status` is the
 * answer, 400 or 501, and nothing after them may be read as a request. */
bool framing_is_sound(const struct http_request *request, enum http_status *ret_status);
