/* answer.h: how an answer ends; the answers themselves are in http.h. Inside of the room only. */
#pragma once

#include "lib/http/request.h"

/* The answer stands in the request: gives it its status and tells whoever made the request. */
void answer_finish(struct http_request *request, enum http_status status);
