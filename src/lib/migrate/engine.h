/* engine.h: what the commands of migrations do, and what the server does before it serves.
 *
 * Each function connects and works. When it returns false, `error` holds one line that says why, of
 * a kind that says how: INVALID (a flag, a folder, a version or the URL), REFUSED (nothing was
 * done: late or changed files, no way back, a pooler), UNAVAILABLE (the database was not reached or
 * was lost, another runner holds the lock), DENIED (role, password or rights), CONFLICT (anything
 * else that failed). What happens on the way is said to the reporter. Nothing here prints. */
#pragma once

#include "lib/base/error.h"
#include "lib/migrate/report.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
  MIGRATE_LOCK_TIMEOUT_MS = 2000, /* of a statement that waits for a table */
  MIGRATE_LOCK_TRIES = 10,        /* of the whole transaction */
  MIGRATE_WAIT_MS = 600000,       /* for another runner */
};

struct migrate_options {
  const char *connection_url;
  const char *database; /* in place of the URL's; NULL: the URL's */
  const char *dir;      /* NULL: the migrations that the build embedded */
  bool allow_late;      /* apply files that are older than the newest applied */
  unsigned lock_timeout_ms, lock_tries;
  unsigned wait_ms;             /* for another runner */
  const atomic_bool *interrupt; /* set by a signal: stop at the next chance; may be NULL */
};

#define MIGRATE_OPTIONS_DEFAULT                                                                    \
  ((struct migrate_options){.lock_timeout_ms = MIGRATE_LOCK_TIMEOUT_MS,                            \
                            .lock_tries = MIGRATE_LOCK_TRIES,                                      \
                            .wait_ms = MIGRATE_WAIT_MS})

/* Applies what is pending, in the order of time. */
bool migrate_up(const struct migrate_options *options, const struct migrate_reporter *reporter,
                struct error *error);

/* Undoes the newest `steps` migrations, or, when `to` is not NULL, all that are newer than `to`
 * ("0": all). The SQL is what was stored when they were applied. */
bool migrate_rollback(const struct migrate_options *options, size_t steps, const char *to,
                      const struct migrate_reporter *reporter, struct error *error);

struct migrate_status_options {
  bool json;
  const char *sizes_path; /* write there how large the tables are; NULL: do not */
  bool drift; /* compare the schema with db/schema.sql, which is loaded into a scratch database */
};

/* Says (SAY_OUTPUT) what is applied and what is pending, for people or as JSON. PENDING when
 * something is, or was adopted wrongly; drift counts for nothing. Changes nothing. */
bool migrate_status(const struct migrate_options *options,
                    const struct migrate_status_options *status,
                    const struct migrate_reporter *reporter, struct error *error);

/* Says the SQL that migrate_up() would run. Reads only; without a connection URL nothing counts as
 * applied. */
bool migrate_dry_run(const struct migrate_options *options, const struct migrate_reporter *reporter,
                     struct error *error);

/* Runs what is pending in one transaction, says the time and the locks of each, and rolls back. */
bool migrate_rehearse(const struct migrate_options *options,
                      const struct migrate_reporter *reporter, struct error *error);

/* Runs each migration up, down and up again in a scratch database beside the one of the URL and
 * compares the schemas. */
bool migrate_verify(const struct migrate_options *options, const struct migrate_reporter *reporter,
                    struct error *error);

/* Accepts files that changed after they were applied: the history stores their new text. With
 * `version` only that one; with `forget` its resume point is dropped instead. */
bool migrate_repair(const struct migrate_options *options, const char *version, bool forget,
                    const struct migrate_reporter *reporter, struct error *error);

/* Makes pending what was recorded as found in the schema when the database was adopted, and is not
 * there. */
bool migrate_repair_adoption(const struct migrate_options *options,
                             const struct migrate_reporter *reporter, struct error *error);

/* Looks for what may hurt: in the pending migrations when there is a URL, else in all. The tables
 * are as large as the file at `sizes_path` says (NULL: as the database says, where there is one).
 * CONFLICT when something was found. */
bool migrate_lint(const struct migrate_options *options, const char *sizes_path,
                  const struct migrate_reporter *reporter, struct error *error);

/* Writes a new, empty migration into `dir` and says (SAY_OUTPUT) its path. */
bool migrate_new(const char *dir, const char *name, const struct migrate_reporter *reporter,
                 struct error *error);
