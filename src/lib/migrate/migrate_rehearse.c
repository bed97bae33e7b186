/* migrate_rehearse.c: runs everything that is pending in one transaction, which is rolled back. See
 * engine.h. The transaction begins and ends here; execute.c only leaves COMMITs out. */
#include "lib/base/clock.h"
#include "lib/migrate/migrate_lint.h"
#include "lib/migrate/run/execute.h"
#include "lib/migrate/run/runner.h"
#include "lib/migrate/state/adoption.h"
#include "lib/migrate/state/catalog.h"
#include "lib/migrate/state/plan_check.h"
#include "lib/migrate/state/replaced_columns.h"

struct rehearsal {
  struct runner *runner;
  struct execution execution;
  struct buffer locks; /* seen so far: "\nMODE TABLE\n" one behind the other */
};

/* Appends the locks that no migration before has taken. */
static bool list_locks(struct rehearsal *rehearsal, struct buffer *fresh, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!catalog_locks(rehearsal->runner->session.pg, &rows, error)) return false;
  for (size_t i = 0; i < pg_session_rows_count(rows); i++) {
    const char *mode = pg_session_rows_text(rows, i, 0), *table = pg_session_rows_text(rows, i, 1);
    struct buffer line = BUFFER_EMPTY;
    buffer_append_format(&line, "\n%s %s\n", mode, table);
    bool seen = rehearsal->locks.length > 0 &&
                memmem(rehearsal->locks.data, rehearsal->locks.length, line.data, line.length);
    if (!seen) {
      buffer_append_str(&rehearsal->locks, buffer_str(&line));
      buffer_append_format(fresh, "\n    %s on %s", mode, table);
    }
    buffer_free(&line);
  }
  return true;
}

static bool rehearse_script(struct rehearsal *rehearsal, struct script *script,
                            struct error *error) {
  uint64_t started = clock_monotonic_us();
  if (!execute_script(&rehearsal->execution, script, error)) return false;
  uint64_t taken_ms = (clock_monotonic_us() - started) / 1000;
  struct buffer fresh = BUFFER_EMPTY;
  bool listed = list_locks(rehearsal, &fresh, error);
  if (listed)
    report(rehearsal->runner->session.reporter, SAY_STEP, "rehearsed %s_%s (%llu ms)%s%s",
           script->migration->version.text, script->migration->name, (unsigned long long)taken_ms,
           fresh.length ? ", takes" : ", takes no new lock on a table", buffer_text(&fresh));
  buffer_free(&fresh);
  return listed;
}

static bool begin(struct runner *runner, struct error *error) {
  if (!migrate_session_refuse_read_only(&runner->session, error)) return false;
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, "BEGIN;\n");
  if (!runner->history.exists) adoption_append(&sql, &runner->set, &runner->history);
  return migrate_session_send(&runner->session, &sql, error);
}

static bool rehearse_all(struct rehearsal *rehearsal, struct error *error) {
  struct runner *runner = rehearsal->runner;
  struct pg_session *pg = runner->session.pg;
  struct script_context context = script_context_new(&runner->session, &runner->history);
  _cleanup_(script_list_free) struct script_list list = {0};
  bool done =
      script_list_make(&runner->plan, &context, rehearsal->execution.newest, &list, error) &&
      begin(runner, error);
  for (size_t i = 0; i < list.count && done; i++)
    done = rehearse_script(rehearsal, &list.scripts[i], error);
  if (pg_session_in_transaction(pg)) pg_session_exec(pg, "ROLLBACK", NULL);
  return done;
}

bool migrate_rehearse(const struct migrate_options *options,
                      const struct migrate_reporter *reporter, struct error *error) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, reporter);
  const struct migrate_session *session = &runner.session;
  if (!runner_open(&runner, RUNNER_REHEARSE, error)) return false;
  if (!plan_check_settled(&runner.plan, session->options->allow_late, session->reporter, error) ||
      !replaced_columns_check(&runner.plan, session->pg, reporter, error))
    return false;
  size_t pending = migrate_plan_pending_count(&runner.plan);
  if (pending > 0) migrate_lint_warn(&runner.plan, session->pg, session->reporter);
  struct rehearsal rehearsal = {.runner = &runner,
                                .execution = {.session = &runner.session,
                                              .rehearsal = true,
                                              .newest = history_newest(&runner.history),
                                              .wanted = pending}};
  bool done = rehearse_all(&rehearsal, error);
  buffer_free(&rehearsal.locks);
  if (done)
    report(session->reporter, SAY_STEP,
           "rehearsed %zu migration%s and rolled back: nothing changed", pending,
           pending == 1 ? "" : "s");
  return done;
}
