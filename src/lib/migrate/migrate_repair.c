/* migrate_repair.c: migrate_repair(): accepts what files say now, or forgets a resume point. See
 * engine.h.
 */
#include "lib/migrate/state/plan_check.h"

static void append_update(struct buffer *sql, const struct migration *migration) {
  buffer_append_text(sql, "UPDATE public.schema_migrations SET name = ");
  pg_append_literal(sql, str_from(migration->name));
  buffer_append_text(sql, ", checksum = ");
  pg_append_literal(sql, str_from(migration->checksum));
  buffer_append_text(sql, ", up_sql = ");
  pg_append_literal(sql, migration_section_text(migration, &migration->up));
  buffer_append_text(sql, ", down_sql = ");
  if (migration->down.present)
    pg_append_literal(sql, migration_section_text(migration, &migration->down));
  else
    buffer_append_text(sql, "NULL");
  buffer_append_text(sql, " WHERE version = ");
}

static bool accept(struct runner *runner, const struct migrate_plan_item *item,
                   struct error *error) {
  check_say_diff(runner->reporter, SAY_NOTE, item);
  struct buffer sql = BUFFER_EMPTY;
  append_update(&sql, item->migration);
  pg_append_literal(&sql, str_from(item->entry->version.text));
  bool done = pg_session_exec(runner->session, buffer_text(&sql), error);
  buffer_free(&sql);
  if (!done) return false;
  report(runner->reporter, SAY_STEP, "accepted %s_%s as its file says now",
         item->migration->version.text, item->migration->name);
  runner->done++;
  return true;
}

static bool forget(struct runner *runner, const struct version *version, struct error *error) {
  if (!history_find_progress(&runner->history, version)) {
    report(runner->reporter, SAY_STEP, "%s has no resume point", version->text);
    return true;
  }
  struct buffer sql = BUFFER_EMPTY;
  history_append_progress_end(&sql, &history_find_progress(&runner->history, version)->version);
  bool done = pg_session_exec(runner->session, buffer_text(&sql), error);
  buffer_free(&sql);
  if (!done) return false;
  report(runner->reporter, SAY_STEP,
         "%s: the resume point is dropped; what its statements did stays", version->text);
  return true;
}

static bool accept_changed(struct runner *runner, const struct version *only, struct error *error) {
  for (size_t i = 0; i < runner->plan.count; i++) {
    const struct migrate_plan_item *item = &runner->plan.items[i];
    if (item->state != PLAN_CHANGED) continue;
    if (only && version_compare(&item->entry->version, only) != 0) continue;
    if (!accept(runner, item, error)) return false;
  }
  if (runner->done == 0) report(runner->reporter, SAY_STEP, "nothing to repair");
  return true;
}

static bool repair(struct runner *runner, const char *version_text, bool forget_progress,
                   struct error *error) {
  struct version version;
  if (version_text && !version_parse(str_from(version_text), &version)) {
    return error_set(error, ERROR_INVALID,
                     "'%s' is no version, which is a number of up to %d digits", version_text,
                     VERSION_DIGITS_MAX);
  }
  if (!runner_open(runner, RUNNER_WORK, error)) return false;
  if (forget_progress) return forget(runner, &version, error);
  return accept_changed(runner, version_text ? &version : NULL, error);
}

bool migrate_repair(const struct migrate_options *options, const char *version,
                    bool forget_progress, const struct migrate_reporter *reporter,
                    struct error *error) {
  struct runner runner = {.options = options, .reporter = reporter};
  bool done = repair(&runner, version, forget_progress, error);
  runner_close(&runner);
  return done;
}
