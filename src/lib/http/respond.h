/* respond.h: how an answer goes out through libmicrohttpd. Inside of the room only. */
#pragma once

#include "lib/http/request.h"

#include <microhttpd.h>

/* Hands the answer of `request` to libmicrohttpd; from inside one of its callbacks only. */
enum MHD_Result respond(struct http_request *request);

/* Makes a response of the answer of `request`, with all of its headers; the request is being sent
 * from now on. NULL when memory is out. */
struct MHD_Response *respond_make(struct http_request *request);

/* Adds the headers that every answer has, but for those that the handler of `request`, which may be
 * NULL, gave itself. */
void respond_add_fixed_headers(const struct http_request *request, struct MHD_Response *response);
