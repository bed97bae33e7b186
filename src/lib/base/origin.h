/* origin.h: an origin (RFC 6454) as browsers write it in the Origin header. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

enum { ORIGIN_SIZE = 300 }; /* a scheme, a host of 253 characters, a port, and NUL */

/* Writes an origin as browsers do: scheme and host in lower case, no port that is the scheme's own,
 * no slash behind it. Fails on what no browser sends (a path, "*" in the host, letters beyond
 * ASCII); the error is a sentence that follows the setting's text, with the right spelling where
 * there is one. */
bool origin_normalise(struct str text, char ret_origin[ORIGIN_SIZE], struct error *error);
