/* migrate_rollback.c: undoes the newest migrations. See engine.h. The ways back are all found, and
 * their scripts made, before the first one runs. One that is read from the history is a migration
 * of its own, which lives as long as the scripts that point to it. */
#include "lib/migrate/run/execute.h"
#include "lib/migrate/run/runner.h"
#include "lib/migrate/state/plan_check.h"

#include <assert.h>
#include <stdlib.h>

struct ways_back {
  struct script_list list;
  struct migration **stored; /* owned: those that were read from the history */
  size_t stored_count;
};

static void free_ways_back(struct ways_back *ways) {
  script_list_free(&ways->list);
  for (size_t i = 0; i < ways->stored_count; i++)
    migration_free(ways->stored[i]);
  free(ways->stored);
}

/* The newest applied migration at or before item `index`; NULL: none. */
static const struct version *applied_before(const struct migrate_plan *plan, size_t index) {
  while (index-- > 0)
    if (plan->items[index].entry) return &plan->items[index].entry->version;
  return NULL;
}

/* The SQL as it was when it was applied: what the history stored, read as a file of its own. */
static bool parse_stored(const struct history_entry *entry, const struct migrate_reporter *reporter,
                         struct migration **ret_migration, struct error *error) {
  struct buffer text = BUFFER_EMPTY, path = BUFFER_EMPTY;
  buffer_append_text(&text, "-- migrate:up\n");
  buffer_append_text(&text, entry->down_sql);
  buffer_append_format(&path, "schema_migrations/%s_%s.sql", entry->version.text, entry->name);
  bool parsed =
      migration_parse(buffer_text(&path), buffer_str(&text), reporter, ret_migration, error);
  buffer_free(&text);
  buffer_free(&path);
  return parsed;
}

/* Where the way back of an applied migration is written. A file that did not change is preferred:
 * its lines are the ones that people know. */
static bool find_way_back(struct ways_back *ways, const struct migrate_plan_item *item,
                          const struct migrate_reporter *reporter,
                          const struct migration **ret_migration, struct error *error) {
  const struct history_entry *entry = item->entry;
  const struct migration *file = item->migration, *found = NULL;
  bool changed = !file || (entry->checksum && strcmp(entry->checksum, file->checksum) != 0);
  bool known = entry->up_sql || entry->down_sql;
  if (!changed) {
    found = file;
  } else if (entry->down_sql) {
    struct migration **stored = &ways->stored[ways->stored_count];
    if (!parse_stored(entry, reporter, stored, error)) return false;
    found = *stored;
    ways->stored_count++;
  } else if (!known) {
    return error_set(error, ERROR_REFUSED,
                     "%s_%s: the database was loaded from a schema dump, which stores no way back, "
                     "and %s; nothing was done",
                     entry->version.text, entry->name,
                     file ? "the file has changed since" : "there is no such file here");
  }
  *ret_migration = found;
  if (found && found->down.present) return true;
  return error_set(error, ERROR_REFUSED,
                   "%s_%s has no '-- migrate:down': there is no way back; nothing was done",
                   entry->version.text, entry->name);
}

static bool find_ways_back(const struct runner *runner, const struct script_context *context,
                           size_t steps, struct ways_back *ways, struct error *error) {
  const struct migrate_plan *plan = &runner->plan;
  assert(steps > 0 && steps <= runner->history.count);
  ways->stored = calloc(steps, sizeof(struct migration *));
  if (!ways->stored) return error_set(error, ERROR_MEMORY, "out of memory");
  for (size_t i = plan->count; i-- > 0 && ways->list.count < steps;) {
    const struct migrate_plan_item *item = &plan->items[i];
    if (!item->entry) continue;
    struct script script = {.context = context,
                            .down = true,
                            .entry = item->entry,
                            .progress = item->progress,
                            .newest_after = applied_before(plan, i)};
    if (!find_way_back(ways, item, runner->session.reporter, &script.migration, error) ||
        !script_list_add(&ways->list, script, error))
      return false;
  }
  assert(ways->list.count == steps);
  return true;
}

/* --- Which ones --- */

static bool count_newer(const struct history *history, const char *to, size_t *ret_count,
                        struct error *error) {
  struct version version;
  if (!version_parse(str_from(to), &version))
    return error_set(error, ERROR_INVALID,
                     "--to takes a version, a number of up to %d digits, not '%s'",
                     VERSION_DIGITS_MAX, to);
  bool all = strspn(to, "0") == strlen(to);
  if (!all && !history_find(history, &version))
    return error_set(error, ERROR_INVALID, "version %s is not applied; nothing was done", to);
  size_t count = 0;
  for (size_t i = 0; i < history->count; i++)
    if (version_compare(&history->entries[i].version, &version) > 0) count++;
  *ret_count = count;
  return true;
}

static bool refuse_begun(const struct migrate_plan *plan, struct error *error) {
  const struct migrate_plan_item *begun = migrate_plan_first(plan, PLAN_PARTIAL);
  if (!begun) return true;
  const struct migration *migration = begun->migration;
  return error_set(error, ERROR_REFUSED,
                   "%s_%s was begun and is not finished; nothing was done; finish it with `cruddur "
                   "migrate`, or drop its resume point with `cruddur repair --forget %s`",
                   migration->version.text, migration->name, migration->version.text);
}

static bool undo(struct runner *runner, size_t steps, struct error *error) {
  struct migrate_session *session = &runner->session;
  struct execution execution = {.session = session, .newest = history_newest(&runner->history)};
  struct script_context context = script_context_new(session, &runner->history);
  _cleanup_(free_ways_back) struct ways_back ways = {0};
  if (!find_ways_back(runner, &context, steps, &ways, error) ||
      !runner_prepare_writing(runner, error) || !execute_scripts(&execution, &ways.list, error))
    return false;
  const char *plural = execution.done == 1 ? "" : "s";
  const char *version = execution.newest ? execution.newest->text : "0";
  report(session->reporter, SAY_STEP,
         "done: %zu migration%s rolled back in %s on %s; the database is at %s", execution.done,
         plural, pg_session_database(session->pg), migrate_session_host(session), version);
  return true;
}

bool migrate_rollback(const struct migrate_options *options, size_t steps, const char *to,
                      const struct migrate_reporter *reporter, struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  if (!runner_open(&runner, RUNNER_WORK, error) || !plan_check_adopted(&runner.plan, error) ||
      !refuse_begun(&runner.plan, error))
    return false;
  if (to && !count_newer(&runner.history, to, &steps, error)) return false;
  if (steps > runner.history.count) steps = runner.history.count;
  if (steps > 0) return undo(&runner, steps, error);
  report(runner.session.reporter, SAY_STEP, "nothing to roll back");
  return true;
}
