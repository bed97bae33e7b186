/* stepwise.c: see stepwise.h. */
#include "lib/migrate/run/stepwise.h"

#include "lib/base/clock.h"
#include "lib/migrate/file/scanner.h"
#include "lib/migrate/run/concurrent.h"

#include <stdlib.h>

struct steps {
  struct runner *runner;
  const struct operation *operation;
  size_t next;   /* the statement to run */
  bool in_doubt; /* it was begun by a run that ended before it could say how it went */
};

static const struct statement *current(const struct steps *steps) {
  return &steps->operation->section->statements[steps->next];
}

static bool fail(struct steps *steps, struct error *error) {
  struct buffer state = BUFFER_EMPTY;
  buffer_append_format(&state,
                       "%zu of %zu statements are done and stay; the next run goes on with "
                       "this one",
                       steps->next, steps->operation->section->count);
  apply_fail(steps->runner, steps->operation,
             steps->next < steps->operation->section->count ? current(steps) : NULL,
             buffer_text(&state), error);
  buffer_free(&state);
  return false;
}

static void append_progress(const struct steps *steps, struct buffer *sql, size_t done,
                            bool running) {
  history_append_progress(sql, steps->operation->migration, steps->operation->section, done,
                          running);
}

static bool execute(struct steps *steps, struct buffer *sql, struct error *error) {
  migrate_watch_forget(&steps->runner->watch);
  bool done = pg_session_exec(steps->runner->session, buffer_text(sql), error);
  buffer_free(sql);
  return done;
}

/* --- Statements that can share a transaction with their resume point --- */

static bool run_with_resume_point(struct steps *steps, struct error *error) {
  const struct operation *operation = steps->operation;
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, "BEGIN;");
  apply_append_settings(&sql, steps->runner, operation, "SET LOCAL",
                        apply_lock_timeout_ms(steps->runner, operation));
  if (!execute(steps, &sql, error)) return false;
  if (!apply_run_statement(steps->runner, operation->migration, current(steps), error))
    return false;
  append_progress(steps, &sql, steps->next + 1, false);
  buffer_append_text(&sql, "COMMIT;");
  return execute(steps, &sql, error);
}

static bool run_wrapped(struct steps *steps, struct error *error) {
  for (unsigned tries = 0; !run_with_resume_point(steps, error); tries++)
    if (!apply_wait_and_retry(steps->runner, steps->operation, tries)) return false;
  return true;
}

/* --- Statements that cannot --- */

static bool drop_invalid_index(struct steps *steps, const char *name, struct error *error) {
  report(steps->runner->reporter, SAY_NOTE,
         "index %s is invalid, left by a build that did not end: dropping it and building it anew",
         name);
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_format(&sql, "DROP INDEX CONCURRENTLY %s", name);
  return execute(steps, &sql, error);
}

/* Looks at what an earlier try left. `*ret_skip`: the statement was done already. */
static bool clear_the_way(struct steps *steps, const struct bare_statement *bare, bool *ret_skip,
                          struct error *error) {
  *ret_skip = false;
  if (bare->kind == BARE_OTHER || bare->index.length == 0) return true;
  enum index_state state;
  _cleanup_free_ char *name = NULL;
  if (!concurrent_index_state(steps->runner->session, bare, &state, &name, error)) return false;
  if (bare->kind == BARE_DROP_INDEX) {
    *ret_skip = steps->in_doubt && state == INDEX_ABSENT;
    return true;
  }
  *ret_skip = steps->in_doubt && state == INDEX_VALID;
  return state != INDEX_INVALID || drop_invalid_index(steps, name, error);
}

/* IF NOT EXISTS is content with an invalid index of that name: we are not. */
static bool check_result(struct steps *steps, const struct bare_statement *bare,
                         struct error *error) {
  if (bare->kind != BARE_CREATE_INDEX || bare->index.length == 0) return true;
  enum index_state state;
  _cleanup_free_ char *name = NULL;
  if (!concurrent_index_state(steps->runner->session, bare, &state, &name, error)) return false;
  if (state == INDEX_VALID) return true;
  return error_set(error, ERROR_CONFLICT, "index %.*s is not valid after its build",
                   (int)bare->index.length, bare->index.data);
}

static bool mark(struct steps *steps, size_t done, bool running, unsigned lock_timeout_ms,
                 struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  apply_append_settings(&sql, steps->runner, steps->operation, "SET", lock_timeout_ms);
  append_progress(steps, &sql, done, running);
  return execute(steps, &sql, error);
}

static bool run_bare_once(struct steps *steps, const struct bare_statement *bare,
                          struct error *error) {
  bool skip;
  /* A concurrent build waits for old transactions, not in anybody's way: no lock timeout. */
  unsigned timeout =
      bare->concurrently ? 0 : apply_lock_timeout_ms(steps->runner, steps->operation);
  if (!mark(steps, steps->next, true, timeout, error)) return false;
  if (!clear_the_way(steps, bare, &skip, error)) return false;
  steps->in_doubt = true;
  if (skip)
    report(steps->runner->reporter, SAY_NOTE, "statement %zu was done by an earlier run",
           steps->next + 1);
  else if (!apply_run_statement(steps->runner, steps->operation->migration, current(steps), error))
    return false;
  return check_result(steps, bare, error) && mark(steps, steps->next + 1, false, timeout, error);
}

static bool run_bare(struct steps *steps, const struct bare_statement *bare, struct error *error) {
  for (unsigned tries = 0; !run_bare_once(steps, bare, error); tries++)
    if (!apply_wait_and_retry(steps->runner, steps->operation, tries)) return false;
  steps->in_doubt = false;
  return true;
}

/* --- The section --- */

/* Settings live in the session: what an earlier run SET has to be SET again. */
static bool replay_settings(struct steps *steps, struct error *error) {
  const struct operation *operation = steps->operation;
  for (size_t i = 0; i < steps->next; i++) {
    const struct statement *statement = &operation->section->statements[i];
    struct str sql = migration_statement_text(operation->migration, statement);
    struct scanner scanner = {.text = sql};
    struct token first = scanner_next_code(&scanner);
    if (!scanner_is_word(sql, &first, "set") && !scanner_is_word(sql, &first, "reset")) continue;
    if (!apply_run_statement(steps->runner, operation->migration, statement, error)) return false;
  }
  return true;
}

static bool resume(struct steps *steps, struct error *error) {
  const struct operation *operation = steps->operation;
  const struct history_progress *progress = operation->progress;
  if (!progress || (progress->done == 0 && !progress->running)) return true;
  char checksum[65] = "";
  if (progress->done <= operation->section->count)
    migration_section_checksum(operation->migration, operation->section, progress->done, checksum);
  if (strcmp(checksum, progress->checksum) != 0) {
    return error_set(
        error, ERROR_REFUSED,
        "%s: its first %zu statements have run in this database, and the file says something "
        "else there now; put them back as they were (statements behind them may change), or "
        "drop the resume point with `cruddur repair --forget %s` and make the file fit what "
        "is there; nothing was done",
        operation->migration->path, progress->done, operation->migration->version.text);
  }
  steps->next = progress->done;
  steps->in_doubt = progress->running;
  report(steps->runner->reporter, SAY_NOTE, "%s_%s: going on with statement %zu of %zu",
         operation->migration->version.text, operation->migration->name, steps->next + 1,
         operation->section->count);
  return replay_settings(steps, error) || fail(steps, error);
}

static bool record(struct steps *steps, uint64_t duration_ms, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, "BEGIN;");
  apply_append_history(&sql, steps->runner, steps->operation, duration_ms);
  buffer_append_text(&sql, "COMMIT;");
  return execute(steps, &sql, error);
}

bool stepwise_apply(struct runner *runner, const struct operation *operation, struct error *error) {
  struct steps steps = {.runner = runner, .operation = operation};
  uint64_t started = clock_monotonic_us();
  if (!resume(&steps, error)) return false;
  for (; steps.next < operation->section->count; steps.next++) {
    struct bare_statement bare =
        bare_statement_parse(migration_statement_text(operation->migration, current(&steps)));
    bool done =
        bare.kind == BARE_NONE ? run_wrapped(&steps, error) : run_bare(&steps, &bare, error);
    if (!done) return fail(&steps, error);
  }
  uint64_t duration_ms = (clock_monotonic_us() - started) / 1000;
  if (!record(&steps, duration_ms, error)) return fail(&steps, error);
  apply_say_done(runner, operation, duration_ms);
  return true;
}
