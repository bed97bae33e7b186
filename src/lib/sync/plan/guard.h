/* guard.h: what a plan must not do unasked: take a site's pages away. Asked before the first write.
 */
#pragma once

#include "lib/sync/plan/sync_plan.h"

/* How many objects may be deleted at once: --max-delete. */
struct guard_limit {
  enum { GUARD_LIMIT_USUAL, GUARD_LIMIT_COUNT, GUARD_LIMIT_PERCENT } kind;
  uint64_t number;
};

/* Reads "12" or "30%" (at most 100%). */
bool guard_parse_limit(const char *text, struct guard_limit *ret_limit);

/* True when the limit was given as a number of objects above 0: it then speaks of all objects that
 * are there, those of strangers among them. */
bool guard_limit_means_foreign(const struct guard_limit *limit);

/* Fails as ERROR_REFUSED, naming the objects and the flag, when the plan deletes more than `limit`
 * allows. Hashed assets that grew too old are not counted, neither as deleted nor as there. The
 * usual limit is half of what is counted, and always three. */
bool guard_deletions(const struct sync_plan *plan, const struct guard_limit *limit,
                     struct error *error);

/* Fails as ERROR_REFUSED when the bucket has a top index.html and the build has none, or an empty
 * one. */
bool guard_index(const struct sync_plan *plan, struct error *error);
