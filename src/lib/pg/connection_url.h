/* connection_url.h: CONNECTION_URL: a Postgres URL or libpq's keywords, checked without connecting.
 */
#pragma once

#include "lib/base/error.h"

/* True when libpq can read `url` and nothing in it looks like a slip. The error is ERROR_INVALID,
 * names CONNECTION_URL, says why and what to write instead, and never holds a piece of the
 * password. https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING */
bool connection_url_check(const char *url, struct error *error);
