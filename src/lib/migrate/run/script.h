/* script.h: what a migration, or its way back, does to the database, as a list of steps. `migrate`
 * executes it, `--dry-run` prints it, `--rehearse` executes it without its COMMITs: what is printed
 * is what runs. Private to the room.
 *
 * A section that runs in a transaction is one step with the row of the history in it. One that runs
 * statement by statement is a step for each statement, each with its resume point, then the row of
 * the history. A step whose statement is repeated is run again while it changes rows. Either ends
 * with the settings put back. A section that was begun is gone on with after the statements that
 * are done. */
#pragma once

#include "lib/migrate/file/bare_statement.h"
#include "lib/migrate/run/migrate_session.h"
#include "lib/migrate/state/migrate_plan.h"

enum script_step_kind {
  SCRIPT_SETTINGS,    /* role and settings are put back: any statement may have changed them */
  SCRIPT_REPLAY,      /* a SET among the statements that an earlier run did is set again */
  SCRIPT_TRANSACTION, /* all statements and the row of the history, in one transaction */
  SCRIPT_WRAPPED,     /* one statement and its resume point, in one transaction */
  SCRIPT_BARE,        /* one statement that allows no transaction, between two resume points */
  SCRIPT_RECORD,      /* the row of the history behind a section that ran in steps */
};

struct script_step {
  enum script_step_kind kind;
  size_t first, count; /* the statements of the section that it runs; 0: none */
  bool more; /* of a SCRIPT_WRAPPED that is repeated: it changed rows, so it is due again */
  /* Of a SCRIPT_BARE. */
  struct bare_statement bare;
  bool in_doubt;       /* it was begun before, and nobody knows how that ended */
  bool is_done;        /* script_look_at_index() found that it was done */
  char *invalid_index; /* owned; an index of its name that has to be dropped first; NULL: none */
};

/* What does not differ from one migration of a run to the next. */
struct script_context {
  int server_version;            /* as libpq counts it */
  unsigned lock_timeout_ms;      /* of a section that has none of its own */
  const struct history *history; /* what last_successful_run depends on */
  char applied_by[256];          /* what follows the role's name in the history: " (user@host)" */
};

struct script {
  /* Set by whoever makes the script; what it points to must outlive it. */
  const struct script_context *context;
  const struct migration *migration; /* what is run; its path is for messages */
  bool down;
  const struct history_entry *entry;       /* what a way back undoes; NULL: the file says it all */
  const struct history_progress *progress; /* the resume point; NULL: none */
  const struct version *newest_after;      /* the newest applied version afterwards; NULL: none */

  /* Made by script_make(). */
  const struct section *section;
  size_t done_before; /* statements that an earlier run did */
  struct script_step *steps;
  size_t count;
};

struct script_list {
  struct script *scripts;
  size_t count, capacity;
};

/* Fills in who runs the script, and what the server and the options ask for. A session that is not
 * connected has no server: the one of Debian 12 is assumed. */
struct script_context script_context_new(const struct migrate_session *session,
                                         const struct history *history);

/* Makes the steps. REFUSED when the statements that are done are not those that stand in the file
 * now. */
bool script_make(struct script *script, struct error *error);
void script_free(struct script *script);

/* Makes the steps of `script` and puts it at the end of the list, which owns the steps then. */
bool script_list_add(struct script_list *list, struct script script, struct error *error);

/* The scripts of what is pending in `plan`. `newest` is the newest applied version; NULL: none. */
bool script_list_make(const struct migrate_plan *plan, const struct script_context *context,
                      const struct version *newest, struct script_list *ret_list,
                      struct error *error);
void script_list_free(struct script_list *list);

/* The version as the history has it, or will have it. */
const struct version *script_version(const struct script *script);

/* It runs statement by statement. */
bool script_is_stepwise(const struct script *script);

/* Its step `step` is the one after which the migration holds, with its row in the history. */
bool script_ends_with(const struct script_step *step);

/* Looks what an earlier try of a SCRIPT_BARE that builds or drops an index has left. Due before
 * each try. */
bool script_look_at_index(struct script_step *step, struct pg_session *session,
                          struct error *error);

/* What a step sends, each as one message: first the opening, then drop_index, then each statement,
 * then the closing. An empty one is not sent. In a rehearsal, which is one transaction, BEGIN is
 * left out, COMMIT is SET CONSTRAINTS ALL IMMEDIATE, and CONCURRENTLY is left out. */
void script_append_opening(const struct script *script, const struct script_step *step,
                           bool rehearsal, struct buffer *sql);
void script_append_drop_index(const struct script_step *step, bool rehearsal, struct buffer *sql);
void script_append_statement(const struct script *script, const struct script_step *step,
                             size_t statement, bool rehearsal, struct buffer *sql);
void script_append_closing(const struct script *script, const struct script_step *step,
                           uint64_t duration_ms, bool rehearsal, struct buffer *sql);

/* Appends the whole script as text for psql. Of what is sent it lacks only the duration. */
void script_print(const struct script *script, struct buffer *out);
