/* plan_check.c: see plan_check.h. */
#include "lib/migrate/state/plan_check.h"

#include "lib/migrate/diff.h"

#include <assert.h>

static void append_difference(struct buffer *text, const struct migrate_plan_item *item) {
  const struct history_entry *entry = item->entry;
  const struct migration *migration = item->migration;
  struct buffer old = BUFFER_EMPTY, new = BUFFER_EMPTY;
  buffer_append_text(&old, entry->up_sql);
  if (entry->down_sql) buffer_append_text(&old, entry->down_sql);
  buffer_append_str(&new, migration_section_text(migration, &migration->up));
  if (migration->down.present)
    buffer_append_str(&new, migration_section_text(migration, &migration->down));
  buffer_append_format(text, "\n--- as applied\n+++ %s\n", migration->path);
  diff_append(text, buffer_str(&old), buffer_str(&new));
  buffer_free(&old);
  buffer_free(&new);
}

void plan_check_say_difference(const struct migrate_reporter *reporter, enum migrate_say kind,
                               const struct migrate_plan_item *item) {
  assert(item->state == PLAN_CHANGED && "without a file and a row there is no difference");
  struct buffer text = BUFFER_EMPTY;
  buffer_append_format(&text, "%s changed after it was applied (%s by %s)", item->migration->path,
                       item->entry->applied_at, item->entry->applied_by);
  if (item->entry->up_sql)
    append_difference(&text, item);
  else
    buffer_append_text(&text, "; what it said then is not stored: the database was loaded from a "
                              "schema dump");
  while (text.length > 0 && text.data[text.length - 1] == '\n')
    text.length--;
  report(reporter, kind, "%s", buffer_text(&text));
  buffer_free(&text);
}

static bool refuse_half_rolled_back(const struct migrate_plan *plan, struct error *error) {
  const struct migrate_plan_item *half = migrate_plan_first(plan, PLAN_PARTIAL_DOWN);
  if (!half) return true;
  return error_set(error, ERROR_REFUSED,
                   "the rollback of %s_%s was begun and is not finished; nothing was done; finish "
                   "it with `cruddur rollback`",
                   half->entry->version.text, half->entry->name);
}

static bool refuse_changed(const struct migrate_plan *plan, const struct migrate_reporter *reporter,
                           struct error *error) {
  const struct migrate_plan_item *first = migrate_plan_first(plan, PLAN_CHANGED);
  if (!first) return true;
  for (size_t i = 0; i < plan->count; i++)
    if (plan->items[i].state == PLAN_CHANGED)
      plan_check_say_difference(reporter, SAY_ERROR, &plan->items[i]);
  size_t count = plan->by_state[PLAN_CHANGED];
  return error_set(
      error, ERROR_REFUSED,
      "%zu applied migration%s changed (%s_%s%s); nothing was done; put the file back, "
      "or accept what it says now with `cruddur repair`",
      count, count == 1 ? "" : "s", first->migration->version.text, first->migration->name,
      count == 1 ? "" : ", …");
}

static bool refuse_late(const struct migrate_plan *plan, struct error *error) {
  if (plan->by_state[PLAN_LATE] == 0) return true;
  const struct version *newest = NULL;
  struct buffer names = BUFFER_EMPTY;
  for (size_t i = 0; i < plan->count; i++) {
    const struct migrate_plan_item *item = &plan->items[i];
    if (item->entry) newest = &item->entry->version;
    if (item->state == PLAN_LATE)
      buffer_append_format(&names, "%s%s", names.length ? ", " : "", item->migration->path);
  }
  assert(newest && "late: older than one that is applied");
  error_set(error, ERROR_REFUSED,
            "older than the newest applied migration (%s) and not applied: %s; nothing was done; "
            "give them a newer version, or apply them all the same with --allow-late",
            newest->text, buffer_text(&names));
  buffer_free(&names);
  return false;
}

bool plan_check_adopted(const struct migrate_plan *plan, struct error *error) {
  size_t count = plan->by_state[PLAN_ABSENT];
  if (count == 0) return true;
  struct buffer names = BUFFER_EMPTY;
  migrate_plan_append_names(plan, PLAN_ABSENT, &names);
  error_set(error, ERROR_REFUSED,
            "this database was adopted wrongly: %zu of the migrations that count as found in its "
            "schema %s not there; nothing was done; `cruddur repair --adoption` makes %s pending, "
            "then `cruddur migrate` applies %s: %s",
            count, count == 1 ? "is" : "are", count == 1 ? "it" : "them",
            count == 1 ? "it" : "them", buffer_text(&names));
  buffer_free(&names);
  return false;
}

static void warn_of_missing(const struct migrate_plan *plan,
                            const struct migrate_reporter *reporter) {
  for (size_t i = 0; i < plan->count; i++)
    if (plan->items[i].state == PLAN_MISSING)
      report(reporter, SAY_WARNING, "%s_%s is applied, but there is no such migration here",
             plan->items[i].entry->version.text, plan->items[i].entry->name);
}

bool plan_check_settled(const struct migrate_plan *plan, bool allow_late,
                        const struct migrate_reporter *reporter, struct error *error) {
  if (!refuse_half_rolled_back(plan, error) || !plan_check_adopted(plan, error) ||
      !refuse_changed(plan, reporter, error))
    return false;
  warn_of_missing(plan, reporter);
  return allow_late || refuse_late(plan, error);
}
