/* runner.c: the beginning of every operation: files, session, lock, history, plan. What belongs to
 * them lives as long as the runner: the plan and the scripts point into the files and the history.
 */
#include "lib/migrate/run/runner.h"

#include "lib/migrate/run/lock.h"
#include "lib/migrate/state/adoption.h"

#include <assert.h>

struct runner runner_new(const struct migrate_options *options,
                         const struct migrate_reporter *reporter) {
  return (struct runner){.session = {.options = options, .reporter = reporter}};
}

static bool load(struct runner *runner, struct error *error) {
  return migration_set_load(runner->session.options->dir, runner->session.reporter, &runner->set,
                            error);
}

static bool plan(struct runner *runner, struct error *error) {
  return migrate_plan_make(&runner->set, &runner->history, &runner->plan, error);
}

bool runner_connect(struct migrate_session *session, struct error *error) {
  return migrate_session_open(session, false, error) && lock_refuse_pooler(session, error) &&
         migrate_session_prepare(session, error);
}

static bool write_adoption(struct runner *runner, struct error *error) {
  struct migrate_session *session = &runner->session;
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, "BEGIN;\n");
  adoption_append(&sql, &runner->set, &runner->history);
  buffer_append_text(&sql, "COMMIT;\n");
  if (migrate_session_send(session, &sql, error)) {
    runner->history.exists = runner->history.keeps_mark = true;
    return true;
  }
  error_prefix(error, "could not write the history of migrations");
  if (pg_session_in_transaction(session->pg)) pg_session_exec(session->pg, "ROLLBACK", NULL);
  return false;
}

static bool adopt(struct runner *runner, struct error *error) {
  const struct migrate_reporter *reporter = runner->session.reporter;
  const struct history *history = &runner->history;
  if (!write_adoption(runner, error)) return false;
  if (history->count == 0) return true;
  report(reporter, SAY_NOTE,
         "this database has no history of migrations yet (last_successful_run is %s): adopting it",
         history->last_successful_run ? history->last_successful_run : "not there");
  for (size_t i = 0; i < history->count; i++)
    report(reporter, SAY_NOTE, "  %s_%s is there already", history->entries[i].version.text,
           history->entries[i].name);
  return true;
}

bool runner_open(struct runner *runner, enum runner_mode mode, struct error *error) {
  struct migrate_session *session = &runner->session;
  if (!load(runner, error)) return false;
  if (mode == RUNNER_READ && !migrate_session_open(session, true, error)) return false;
  if (mode != RUNNER_READ && !(runner_connect(session, error) && lock_acquire(session, error)))
    return false;
  if (!history_load(session->pg, &runner->history, error) ||
      !adoption_examine(session->pg, &runner->set, &runner->history, error) || !plan(runner, error))
    return false;
  return mode != RUNNER_WORK || runner->history.exists || adopt(runner, error);
}

bool runner_open_offline(struct runner *runner, struct error *error) {
  if (runner->session.options->connection_url) return runner_open(runner, RUNNER_READ, error);
  return load(runner, error) && plan(runner, error);
}

bool runner_keep_mark(struct runner *runner, struct error *error) {
  struct history *history = &runner->history;
  assert(history->exists && "the mark is kept beside the history");
  if (!history->has_mark || history->keeps_mark) return true;
  struct buffer sql = BUFFER_EMPTY;
  history_append_mark(&sql, &history->mark);
  history->keeps_mark = migrate_session_send(&runner->session, &sql, error);
  return history->keeps_mark;
}

void runner_close(struct runner *runner) {
  migrate_plan_free(&runner->plan);
  history_free(&runner->history);
  migration_set_free(&runner->set);
  migrate_session_close(&runner->session);
}
