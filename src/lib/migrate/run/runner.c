/* runner.c: the beginning of every operation: files, session, lock, history, plan. What belongs to
 * them lives as long as the runner: the plan and the scripts point into the files and the history.
 */
#include "lib/migrate/run/runner.h"

#include "lib/migrate/run/adopt.h"
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

bool runner_open(struct runner *runner, enum runner_mode mode, struct error *error) {
  struct migrate_session *session = &runner->session;
  if (!load(runner, error)) return false;
  if (mode == RUNNER_READ && !migrate_session_open(session, true, error)) return false;
  if (mode != RUNNER_READ && !(runner_connect(session, error) && lock_acquire(session, error)))
    return false;
  if (!history_load(session->pg, &runner->history, error) ||
      !adoption_examine(session->pg, &runner->set, &runner->history, error) || !plan(runner, error))
    return false;
  if (mode != RUNNER_WORK || runner->history.exists) return true;
  return migrate_session_refuse_read_only(session, error) &&
         adopt_database(session, &runner->set, &runner->history, error);
}

bool runner_open_offline(struct runner *runner, struct error *error) {
  if (runner->session.options->connection_url) return runner_open(runner, RUNNER_READ, error);
  return load(runner, error) && plan(runner, error);
}

bool runner_prepare_writing(struct runner *runner, struct error *error) {
  struct history *history = &runner->history;
  if (!migrate_session_refuse_read_only(&runner->session, error)) return false;
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
