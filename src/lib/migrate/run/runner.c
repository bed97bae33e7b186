/* runner.c: the beginning of every operation: files, session, lock, history, plan. What belongs to
 * them lives as long as the runner: the plan and the scripts point into the files and the history.
 */
#include "lib/migrate/run/runner.h"

#include "lib/migrate/run/lock.h"

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

static bool adopt(struct runner *runner, struct error *error) {
  const struct migrate_reporter *reporter = runner->session.reporter;
  struct history *history = &runner->history;
  if (!history_adopt(runner->session.pg, &runner->set, history, error)) return false;
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
  if (!history_load(session->pg, &runner->set, &runner->history, error) || !plan(runner, error))
    return false;
  return mode != RUNNER_WORK || runner->history.exists || adopt(runner, error);
}

bool runner_open_offline(struct runner *runner, struct error *error) {
  if (runner->session.options->connection_url) return runner_open(runner, RUNNER_READ, error);
  return load(runner, error) && plan(runner, error);
}

void runner_close(struct runner *runner) {
  migrate_plan_free(&runner->plan);
  history_free(&runner->history);
  migration_set_free(&runner->set);
  migrate_session_close(&runner->session);
}
