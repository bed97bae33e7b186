/* migrate_plan.h: files and history side by side: what is applied, what is to do, what is wrong.
 * Pure. */
#pragma once

#include "lib/migrate/state/history.h"

enum migrate_plan_state {
  PLAN_APPLIED,
  PLAN_CHANGED, /* applied, but the file says something else now */
  PLAN_MISSING, /* applied, but there is no file */
  PLAN_ABSENT,  /* recorded when the database was adopted, but its schema does not have it */
  PLAN_PENDING,
  PLAN_LATE,        /* pending, and older than one that was applied */
  PLAN_PARTIAL,     /* begun statement by statement, to be gone on with */
  PLAN_PARTIAL_DOWN /* its way back was begun and is to be finished first */
};

struct migrate_plan_item {
  enum migrate_plan_state state;
  const struct migration *migration;       /* NULL: there is no file */
  const struct history_entry *entry;       /* NULL: not applied */
  const struct history_progress *progress; /* NULL: not begun */
};

struct migrate_plan {
  struct migrate_plan_item
      *items; /* in the order of time; they point into the set and the history */
  size_t count;
  size_t by_state[PLAN_PARTIAL_DOWN + 1];
};

/* `set` and `history` must outlive the plan. */
bool migrate_plan_make(const struct migration_set *set, const struct history *history,
                       struct migrate_plan *ret_plan, struct error *error);
void migrate_plan_free(struct migrate_plan *plan);

const struct version *migrate_plan_item_version(const struct migrate_plan_item *item);

/* The first item in that state; NULL: none. */
const struct migrate_plan_item *migrate_plan_first(const struct migrate_plan *plan,
                                                   enum migrate_plan_state state);

/* The item is to be run by a migrate. */
bool migrate_plan_item_is_pending(const struct migrate_plan_item *item);
size_t migrate_plan_pending_count(const struct migrate_plan *plan);

/* Appends VERSION_name of each item in that state, separated by ", ". */
void migrate_plan_append_names(const struct migrate_plan *plan, enum migrate_plan_state state,
                               struct buffer *names);

/* "applied", "changed", "missing", "absent", "pending", "late", "partial", "partial-down". */
const char *migrate_plan_state_name(enum migrate_plan_state state);
