/* refusal.h: answers that do not go through libmicrohttpd, because it would send its own, or none.
 * Inside of the room only. */
#pragma once

#include "lib/http/request.h"

/* Sends the answer of `request` at once, whatever libmicrohttpd is about to do. The connection must
 * be closed then: libmicrohttpd is told MHD_NO. */
void refusal_send(struct http_request *request);

/* Lets libmicrohttpd refuse something and looks what is sent. False when that is not ours: the
 * executable was linked in a way that leaves libmicrohttpd its own answers. */
bool refusal_works(struct error *error);
