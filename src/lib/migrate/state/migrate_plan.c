/* migrate_plan.c: merges files and history, both in the order of time, into one list. The items
 * point into the files and the history, which outlive the plan. */
#include "lib/migrate/state/migrate_plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static enum migrate_plan_state state_of_applied(const struct migration *migration,
                                                const struct history_entry *entry,
                                                const struct history_progress *progress) {
  if (progress && progress->down) return PLAN_PARTIAL_DOWN;
  if (entry->absent) return PLAN_ABSENT;
  if (!migration) return PLAN_MISSING;
  bool changed = entry->checksum && strcmp(entry->checksum, migration->checksum) != 0;
  return changed ? PLAN_CHANGED : PLAN_APPLIED;
}

static enum migrate_plan_state state_of_pending(const struct migration *migration,
                                                const struct history_progress *progress,
                                                const struct version *newest) {
  if (progress && (progress->done > 0 || progress->running)) return PLAN_PARTIAL;
  if (progress || !newest) return PLAN_PENDING; /* a gap that adoption found is no late file */
  return version_compare(&migration->version, newest) < 0 ? PLAN_LATE : PLAN_PENDING;
}

static void add(struct migrate_plan *plan, const struct history *history,
                const struct migration *migration, const struct history_entry *entry) {
  const struct version *version = migration ? &migration->version : &entry->version;
  struct migrate_plan_item item = {
      .migration = migration, .entry = entry, .progress = history_find_progress(history, version)};
  item.state = entry ? state_of_applied(migration, entry, item.progress)
                     : state_of_pending(migration, item.progress, history_newest(history));
  plan->items[plan->count++] = item;
  plan->by_state[item.state]++;
}

/* The items are in the order of time, none is counted twice, and what is to be applied has a file
 * with a section to run, and a version of its own. */
static void assert_sound(const struct migrate_plan *plan) {
  size_t counted = 0;
  for (size_t i = 0; i < plan->count; i++) {
    const struct migrate_plan_item *item = &plan->items[i];
    bool pending = migrate_plan_item_is_pending(item);
    assert(pending == !item->entry);
    assert(!pending || (item->migration && item->migration->up.present));
    if (i == 0) continue;
    int order =
        version_compare(migrate_plan_item_version(item - 1), migrate_plan_item_version(item));
    assert(order < 0 || (order == 0 && !pending && item[-1].entry));
  }
  for (size_t state = 0; state < sizeof(plan->by_state) / sizeof(plan->by_state[0]); state++)
    counted += plan->by_state[state];
  assert(counted == plan->count);
}

bool migrate_plan_make(const struct migration_set *set, const struct history *history,
                       struct migrate_plan *ret_plan, struct error *error) {
  struct migrate_plan plan = {.items =
                                  calloc(set->count + history->count + 1, sizeof(*plan.items))};
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
  assert_sound(&plan);
  *ret_plan = plan;
  return true;
}

void migrate_plan_free(struct migrate_plan *plan) {
  free(plan->items);
  *plan = (struct migrate_plan){0};
}

const struct version *migrate_plan_item_version(const struct migrate_plan_item *item) {
  assert(item->migration || item->entry);
  return item->migration ? &item->migration->version : &item->entry->version;
}

const struct migrate_plan_item *migrate_plan_first(const struct migrate_plan *plan,
                                                   enum migrate_plan_state state) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->items[i].state == state) return &plan->items[i];
  return NULL;
}

bool migrate_plan_item_is_pending(const struct migrate_plan_item *item) {
  return item->state == PLAN_PENDING || item->state == PLAN_LATE || item->state == PLAN_PARTIAL;
}

size_t migrate_plan_pending_count(const struct migrate_plan *plan) {
  return plan->by_state[PLAN_PENDING] + plan->by_state[PLAN_LATE] + plan->by_state[PLAN_PARTIAL];
}

void migrate_plan_append_names(const struct migrate_plan *plan, enum migrate_plan_state state,
                               struct buffer *names) {
  for (size_t i = 0; i < plan->count; i++) {
    const struct migrate_plan_item *item = &plan->items[i];
    if (item->state == state)
      buffer_append_format(names, "%s%s_%s", names->length ? ", " : "",
                           migrate_plan_item_version(item)->text,
                           item->migration ? item->migration->name : item->entry->name);
  }
}

const char *migrate_plan_state_name(enum migrate_plan_state state) {
  static const char *const NAMES[] = {"applied", "changed", "missing", "absent",
                                      "pending", "late",    "partial", "partial-down"};
  _Static_assert(sizeof(NAMES) / sizeof(NAMES[0]) == PLAN_PARTIAL_DOWN + 1, "a name for each");
  assert(state <= PLAN_PARTIAL_DOWN);
  return NAMES[state];
}
