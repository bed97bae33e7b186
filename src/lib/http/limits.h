/* limits.h: how much a client, by its address, may read and write, and a user may write. Inside of
 * the room only. */
#pragma once

#include "lib/http/request.h"

/* Counts a request for its client's address, a write for its user. False when it is over the limit:
 * `*ret_wait_s` is then in how many seconds it may try again. A request whose row was found. */
bool limits_count_address(const struct http_request *request, unsigned *ret_wait_s);
bool limits_count_user(const struct http_request *request, unsigned *ret_wait_s);
