/* limits.h: how much a client, by its address, and a user may write. Inside of the room only. */
#pragma once

#include "lib/http/request.h"

/* Counts a write of the request's client, or its user. False when it is over the limit:
 * `*ret_wait_s` is then in how many seconds it may try again. A request that does not write, and
 * one without a user, always passes. */
bool limits_count_address(const struct http_request *request, unsigned *ret_wait_s);
bool limits_count_user(const struct http_request *request, unsigned *ret_wait_s);
