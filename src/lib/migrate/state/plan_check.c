/* plan_check.c: see plan_check.h. */
#include "lib/migrate/state/plan_check.h"

#include "lib/migrate/diff.h"

#include <assert.h>

void check_say_diff(const struct migrate_reporter *reporter, enum migrate_say kind,
                    const struct migrate_plan_item *item) {
  const struct history_entry *entry = item->entry;
  const struct migration *migration = item->migration;
  struct buffer text = BUFFER_EMPTY;
  buffer_append_format(&text, "%s changed after it was applied (%s by %s)", migration->path,
                       entry->applied_at, entry->applied_by);
  if (entry->up_sql) {
    struct buffer old = BUFFER_EMPTY, new = BUFFER_EMPTY;
    buffer_append_text(&old, entry->up_sql);
    if (entry->down_sql) buffer_append_text(&old, entry->down_sql);
    buffer_append_str(&new, migration_section_text(migration, &migration->up));
    if (migration->down.present)
      buffer_append_str(&new, migration_section_text(migration, &migration->down));
    buffer_append_format(&text, "\n--- as applied\n+++ %s\n", migration->path);
    diff_append(&text, buffer_str(&old), buffer_str(&new));
    buffer_free(&old);
    buffer_free(&new);
  } else {
    buffer_append_text(&text, "; what it said then is not stored: the database was loaded from a "
                              "schema dump");
  }
  while (text.length > 0 && text.data[text.length - 1] == '\n')
    text.length--;
  report(reporter, kind, "%s", buffer_text(&text));
  buffer_free(&text);
}

static bool refuse_changed(struct runner *runner, struct error *error) {
  const struct migrate_plan_item *first = NULL;
  for (size_t i = 0; i < runner->plan.count; i++) {
    const struct migrate_plan_item *item = &runner->plan.items[i];
    if (item->state != PLAN_CHANGED) continue;
    if (!first) first = item;
    check_say_diff(runner->reporter, SAY_ERROR, item);
  }
  assert(first && "called only when the plan has a changed one");
  return error_set(
      error, ERROR_REFUSED,
      "%zu applied migration%s changed (%s_%s%s); nothing was done; put the file back, or "
      "accept what it says now with `cruddur repair`",
      runner->plan.by_state[PLAN_CHANGED], runner->plan.by_state[PLAN_CHANGED] == 1 ? "" : "s",
      first->migration->version.text, first->migration->name,
      runner->plan.by_state[PLAN_CHANGED] == 1 ? "" : ", …");
}

static const struct migrate_plan_item *first_in_state(const struct runner *runner,
                                                      enum migrate_plan_state state) {
  for (size_t i = 0; i < runner->plan.count; i++)
    if (runner->plan.items[i].state == state) return &runner->plan.items[i];
  return NULL;
}

bool check_history(struct runner *runner, struct error *error) {
  const struct migrate_plan_item *half = first_in_state(runner, PLAN_PARTIAL_DOWN);
  if (half) {
    return error_set(
        error, ERROR_REFUSED,
        "the rollback of %s_%s was begun and is not finished; nothing was done; finish it "
        "with `cruddur rollback`",
        half->entry->version.text, half->entry->name);
  }
  if (runner->plan.by_state[PLAN_CHANGED] > 0) return refuse_changed(runner, error);
  for (size_t i = 0; i < runner->plan.count; i++)
    if (runner->plan.items[i].state == PLAN_MISSING)
      report(runner->reporter, SAY_WARNING, "%s_%s is applied, but there is no such migration here",
             runner->plan.items[i].entry->version.text, runner->plan.items[i].entry->name);
  return true;
}

bool check_late(struct runner *runner, struct error *error) {
  if (runner->plan.by_state[PLAN_LATE] == 0 || runner->options->allow_late) return true;
  struct buffer names = BUFFER_EMPTY;
  for (size_t i = 0; i < runner->plan.count; i++)
    if (runner->plan.items[i].state == PLAN_LATE)
      buffer_append_format(&names, "%s%s", names.length ? ", " : "",
                           runner->plan.items[i].migration->path);
  error_set(error, ERROR_REFUSED,
            "older than the newest applied migration (%s) and not applied: %s; nothing was done; "
            "give them a newer version, or apply them all the same with --allow-late",
            runner->newest.text, buffer_text(&names));
  buffer_free(&names);
  return false;
}
