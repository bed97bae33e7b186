/* apply.c: see apply.h. */
#include "lib/migrate/run/apply.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/migrate/file/scanner.h"
#include "lib/migrate/run/failure.h"
#include "lib/migrate/run/lock.h"
#include "lib/migrate/run/stepwise.h"

#include <stdlib.h>

enum { RETRY_BASE_MS = 500, RETRY_CAP_MS = 10000 };

unsigned apply_lock_timeout_ms(const struct runner *runner, const struct operation *operation) {
  unsigned own = operation->section->lock_timeout_ms;
  return own ? own : runner->options->lock_timeout_ms;
}

void apply_append_settings(struct buffer *sql, const struct runner *runner,
                           const struct operation *operation, const char *set,
                           unsigned lock_timeout_ms) {
  (void)runner;
  const struct migration *migration = operation->migration;
  /* Names hold nothing that would need quoting: see migration_parse_file_name(). */
  buffer_append_format(sql, "%s lock_timeout = %u; %s application_name = 'cruddur %s %s_%.60s';",
                       set, lock_timeout_ms, set, operation->down ? "rollback" : "migrate",
                       migration->version.text, migration->name);
}

void apply_append_history(struct buffer *sql, const struct runner *runner,
                          const struct operation *operation, uint64_t duration_ms) {
  const struct migration *migration = operation->migration;
  if (operation->down)
    history_append_rolled_back(sql, &migration->version);
  else
    history_append_applied(sql, migration, duration_ms, runner->applied_by, false);
  if (operation->progress || !operation->section->transaction)
    history_append_progress_end(sql, &migration->version);
  history_append_last_run(sql, operation->newest_after);
}

bool apply_run_statement(struct runner *runner, const struct migration *migration,
                         const struct statement *statement, struct error *error) {
  char *sql = strndup(migration->text + statement->offset, statement->length);
  if (!sql) return error_set(error, ERROR_MEMORY, "out of memory");
  migrate_watch_forget(&runner->watch);
  bool done = pg_session_exec(runner->session, sql, error);
  free(sql);
  return done;
}

void apply_say_done(struct runner *runner, const struct operation *operation,
                    uint64_t duration_ms) {
  migrate_watch_forget(&runner->watch);
  report(runner->reporter, SAY_STEP, "%s %s_%s (%llu ms)",
         operation->down ? "rolled back" : "applied", operation->migration->version.text,
         operation->migration->name, (unsigned long long)duration_ms);
}

bool apply_changes_settings(const struct operation *operation) {
  const struct migration *migration = operation->migration;
  for (size_t i = 0; i < operation->section->count; i++) {
    struct str sql = migration_statement_text(migration, &operation->section->statements[i]);
    struct scanner scanner = {.text = sql};
    struct token first = scanner_next_code(&scanner);
    if (scanner_is_word(sql, &first, "set") || scanner_is_word(sql, &first, "reset") ||
        memmem(sql.data, sql.length, "set_config", 10))
      return true;
  }
  return false;
}

/* --- What is left after a failure --- */

/* After a lost connection only the database itself knows whether the commit came through. */
static void append_state_by_asking(struct runner *runner, const struct operation *operation,
                                   struct buffer *state) {
  const char *version = operation->migration->version.text;
  struct history history = {0};
  struct error ignored;
  if (!runner_reconnect(runner, &ignored) || !lock_acquire(runner, &ignored) ||
      !history_load(runner->session, &runner->set, &history, &ignored)) {
    buffer_append_format(state,
                         "the connection was lost and the database cannot be asked now; `cruddur "
                         "status` will tell whether %s is applied",
                         version);
    return;
  }
  bool there = history_find(&history, &operation->migration->version) != NULL;
  const struct history_progress *progress =
      history_find_progress(&history, &operation->migration->version);
  buffer_append_format(state, "the connection was lost; asked over a new one, %s is %s", version,
                       there ? "applied" : "not applied");
  if (progress)
    buffer_append_format(state, ", with %zu of its %zu statements done", progress->done,
                         operation->section->count);
  history_free(&history);
}

bool apply_fail(struct runner *runner, const struct operation *operation,
                const struct statement *statement, const char *rolled_back, struct error *error) {
  const struct migration *migration = operation->migration;
  struct buffer state = BUFFER_EMPTY;
  const struct pg_failure *failure = pg_session_failure(runner->session);
  bool lost = failure->connection_lost || failure->timed_out;
  if (!lost) {
    buffer_append_format(&state, "%s; ", rolled_back);
    runner_append_position(runner, &state);
  }
  /* The failure's texts live until the session's next call: say it first, ask afterwards. */
  failure_report(runner, migration, operation->section, statement,
                 lost ? "the connection was lost: see below" : buffer_text(&state),
                 error ? error->message : "");
  if (lost) {
    append_state_by_asking(runner, operation, &state);
    report(runner->reporter, SAY_ERROR, "state: %s", buffer_text(&state));
  } else if (pg_session_in_transaction(runner->session)) {
    pg_session_exec(runner->session, "ROLLBACK", NULL);
  }
  buffer_free(&state);
  return error_set(error, lost ? ERROR_UNAVAILABLE : ERROR_CONFLICT, "%s_%s failed",
                   migration->version.text, migration->name);
}

bool apply_wait_and_retry(struct runner *runner, const struct operation *operation,
                          unsigned attempt) {
  const struct pg_failure *failure = pg_session_failure(runner->session);
  if (!failure_is_retryable(failure) || failure->connection_lost) return false;
  if (attempt + 1 >= runner->options->lock_tries || runner_interrupted(runner)) return false;
  const char *blockers = migrate_watch_blockers(&runner->watch);
  uint64_t pause_ms = RETRY_BASE_MS / 2 + random_backoff_ms(attempt, RETRY_BASE_MS, RETRY_CAP_MS);
  report(runner->reporter, SAY_WAITING,
         "%s_%s: %s%s%s; rolled back, nothing is held; try %u of %u in %.1f s",
         operation->migration->version.text, operation->migration->name, failure->message,
         blockers[0] ? ": blocked by " : "", blockers, attempt + 2, runner->options->lock_tries,
         (double)pause_ms / 1000);
  if (pg_session_in_transaction(runner->session) &&
      !pg_session_exec(runner->session, "ROLLBACK", NULL))
    return false;
  runner_sleep_ms(runner, pause_ms);
  return !runner_interrupted(runner);
}

/* --- In one transaction --- */

struct attempt {
  const struct statement *failed; /* NULL: none of the file's */
  uint64_t started_us;
};

static bool begin(struct runner *runner, const struct operation *operation, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, "BEGIN;");
  apply_append_settings(&sql, runner, operation, "SET LOCAL",
                        apply_lock_timeout_ms(runner, operation));
  bool begun = pg_session_exec(runner->session, buffer_text(&sql), error);
  buffer_free(&sql);
  return begun;
}

static bool record_and_commit(struct runner *runner, const struct operation *operation,
                              uint64_t duration_ms, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  apply_append_history(&sql, runner, operation, duration_ms);
  buffer_append_text(&sql, "COMMIT;");
  migrate_watch_forget(&runner->watch);
  bool committed = pg_session_exec(runner->session, buffer_text(&sql), error);
  buffer_free(&sql);
  return committed;
}

static uint64_t elapsed_ms(const struct attempt *attempt) {
  return (clock_monotonic_us() - attempt->started_us) / 1000;
}

static bool transact(struct runner *runner, const struct operation *operation,
                     struct attempt *attempt, struct error *error) {
  attempt->started_us = clock_monotonic_us();
  attempt->failed = NULL;
  if (!begin(runner, operation, error)) return false;
  for (size_t i = 0; i < operation->section->count; i++) {
    attempt->failed = &operation->section->statements[i];
    if (!apply_run_statement(runner, operation->migration, attempt->failed, error)) return false;
  }
  attempt->failed = NULL;
  return record_and_commit(runner, operation, elapsed_ms(attempt), error);
}

static bool apply_in_transaction(struct runner *runner, const struct operation *operation,
                                 struct error *error) {
  struct attempt attempt;
  for (unsigned tries = 0; !transact(runner, operation, &attempt, error); tries++)
    if (!apply_wait_and_retry(runner, operation, tries))
      return apply_fail(runner, operation, attempt.failed, "the transaction was rolled back",
                        error);
  apply_say_done(runner, operation, elapsed_ms(&attempt));
  return true;
}

bool apply_operation(struct runner *runner, const struct operation *operation,
                     struct error *error) {
  const struct history_progress *progress = operation->progress;
  /* What was begun in steps is gone on with in steps, whatever the file says now. */
  bool stepwise =
      !operation->section->transaction || (progress && (progress->done > 0 || progress->running));
  bool done = stepwise ? stepwise_apply(runner, operation, error)
                       : apply_in_transaction(runner, operation, error);
  if (!done) return false;
  if (!stepwise && !apply_changes_settings(operation)) return true;
  return runner_reset_session(runner, error);
}
