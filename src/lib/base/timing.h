/* timing.h: where the time of one request went: the calls of dependencies that it made, and how
 * long they waited and took. Whoever makes a call adds it when it ends, on the request's loop. */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

enum { TIMING_CALLS_SIZE = 128 };

/* All zero: no calls. */
struct timing {
  struct str request_id; /* whose time it is; borrowed */
  uint64_t queued_us;    /* calls that waited for a connection, added up */
  uint64_t called_us;    /* calls under way, added up */
  size_t length;
  char calls[TIMING_CALLS_SIZE]; /* their names, with blanks between them; the last may be cut */
};

/* Adds to the time of the calls; `timing` may be NULL, for nobody who wants to know. */
void timing_add(struct timing *timing, uint64_t queued_us, uint64_t called_us);

/* Adds the name of a call. Takes NULL as well. */
void timing_name(struct timing *timing, const char *call);
