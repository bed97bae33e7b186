/* apply.h: runs one section of one migration, with its row in the history. Private to the room. */
#pragma once

#include "lib/migrate/run/runner.h"

struct operation {
  const struct migration *migration; /* what is run; its path is for messages */
  const struct section *section;     /* its up or its down */
  bool down;
  const struct history_progress *progress; /* the resume point; NULL: none */
  const struct version *newest_after;      /* what last_successful_run becomes; NULL: '0' */
};

/* Runs it and commits: in one transaction with the history, tried again while a lock is not to be
 * had, or statement by statement. Everything that happens is said; what holds is said after the
 * commit. */
bool apply_operation(struct runner *runner, const struct operation *operation, struct error *error);

/* --- For stepwise.c --- */

/* Appends the row of the history and what goes with it. */
void apply_append_history(struct buffer *sql, const struct runner *runner,
                          const struct operation *operation, uint64_t duration_ms);

/* Runs `statement`; a failure is not said yet. */
bool apply_run_statement(struct runner *runner, const struct migration *migration,
                         const struct statement *statement, struct error *error);

/* Appends "SET LOCAL …" (or "SET …") of the lock timeout and of the name that others see. */
void apply_append_settings(struct buffer *sql, const struct runner *runner,
                           const struct operation *operation, const char *set,
                           unsigned lock_timeout_ms);

unsigned apply_lock_timeout_ms(const struct runner *runner, const struct operation *operation);

/* After a failure: says that it is tried again, and why, and sleeps; false when the tries are used
 * up or the failure is of another kind. */
bool apply_wait_and_retry(struct runner *runner, const struct operation *operation,
                          unsigned attempt);

/* Ends a failed transaction and says what happened (the session's last failure). `rolled_back`
 * begins the sentence on the database's state. Returns false. */
bool apply_fail(struct runner *runner, const struct operation *operation,
                const struct statement *statement, const char *rolled_back, struct error *error);

/* Says that the operation holds. */
void apply_say_done(struct runner *runner, const struct operation *operation, uint64_t duration_ms);

/* Some statement of the section changes settings of the session. */
bool apply_changes_settings(const struct operation *operation);
