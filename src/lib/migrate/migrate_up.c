/* migrate_up.c: applies what is pending. See engine.h. */
#include "lib/migrate/migrate_lint.h"
#include "lib/migrate/run/execute.h"
#include "lib/migrate/run/runner.h"
#include "lib/migrate/state/plan_check.h"
#include "lib/migrate/state/replaced_columns.h"

static bool apply(struct runner *runner, struct error *error) {
  struct migrate_session *session = &runner->session;
  struct execution execution = {.session = session, .newest = history_newest(&runner->history)};
  struct script_context context = script_context_new(session, &runner->history);
  _cleanup_(script_list_free) struct script_list list = {0};
  if (!runner_prepare_writing(runner, error) ||
      !script_list_make(&runner->plan, &context, execution.newest, &list, error) ||
      !execute_scripts(&execution, &list, error))
    return false;
  const char *plural = execution.done == 1 ? "" : "s", *version = execution.newest->text;
  report(session->reporter, SAY_STEP,
         "done: %zu migration%s applied to %s on %s; the database is at %s", execution.done, plural,
         pg_session_database(session->pg), migrate_session_host(session), version);
  return true;
}

bool migrate_up(const struct migrate_options *options, const struct migrate_reporter *reporter,
                struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  const struct migrate_session *session = &runner.session;
  if (!runner_open(&runner, RUNNER_WORK, error)) return false;
  if (!plan_check_settled(&runner.plan, session->options->allow_late, session->reporter, error))
    return false;
  if (!replaced_columns_check(&runner.plan, session->pg, reporter, error)) return false;
  if (migrate_plan_pending_count(&runner.plan) > 0) {
    migrate_lint_warn(&runner.plan, session->pg, session->reporter);
    return apply(&runner, error);
  }
  const struct version *newest = history_newest(&runner.history);
  report(session->reporter, SAY_STEP, "nothing to do: the database is up to date%s%s",
         newest ? " at " : "", newest ? newest->text : "");
  return true;
}
