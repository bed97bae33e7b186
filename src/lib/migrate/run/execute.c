/* execute.c: see execute.h. A step is the unit that is tried again: after a lock timeout, a
 * deadlock or a serialization failure its transaction is rolled back, so that nothing is held
 * during the pause. A step that failed for good ends the run; what earlier steps committed stays.
 * When the connection was lost, the database is asked over a new one, because only it knows whether
 * the commit came through. */
#include "lib/migrate/run/execute.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/migrate/run/failure.h"
#include "lib/migrate/run/lock.h"
#include "lib/migrate/state/catalog.h"

#include <assert.h>

enum {
  RETRY_BASE_MS = 500,
  RETRY_CAP_MS = 10000,
  BATCH_SAY_MS = 10000,
  BATCHES_MAX = 10 * 1000 * 1000,
};

struct attempt {
  struct execution *execution;
  struct script *script;
  struct script_step *step;
  const struct statement *statement; /* that runs, or failed; NULL: none of the file's */
  uint64_t started_us;               /* of the migration */
  /* Of a statement that is repeated. */
  uint64_t changed; /* rows, by its last run */
  uint64_t batches, rows, batch_said_ms;
};

static const struct migrate_reporter *reporter_of(const struct attempt *attempt) {
  return attempt->execution->session->reporter;
}

static uint64_t elapsed_ms(const struct attempt *attempt) {
  return (clock_monotonic_us() - attempt->started_us) / 1000;
}

/* --- One try --- */

static void say_what_was_found(const struct attempt *attempt) {
  const struct script_step *step = attempt->step;
  if (step->invalid_index)
    report(reporter_of(attempt), SAY_NOTE,
           "index %s is invalid, left by a build that did not end: dropping it and building it "
           "again",
           step->invalid_index);
  if (step->is_done)
    report(reporter_of(attempt), SAY_NOTE, "statement %zu was done by an earlier run",
           step->first + 1);
  if (attempt->execution->rehearsal && step->bare.kind == BARE_OTHER)
    report(reporter_of(attempt), SAY_NOTE,
           "%s:%zu: left out of the rehearsal: Postgres does not run it in a transaction",
           attempt->script->migration->path,
           attempt->script->section->statements[step->first].line);
}

/* IF NOT EXISTS is content with an invalid index of that name: we are not. */
static bool check_index(const struct attempt *attempt, struct error *error) {
  const struct bare_statement *bare = &attempt->step->bare;
  if (bare->kind != BARE_CREATE_INDEX || bare->index.length == 0) return true;
  enum catalog_index state;
  _cleanup_free_ char *name = NULL;
  if (!catalog_index_state(attempt->execution->session->pg, bare, &state, &name, error))
    return false;
  if (state == CATALOG_INDEX_VALID) return true;
  return error_set(error, ERROR_CONFLICT, "index %.*s is not valid after its build",
                   (int)bare->index.length, bare->index.data);
}

/* The rest of the rehearsal goes on without it. */
static bool leave_out(const struct attempt *attempt, struct error *error) {
  const struct migration *migration = attempt->script->migration;
  struct str text = migration_statement_text(migration, attempt->statement);
  const char *end = memchr(text.data, '\n', text.length);
  if (!pg_session_exec(attempt->execution->session->pg, "ROLLBACK TO SAVEPOINT code", error))
    return false;
  report(reporter_of(attempt), SAY_NOTE,
         "%s:%zu: left out of the rehearsal: it ends transactions by itself: %.*s", migration->path,
         attempt->statement->line, (int)(end ? end - text.data : (ptrdiff_t)text.length),
         text.data);
  return true;
}

/* In a rehearsal, code that may commit runs inside a savepoint: 2D000 says that it tried to. */
static bool rehearse_code(const struct attempt *attempt, struct buffer *sql, struct error *error) {
  struct migrate_session *session = attempt->execution->session;
  if (!pg_session_exec(session->pg, "SAVEPOINT code", error)) {
    buffer_free(sql);
    return false;
  }
  if (migrate_session_send(session, sql, error))
    return pg_session_exec(session->pg, "RELEASE SAVEPOINT code", error);
  return strcmp(pg_session_failure(session->pg)->sqlstate, "2D000") == 0 &&
         leave_out(attempt, error);
}

static bool run_statements(struct attempt *attempt, struct error *error) {
  bool rehearsal = attempt->execution->rehearsal;
  struct script_step *step = attempt->step;
  for (size_t i = step->first; i < step->first + step->count; i++) {
    struct buffer sql = BUFFER_EMPTY;
    attempt->statement = &attempt->script->section->statements[i];
    script_append_statement(attempt->script, step, i, rehearsal, &sql);
    bool done = rehearsal && step->bare.kind == BARE_CODE
                    ? rehearse_code(attempt, &sql, error)
                    : migrate_session_send(attempt->execution->session, &sql, error);
    if (!done) return false;
  }
  return true;
}

static bool run_step(struct attempt *attempt, struct error *error) {
  struct migrate_session *session = attempt->execution->session;
  struct script_step *step = attempt->step;
  bool rehearsal = attempt->execution->rehearsal;
  struct buffer sql = BUFFER_EMPTY;
  if (step->kind == SCRIPT_TRANSACTION) attempt->started_us = clock_monotonic_us();
  bool named = step->count == 1 && step->kind != SCRIPT_TRANSACTION; /* whatever of it fails */
  attempt->statement = named ? &attempt->script->section->statements[step->first] : NULL;
  if (!script_look_at_index(step, session->pg, error)) return false;
  say_what_was_found(attempt);
  script_append_opening(attempt->script, step, rehearsal, &sql);
  if (!migrate_session_send(session, &sql, error)) return false;
  script_append_drop_index(step, rehearsal, &sql);
  if (!migrate_session_send(session, &sql, error)) return false;
  step->in_doubt = step->kind == SCRIPT_BARE;
  if (!run_statements(attempt, error) || !check_index(attempt, error)) return false;
  attempt->changed = pg_session_affected(session->pg);
  step->more = named && attempt->statement->repeat && attempt->changed > 0;
  if (!named) attempt->statement = NULL;
  script_append_closing(attempt->script, step, elapsed_ms(attempt), rehearsal, &sql);
  return migrate_session_send(session, &sql, error);
}

/* After a batch that changed rows and was committed. False when there must be no other. */
static bool go_on(struct attempt *attempt, struct error *error) {
  const struct migrate_session *session = attempt->execution->session;
  assert(attempt->step->kind == SCRIPT_WRAPPED && attempt->step->more && attempt->changed > 0);
  attempt->batches++;
  attempt->rows += attempt->changed;
  uint64_t now_ms = elapsed_ms(attempt);
  bool due = now_ms - attempt->batch_said_ms >= BATCH_SAY_MS;
  if (due) attempt->batch_said_ms = now_ms;
  report(session->reporter, due ? SAY_NOTE : SAY_PROGRESS,
         "%s_%s: statement %zu has changed %llu rows in %llu batches",
         script_version(attempt->script)->text, attempt->script->migration->name,
         attempt->step->first + 1, (unsigned long long)attempt->rows,
         (unsigned long long)attempt->batches);
  if (migrate_session_is_interrupted(session))
    return error_set(error, ERROR_CONFLICT, "interrupted between two batches");
  return attempt->batches < BATCHES_MAX ||
         error_set(error, ERROR_CONFLICT, "%d batches have changed rows, and there is no end to it",
                   BATCHES_MAX);
}

static void note_batches(struct attempt *attempt) {
  if (attempt->batches > 0)
    report(reporter_of(attempt), SAY_NOTE, "%s_%s: statement %zu changed %llu rows in %llu batches",
           script_version(attempt->script)->text, attempt->script->migration->name,
           attempt->step->first + 1, (unsigned long long)attempt->rows,
           (unsigned long long)attempt->batches);
  attempt->batches = attempt->rows = 0;
}

/* --- After a failure --- */

/* Says that the step is tried again, and why, and sleeps. False when the tries are used up or the
 * failure is of another kind. */
static bool wait_for_retry(const struct attempt *attempt, unsigned tries) {
  struct migrate_session *session = attempt->execution->session;
  const struct pg_failure *failure = pg_session_failure(session->pg);
  unsigned most = attempt->execution->rehearsal ? 1 : session->options->lock_tries;
  if (!failure_is_retryable(failure) || tries + 1 >= most) return false;
  if (migrate_session_is_interrupted(session)) return false;
  const char *blockers = migrate_watch_blockers(&session->watch);
  uint64_t pause_ms = RETRY_BASE_MS / 2 + random_backoff_ms(tries, RETRY_BASE_MS, RETRY_CAP_MS);
  report(session->reporter, SAY_WAITING,
         "%s_%s: %s%s%s; rolled back, nothing is held; try %u of %u in %.1f s",
         script_version(attempt->script)->text, attempt->script->migration->name, failure->message,
         blockers[0] ? ": blocked by " : "", blockers, tries + 2, most, (double)pause_ms / 1000);
  if (pg_session_in_transaction(session->pg) && !pg_session_exec(session->pg, "ROLLBACK", NULL))
    return false;
  migrate_session_sleep_ms(session, pause_ms);
  return !migrate_session_is_interrupted(session);
}

/* What holds in a database that answers. */
static void append_state(const struct attempt *attempt, struct buffer *state) {
  const struct execution *execution = attempt->execution;
  if (execution->rehearsal) {
    buffer_append_text(state, "this was a rehearsal: everything was rolled back, the database is "
                              "as it was");
    return;
  }
  if (script_is_stepwise(attempt->script))
    buffer_append_format(state,
                         "%zu of %zu statements are done and stay; the next run goes on "
                         "with this one; ",
                         attempt->step->first, attempt->script->section->count);
  else
    buffer_append_text(state, "the transaction was rolled back; ");
  if (execution->newest)
    buffer_append_format(state, "the newest applied migration is %s", execution->newest->text);
  else
    buffer_append_text(state, "no migration is applied");
  if (execution->done > 0)
    buffer_append_format(state, "; %zu of %zu were done in this run and stay", execution->done,
                         execution->wanted);
}

/* Asks over a new connection, under the lock: the old one is over by then. */
static void append_state_by_asking(const struct attempt *attempt, struct buffer *state) {
  struct migrate_session *session = attempt->execution->session;
  const struct version *version = script_version(attempt->script);
  struct history_mark mark;
  struct error ignored;
  if (!migrate_session_reopen(session, &ignored) || !lock_acquire(session, &ignored) ||
      !history_look_up(session->pg, version, &mark, &ignored)) {
    buffer_append_format(state,
                         "the connection was lost and the database cannot be asked now; `cruddur "
                         "status` will tell whether %s is applied",
                         version->text);
    return;
  }
  buffer_append_format(state, "the connection was lost; asked over a new one, %s is %s",
                       version->text, mark.applied ? "applied" : "not applied");
  if (mark.begun)
    buffer_append_format(state, ", with %zu of its %zu statements done", mark.statements_done,
                         attempt->script->section->count);
}

/* Says what failed, ends the transaction, and finds out what holds. */
static bool fail(const struct attempt *attempt, struct error *error) {
  struct migrate_session *session = attempt->execution->session;
  const struct migration *migration = attempt->script->migration;
  const struct pg_failure *failure = pg_session_failure(session->pg);
  bool lost = failure->connection_lost || failure->timed_out;
  bool read_only = strcmp(failure->sqlstate, "25006") == 0; /* it has become a standby */
  bool rehearsal = attempt->execution->rehearsal;
  struct buffer state = BUFFER_EMPTY;
  if (lost && !rehearsal)
    buffer_append_text(&state, "the connection was lost: see below");
  else
    append_state(attempt, &state);
  /* The failure's texts live until the session's next call: it is said before anything is asked. */
  failure_report(session, migration, attempt->script->section, attempt->statement,
                 buffer_text(&state), error->message);
  buffer_free(&state);
  if (lost && !rehearsal) {
    append_state_by_asking(attempt, &state);
    report(session->reporter, SAY_ERROR, "state: %s", buffer_text(&state));
    buffer_free(&state);
  } else if (!lost && pg_session_in_transaction(session->pg)) {
    pg_session_exec(session->pg, "ROLLBACK", NULL);
  }
  bool unavailable = lost || read_only;
  return error_set(error, unavailable ? ERROR_UNAVAILABLE : ERROR_CONFLICT, "%s_%s failed%s",
                   script_version(attempt->script)->text, migration->name,
                   rehearsal ? " in the rehearsal" : "");
}

/* --- Scripts --- */

static void note_end(struct attempt *attempt) {
  struct execution *execution = attempt->execution;
  const struct script *script = attempt->script;
  execution->newest = script->newest_after;
  execution->done++;
  migrate_watch_forget(&execution->session->watch);
  if (execution->rehearsal) return; /* nothing holds */
  report(reporter_of(attempt), SAY_STEP, "%s %s_%s (%llu ms)",
         script->down ? "rolled back" : "applied", script_version(script)->text,
         script->migration->name, (unsigned long long)elapsed_ms(attempt));
}

/* Tries again while it gets no lock, and runs again what is repeated. */
static bool complete_step(struct attempt *attempt, struct error *error) {
  for (unsigned tries = 0;;) {
    if (!run_step(attempt, error)) {
      if (!wait_for_retry(attempt, tries++)) return false;
      continue;
    }
    if (!attempt->step->more) return true;
    if (!go_on(attempt, error)) return false;
    tries = 0;
  }
}

bool execute_script(struct execution *execution, struct script *script, struct error *error) {
  struct attempt attempt = {
      .execution = execution, .script = script, .started_us = clock_monotonic_us()};
  size_t next = script->done_before;
  if (next > 0 || (script->progress && script->progress->running))
    report(reporter_of(&attempt), SAY_NOTE, "%s_%s: going on with statement %zu of %zu",
           script_version(script)->text, script->migration->name, next + 1, script->section->count);
  for (size_t i = 0; i < script->count; i++) {
    attempt.step = &script->steps[i];
    assert(attempt.step->kind == SCRIPT_REPLAY || attempt.step->count == 0 ||
           attempt.step->first == next);
    if (!complete_step(&attempt, error)) return fail(&attempt, error);
    note_batches(&attempt);
    if (attempt.step->kind != SCRIPT_REPLAY) next += attempt.step->count;
    if (script_ends_with(attempt.step)) note_end(&attempt);
  }
  assert(next == script->section->count && "the script left a statement out");
  return true;
}

/* Ways up come in the order of time, ways back against it, and none comes twice. */
static void assert_order(const struct script_list *list) {
  for (size_t i = 1; i < list->count; i++) {
    const struct script *before = &list->scripts[i - 1], *script = &list->scripts[i];
    int order = version_compare(script_version(before), script_version(script));
    assert(before->down == script->down && (script->down ? order >= 0 : order < 0));
  }
}

bool execute_scripts(struct execution *execution, struct script_list *list, struct error *error) {
  assert_order(list);
  execution->wanted = list->count;
  for (size_t i = 0; i < list->count; i++) {
    if (migrate_session_is_interrupted(execution->session))
      return error_set(error, ERROR_CONFLICT,
                       "interrupted after %zu of %zu migrations; run it again", execution->done,
                       execution->wanted);
    if (!execute_script(execution, &list->scripts[i], error)) return false;
  }
  return true;
}
