/* migrate_rollback.c: migrate_rollback(): the way back. See engine.h. */
#include "lib/migrate/run/apply.h"
#include "lib/migrate/state/plan_check.h"

#include <stdlib.h>

/* The newest applied migration at or before item `index`; NULL: none. */
static const struct migrate_plan_item *applied_before(const struct migrate_plan *plan,
                                                      size_t index) {
  while (index-- > 0)
    if (plan->items[index].entry) return &plan->items[index];
  return NULL;
}

/* The SQL as it was when it was applied: what the history stored, read as a file of its own. */
static bool parse_stored(struct runner *runner, const struct history_entry *entry,
                         struct migration **ret_migration, struct error *error) {
  struct buffer text = BUFFER_EMPTY, path = BUFFER_EMPTY;
  buffer_append_text(&text, "-- migrate:up\n");
  buffer_append_text(&text, entry->down_sql);
  buffer_append_format(&path, "schema_migrations/%s_%s.sql", entry->version.text, entry->name);
  bool parsed = migration_parse(buffer_text(&path), buffer_str(&text), runner->reporter,
                                ret_migration, error);
  buffer_free(&text);
  buffer_free(&path);
  return parsed;
}

/* Where the way back of an applied migration is written. A file that did not change is preferred:
 * its lines are the ones that people know. `*ret_stored` is the caller's to free. */
static bool find_way_back(struct runner *runner, const struct migrate_plan_item *item,
                          struct migration **ret_stored, const struct migration **ret_migration,
                          struct error *error) {
  const struct history_entry *entry = item->entry;
  const struct migration *file = item->migration;
  bool changed = !file || (entry->checksum && strcmp(entry->checksum, file->checksum) != 0);
  bool known = entry->up_sql || entry->down_sql;
  *ret_migration = NULL;
  if (file && !changed) {
    *ret_migration = file;
  } else if (known && entry->down_sql) {
    if (!parse_stored(runner, entry, ret_stored, error)) return false;
    *ret_migration = *ret_stored;
  } else if (!known) {
    return error_set(
        error, ERROR_REFUSED,
        "%s_%s: the database was loaded from a schema dump, which stores no way back, and %s",
        entry->version.text, entry->name,
        file ? "the file has changed since" : "there is no such file here");
  }
  if (*ret_migration && (*ret_migration)->down.present) return true;
  return error_set(error, ERROR_REFUSED, "%s_%s has no '-- migrate:down': there is no way back",
                   entry->version.text, entry->name);
}

static bool undo(struct runner *runner, size_t index, struct error *error) {
  const struct migrate_plan_item *item = &runner->plan.items[index];
  const struct migrate_plan_item *before = applied_before(&runner->plan, index);
  _cleanup_(migration_free_p) struct migration *stored = NULL;
  const struct migration *migration;
  if (!find_way_back(runner, item, &stored, &migration, error)) return false;
  struct operation operation = {.migration = migration,
                                .section = &migration->down,
                                .down = true,
                                .progress = item->progress,
                                .newest_after = before ? &before->entry->version : NULL};
  if (!apply_operation(runner, &operation, error)) return false;
  runner->any_applied = before != NULL;
  if (before) runner->newest = before->entry->version;
  runner->done++;
  return true;
}

/* --- Which ones --- */

static bool count_newer(const struct runner *runner, const char *to, size_t *ret_count,
                        struct error *error) {
  struct version version;
  if (!version_parse(str_from(to), &version)) {
    return error_set(error, ERROR_INVALID,
                     "--to takes a version, a number of up to %d digits, not '%s'",
                     VERSION_DIGITS_MAX, to);
  }
  bool all = strspn(to, "0") == strlen(to);
  if (!all && !history_find(&runner->history, &version)) {
    return error_set(error, ERROR_INVALID, "version %s is not applied; nothing was done", to);
  }
  size_t count = 0;
  for (size_t i = 0; i < runner->history.count; i++)
    if (version_compare(&runner->history.entries[i].version, &version) > 0) count++;
  *ret_count = count;
  return true;
}

static bool refuse_begun(const struct runner *runner, struct error *error) {
  for (size_t i = 0; i < runner->plan.count; i++) {
    if (runner->plan.items[i].state != PLAN_PARTIAL) continue;
    const struct migration *migration = runner->plan.items[i].migration;
    return error_set(
        error, ERROR_REFUSED,
        "%s_%s was begun and is not finished; nothing was done; finish it with `cruddur "
        "migrate`, or drop its resume point with `cruddur repair --forget %s`",
        migration->version.text, migration->name, migration->version.text);
  }
  return true;
}

/* Everything that could stop the way back in its middle is found before its first step. */
static bool check_way_back(struct runner *runner, size_t steps, struct error *error) {
  for (size_t i = runner->plan.count; i-- > 0 && steps > 0;) {
    const struct migrate_plan_item *item = &runner->plan.items[i];
    if (!item->entry) continue;
    _cleanup_(migration_free_p) struct migration *stored = NULL;
    const struct migration *migration;
    if (!find_way_back(runner, item, &stored, &migration, error)) {
      size_t length = strlen(error->message);
      snprintf(error->message + length, sizeof(error->message) - length, "; nothing was done");
      return false;
    }
    steps--;
  }
  return true;
}

static bool undo_newest(struct runner *runner, size_t steps, struct error *error) {
  for (size_t i = runner->plan.count; i-- > 0 && steps > 0;) {
    if (!runner->plan.items[i].entry) continue;
    if (runner_interrupted(runner)) {
      return error_set(error, ERROR_CONFLICT, "interrupted after %zu of %zu; run it again",
                       runner->done, runner->wanted);
    }
    if (!undo(runner, i, error)) return false;
    steps--;
  }
  return true;
}

static bool roll_back(struct runner *runner, size_t steps, const char *to, struct error *error) {
  if (!runner_open(runner, RUNNER_WORK, error) || !refuse_begun(runner, error)) return false;
  if (to && !count_newer(runner, to, &steps, error)) return false;
  if (steps > runner->history.count) steps = runner->history.count;
  if (steps == 0) {
    report(runner->reporter, SAY_STEP, "nothing to roll back");
    return true;
  }
  runner->wanted = steps;
  if (!check_way_back(runner, steps, error) || !undo_newest(runner, steps, error)) return false;
  report(runner->reporter, SAY_STEP, "done: %zu migration%s rolled back; the database is at %s",
         runner->done, runner->done == 1 ? "" : "s",
         runner->any_applied ? runner->newest.text : "0");
  return true;
}

bool migrate_rollback(const struct migrate_options *options, size_t steps, const char *to,
                      const struct migrate_reporter *reporter, struct error *error) {
  struct runner runner = {.options = options, .reporter = reporter};
  bool done = roll_back(&runner, steps, to, error);
  runner_close(&runner);
  return done;
}
