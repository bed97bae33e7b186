/* migrate_rehearse.c: migrate_rehearse(): everything in one transaction that is rolled back. See
 * engine.h.
 */
#include "lib/base/clock.h"
#include "lib/migrate/file/lint.h"
#include "lib/migrate/run/apply.h"
#include "lib/migrate/run/concurrent.h"
#include "lib/migrate/run/failure.h"
#include "lib/migrate/state/plan_check.h"

#include <stdlib.h>

struct rehearsal {
  struct runner *runner;
  struct buffer locks; /* seen so far: "\nMODE TABLE\n" one behind the other */
};

/* The tables locked by this transaction. Catalogs are left out: every DDL locks them a little. */
static const char LOCKS_SQL[] =
    "SELECT DISTINCT l.mode, c.oid::regclass::text FROM pg_locks l "
    "JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE l.pid = pg_backend_pid() AND l.granted AND c.relkind IN ('r', 'p', 'm', 'v') "
    "AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') "
    "AND l.mode NOT IN ('AccessShareLock') ORDER BY 2, 1";

static bool list_locks(struct rehearsal *rehearsal, struct buffer *fresh, struct error *error) {
  _cleanup_(pg_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(rehearsal->runner->session, LOCKS_SQL, 0, NULL, &rows, error)) return false;
  for (size_t i = 0; i < pg_rows_count(rows); i++) {
    struct buffer line = BUFFER_EMPTY;
    buffer_append_format(&line, "\n%s %s\n", pg_rows_text(rows, i, 0), pg_rows_text(rows, i, 1));
    bool seen = rehearsal->locks.length > 0 &&
                memmem(rehearsal->locks.data, rehearsal->locks.length, line.data, line.length);
    if (!seen) {
      buffer_append_str(&rehearsal->locks, buffer_str(&line));
      buffer_append_format(fresh, "\n    %s on %s", pg_rows_text(rows, i, 0),
                           pg_rows_text(rows, i, 1));
    }
    buffer_free(&line);
  }
  return true;
}

/* Without the word CONCURRENTLY, which no transaction allows; the same index comes out. */
static bool run_without_concurrently(struct rehearsal *rehearsal, const struct migration *migration,
                                     const struct statement *statement,
                                     const struct bare_statement *bare, struct error *error) {
  char *sql = strndup(migration->text + statement->offset, statement->length);
  if (!sql) return error_set(error, ERROR_MEMORY, "out of memory");
  memset(sql + bare->concurrently_offset, ' ', strlen("CONCURRENTLY"));
  migrate_watch_forget(&rehearsal->runner->watch);
  bool done = pg_session_exec(rehearsal->runner->session, sql, error);
  free(sql);
  return done;
}

static bool run_statement(struct rehearsal *rehearsal, const struct migration *migration,
                          const struct statement *statement, struct error *error) {
  struct bare_statement bare = bare_statement_parse(migration_statement_text(migration, statement));
  if (bare.kind == BARE_NONE)
    return apply_run_statement(rehearsal->runner, migration, statement, error);
  if (bare.kind != BARE_OTHER)
    return run_without_concurrently(rehearsal, migration, statement, &bare, error);
  report(rehearsal->runner->reporter, SAY_NOTE,
         "%s:%zu: left out of the rehearsal: Postgres does not run it in a transaction",
         migration->path, statement->line);
  return true;
}

static bool fail(struct rehearsal *rehearsal, const struct migration *migration,
                 const struct statement *statement, struct error *error) {
  failure_report(rehearsal->runner, migration, &migration->up, statement,
                 "this was a rehearsal: everything was rolled back, the database is as it was",
                 error->message);
  bool lost = pg_session_failure(rehearsal->runner->session)->connection_lost;
  return error_set(error, lost ? ERROR_UNAVAILABLE : ERROR_CONFLICT,
                   "%s_%s failed in the rehearsal", migration->version.text, migration->name);
}

static bool rehearse_one(struct rehearsal *rehearsal, const struct migration *migration,
                         struct error *error) {
  uint64_t started = clock_monotonic_us();
  const struct section *up = &migration->up;
  struct buffer sql = BUFFER_EMPTY, fresh = BUFFER_EMPTY;
  unsigned own = up->lock_timeout_ms;
  buffer_append_format(&sql, "SET LOCAL lock_timeout = %u",
                       own ? own : rehearsal->runner->options->lock_timeout_ms);
  bool set = pg_session_exec(rehearsal->runner->session, buffer_text(&sql), error);
  buffer_free(&sql);
  if (!set) return fail(rehearsal, migration, NULL, error);
  for (size_t i = 0; i < up->count; i++)
    if (!run_statement(rehearsal, migration, &up->statements[i], error))
      return fail(rehearsal, migration, &up->statements[i], error);
  /* What a commit would check late is checked now. */
  if (!pg_session_exec(rehearsal->runner->session, "SET CONSTRAINTS ALL IMMEDIATE", error))
    return fail(rehearsal, migration, NULL, error);
  uint64_t taken_ms = (clock_monotonic_us() - started) / 1000;
  bool listed = list_locks(rehearsal, &fresh, error);
  report(rehearsal->runner->reporter, SAY_STEP, "rehearsed %s_%s (%llu ms)%s%s",
         migration->version.text, migration->name, (unsigned long long)taken_ms,
         fresh.length ? ", takes" : ", takes no new lock on a table", buffer_text(&fresh));
  buffer_free(&fresh);
  return listed;
}

static bool rehearse_all(struct rehearsal *rehearsal, struct error *error) {
  struct runner *runner = rehearsal->runner;
  if (!pg_session_exec(runner->session, "BEGIN", error)) return false;
  bool done = true;
  for (size_t i = 0; i < runner->plan.count && done; i++)
    if (migrate_plan_item_is_pending(&runner->plan.items[i]))
      done = rehearse_one(rehearsal, runner->plan.items[i].migration, error);
  if (pg_session_in_transaction(runner->session))
    pg_session_exec(runner->session, "ROLLBACK", NULL);
  return done;
}

static bool run(struct runner *runner, struct error *error) {
  if (!runner_open(runner, RUNNER_REHEARSE, error) || !check_history(runner, error) ||
      !check_late(runner, error))
    return false;
  size_t pending = migrate_plan_pending_count(&runner->plan);
  if (pending > 0) lint_warn(runner);
  struct rehearsal rehearsal = {.runner = runner};
  bool done = rehearse_all(&rehearsal, error);
  buffer_free(&rehearsal.locks);
  if (done)
    report(runner->reporter, SAY_STEP, "rehearsed %zu migration%s and rolled back: nothing changed",
           pending, pending == 1 ? "" : "s");
  return done;
}

bool migrate_rehearse(const struct migrate_options *options,
                      const struct migrate_reporter *reporter, struct error *error) {
  struct runner runner = {.options = options, .reporter = reporter};
  bool done = run(&runner, error);
  runner_close(&runner);
  return done;
}
