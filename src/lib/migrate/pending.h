/* pending.h: is the database behind? For the server, before it serves. Blocking: call it in a
 * worker thread. */
#pragma once

#include "lib/base/error.h"
#include "lib/migrate/report.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct migrate_pending {
  size_t count;
  char *names; /* VERSION_name, separated by ", "; owned */
};

/* Compares the embedded migrations with the database; changes nothing. False with UNAVAILABLE when
 * the database cannot be reached now (asking again may help), with another kind when it refuses or
 * makes no sense. A database that is ahead has nothing pending. Free `ret_pending` when it is true.
 */
bool migrate_check(const char *connection_url, struct migrate_pending *ret_pending,
                   struct error *error);
void migrate_pending_free(struct migrate_pending *pending);

/* Applies what is pending, as `cruddur migrate` does: safe with many instances at once, of which
 * one works and the others wait. `interrupt` (may be NULL) stops it, see engine.h. */
bool migrate_apply_pending(const char *connection_url, const struct migrate_reporter *reporter,
                           const atomic_bool *interrupt, struct error *error);
