/* history.h: what the database remembers of its migrations.
 *
 * schema_migrations has a row for each applied migration. schema_migrations_progress has a row for
 * each that was begun statement by statement (transaction:false) and is not finished: the resume
 * point. schema_information.last_successful_run, which operators and older tools read, holds the
 * newest applied version. All three change in the transaction of the migration itself.
 *
 * A database that has no schema_migrations yet is adopted: what each migration's applied-if finds
 * in the schema counts as applied; one without applied-if counts when it is not later than
 * last_successful_run. What is found missing among them is remembered with a resume point at its
 * start, so that it is not taken for a late file. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/migrate/file/migration_set.h"
#include "lib/pg/pg_session.h"

struct history_entry {
  struct version version;
  char *name;
  char *checksum;   /* NULL: not known */
  char *up_sql;     /* as applied, markers included; NULL: not known (schema.sql was loaded) */
  char *down_sql;   /* NULL: not known, or the migration has no way back */
  char *applied_at; /* RFC 3339 in UTC */
  char *applied_by;
  int64_t duration_ms; /* -1: not known */
  bool adopted;        /* found in the schema, not run by this runner */
};

struct history_progress {
  struct version version;
  bool down;         /* of the way back */
  size_t done;       /* statements that are done */
  bool running;      /* the next one was begun, and may be done or half done */
  char checksum[65]; /* over the done statements, normalised */
};

struct history {
  bool exists;                   /* the tables are there; false: the rest is what adoption found */
  char *last_successful_run;     /* NULL: no such row or table */
  struct history_entry *entries; /* in the order of time */
  size_t count;
  struct history_progress *progress;
  size_t progress_count;
};

/* Reads the history, or finds out what adoption would write; changes nothing. */
bool history_load(struct pg_session *session, const struct migration_set *set,
                  struct history *ret_history, struct error *error);
void history_free(struct history *history);

/* Writes the tables and what history_load() found, in one transaction. */
bool history_adopt(struct pg_session *session, const struct migration_set *set,
                   struct history *history, struct error *error);

/* Where one migration stands. */
struct history_mark {
  bool applied, begun;    /* it has a row in the history, or a resume point */
  size_t statements_done; /* when it was begun */
};

/* Asks the database where the migration of that version, as the history has it, stands now. */
bool history_look_up(struct pg_session *session, const struct version *version,
                     struct history_mark *ret_mark, struct error *error);

const struct history_entry *history_find(const struct history *history,
                                         const struct version *version);
const struct history_progress *history_find_progress(const struct history *history,
                                                     const struct version *version);

/* The newest applied version; NULL: none. */
const struct version *history_newest(const struct history *history);

/* Append SQL: the tables where they are missing with what adoption found, and the rows that record
 * an event. `newest` is what last_successful_run becomes (NULL: '0'). */
void history_append_adoption(struct buffer *sql, const struct migration_set *set,
                             const struct history *history);
void history_append_applied(struct buffer *sql, const struct migration *migration,
                            uint64_t duration_ms, const char *applied_by, bool adopted);
void history_append_accepted(struct buffer *sql, const struct migration *migration,
                             const struct version *version);
void history_append_rolled_back(struct buffer *sql, const struct version *version);
void history_append_progress(struct buffer *sql, const struct migration *migration,
                             const struct section *section, const struct version *version,
                             size_t done, bool running);
void history_append_progress_end(struct buffer *sql, const struct version *version);
void history_append_last_run(struct buffer *sql, const struct version *newest);
