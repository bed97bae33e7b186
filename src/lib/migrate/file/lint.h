/* lint.h: finds in a migration what may hurt a service that goes on serving.
 *
 * Rules: drop (DROP or TRUNCATE: rows or structure are gone), type-rewrite (a column's new type:
 * the table is rewritten under an exclusive lock), rewrite (other statements that do so), not-null
 * (NOT NULL without a default on a table that has rows), index-not-concurrent (an index built under
 * a lock that holds writes), constraint-check (a constraint checked or indexed under a lock),
 * missing-down.
 * `-- lint:allow RULE` on one of the statement's lines or the line above lets the rule pass there;
 * anywhere in the file for missing-down. A table that the same set of migrations creates before is
 * empty or new: only drop and missing-down apply to it. */
#pragma once

#include "lib/migrate/file/migration.h"

struct lint_finding {
  const struct migration *migration;
  size_t offset; /* of the place, in the file */
  const char *rule, *message, *hint;
  struct str table; /* as written; empty when it is about none, or about one that is not named */
  const char *lock; /* what is held meanwhile, and for how long; NULL: nothing to speak of */
};

/* Calls `found` for each finding in one section of `migration`. `is_new` (may be NULL) tells
 * whether a table, named as written, is known to be small or new; it gets `argument`, as `found`
 * does. */
void lint_migration(const struct migration *migration,
                    void (*found)(const struct lint_finding *finding, void *argument),
                    bool (*is_new)(struct str table, void *argument), void *argument);
