/* plan.c: see plan.h. */
#include "lib/migrate/plan.h"

#include <stdlib.h>
#include <string.h>

static enum plan_state state_of_applied(const struct migration *migration,
                                        const struct history_entry *entry,
                                        const struct history_progress *progress) {
  if (progress && progress->down) return PLAN_PARTIAL_DOWN;
  if (!migration) return PLAN_MISSING;
  bool changed = entry->checksum && strcmp(entry->checksum, migration->checksum) != 0;
  return changed ? PLAN_CHANGED : PLAN_APPLIED;
}

static enum plan_state state_of_pending(const struct migration *migration,
                                        const struct history_progress *progress,
                                        const struct version *newest) {
  if (progress && (progress->done > 0 || progress->running)) return PLAN_PARTIAL;
  if (progress || !newest) return PLAN_PENDING; /* a gap that adoption found is no late file */
  return version_compare(&migration->version, newest) < 0 ? PLAN_LATE : PLAN_PENDING;
}

static void add(struct plan *plan, const struct history *history, const struct migration *migration,
                const struct history_entry *entry) {
  const struct version *version = migration ? &migration->version : &entry->version;
  struct plan_item item = {
      .migration = migration, .entry = entry, .progress = history_find_progress(history, version)};
  item.state = entry ? state_of_applied(migration, entry, item.progress)
                     : state_of_pending(migration, item.progress, history_newest(history));
  plan->items[plan->count++] = item;
  plan->by_state[item.state]++;
}

bool plan_make(const struct migration_set *set, const struct history *history,
               struct plan *ret_plan, struct error *error) {
  struct plan plan = {.items = calloc(set->count + history->count + 1, sizeof(*plan.items))};
  if (!plan.items) return error_set(error, ERROR_MEMORY, "out of memory");
  size_t i = 0, j = 0;
  while (i < set->count || j < history->count) {
    const struct migration *migration = i < set->count ? set->migrations[i] : NULL;
    const struct history_entry *entry = j < history->count ? &history->entries[j] : NULL;
    int order = !migration ? 1
                : !entry   ? -1
                           : version_compare(&migration->version, &entry->version);
    add(&plan, history, order <= 0 ? migration : NULL, order >= 0 ? entry : NULL);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  *ret_plan = plan;
  return true;
}

void plan_free(struct plan *plan) {
  free(plan->items);
  *plan = (struct plan){0};
}

bool plan_is_pending(const struct plan_item *item) {
  return item->state == PLAN_PENDING || item->state == PLAN_LATE || item->state == PLAN_PARTIAL;
}

size_t plan_pending_count(const struct plan *plan) {
  return plan->by_state[PLAN_PENDING] + plan->by_state[PLAN_LATE] + plan->by_state[PLAN_PARTIAL];
}

const char *plan_state_name(enum plan_state state) {
  static const char *const NAMES[] = {"applied", "changed", "missing",     "pending",
                                      "late",    "partial", "partial-down"};
  return NAMES[state];
}
