/* version.h: a migration's version: digits that mean a time, seconds since 1970 and a fraction.
 *
 * The old generator wrote Python's time.time() without its dot, so 15 to 17 digits stand in file
 * names and databases, and 168865974536313 is later than 1682939383240204. The first ten digits are
 * seconds, what follows is the decimal fraction; fewer than ten digits are seconds alone. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum {
  VERSION_DIGITS_MAX = 20, /* as written */
  VERSION_DIGITS_NEW = 17, /* as `migration new` writes it: ten of seconds, seven of fraction */
};

struct version {
  char text[VERSION_DIGITS_MAX + 1]; /* as written */
  char key[VERSION_DIGITS_MAX + 1];  /* ten digits of seconds, ten of fraction: compares as text */
};

/* Reads 1 to 20 digits and nothing else. */
bool version_parse(struct str text, struct version *ret_version);

/* Reads what a database of an old runner says of its last run: as above, or with the point between
 * seconds and fraction, as Python prints a time. False for "0", which says that nothing has run,
 * and for what is no time at all. */
bool version_parse_mark(struct str text, struct version *ret_mark);

/* Negative, zero or positive as `a` is before, at or after `b` in time. */
int version_compare(const struct version *a, const struct version *b);

/* The version of a new migration at `unix_us` (microseconds since 1970), or just after `newest`
 * (may be NULL) when that is not later. CONFLICT when no 17 digits are left after `newest`. */
bool version_next(const struct version *newest, int64_t unix_us, struct version *ret_version,
                  struct error *error);
