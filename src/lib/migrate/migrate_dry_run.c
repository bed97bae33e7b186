/* migrate_dry_run.c: migrate_dry_run(): the SQL that would run, history included. See engine.h. */
#include "lib/migrate/run/apply.h"
#include "lib/migrate/state/plan_check.h"

static void append_adoption(struct buffer *out, const struct runner *runner) {
  const struct history *history = &runner->history;
  if (history->exists) return;
  buffer_append_text(out, "-- the history of migrations\nBEGIN;\n");
  buffer_append_text(out, history_schema_sql());
  for (size_t i = 0; i < history->count; i++)
    history_append_applied(out, migration_set_find(&runner->set, &history->entries[i].version), 0,
                           NULL, true);
  buffer_append_text(out, "COMMIT;\n\n");
}

static void append_migration(struct buffer *out, struct runner *runner,
                             const struct migrate_plan_item *item) {
  const struct migration *migration = item->migration;
  const struct section *up = &migration->up;
  bool newer = !runner->any_applied || version_compare(&migration->version, &runner->newest) > 0;
  if (newer) runner->newest = migration->version;
  runner->any_applied = true;
  struct operation operation = {.migration = migration,
                                .section = up,
                                .progress = item->progress,
                                .newest_after = &runner->newest};
  size_t first = item->progress ? item->progress->done : 0;
  buffer_append_format(out, "-- %s%s\n", migration->path,
                       up->transaction ? "" : " (statement by statement)");
  if (up->transaction) {
    buffer_append_format(out, "BEGIN;\nSET LOCAL lock_timeout = %u;\n",
                         apply_lock_timeout_ms(runner, &operation));
  } else if (first > 0) {
    buffer_append_format(out, "-- its first %zu statements are done\n", first);
  }
  for (size_t i = first; i < up->count; i++) {
    buffer_append_str(out, migration_statement_text(migration, &up->statements[i]));
    buffer_append_text(out, ";\n");
  }
  if (!up->transaction) buffer_append_text(out, "BEGIN;\n");
  apply_append_history(out, runner, &operation, 0);
  buffer_append_text(out, "COMMIT;\n\n");
}

static bool load(struct runner *runner, struct error *error) {
  if (runner->options->connection_url) return runner_open(runner, RUNNER_READ, error);
  if (!runner_load(runner, error)) return false;
  report(runner->reporter, SAY_NOTE,
         "CONNECTION_URL is not set: shown is what an empty database would get");
  return migrate_plan_make(&runner->set, &runner->history, &runner->plan, error);
}

static bool dry_run(struct runner *runner, struct error *error) {
  if (!load(runner, error) || !check_history(runner, error) || !check_late(runner, error))
    return false;
  struct buffer out = BUFFER_EMPTY;
  append_adoption(&out, runner);
  for (size_t i = 0; i < runner->plan.count; i++)
    if (migrate_plan_item_is_pending(&runner->plan.items[i]))
      append_migration(&out, runner, &runner->plan.items[i]);
  if (out.length == 0) buffer_append_text(&out, "-- nothing to do: the database is up to date\n");
  while (out.length > 0 && out.data[out.length - 1] == '\n')
    out.length--;
  report(runner->reporter, SAY_OUTPUT, "%s", buffer_text(&out));
  buffer_free(&out);
  return true;
}

bool migrate_dry_run(const struct migrate_options *options, const struct migrate_reporter *reporter,
                     struct error *error) {
  struct runner runner = {.options = options, .reporter = reporter};
  bool done = dry_run(&runner, error);
  runner_close(&runner);
  return done;
}
