/* history.h: what the database remembers of its migrations.
 *
 * schema_migrations has a row for each applied migration. schema_migrations_progress has a row for
 * each that was begun statement by statement (transaction:false) and is not finished: the resume
 * point. schema_information.last_successful_run, which operators and older tools read, holds the
 * later, by time, of the newest applied version and the mark that was found there when the database
 * was adopted. All three change in the transaction of the migration itself.
 *
 * The mark is kept in schema_migrations_adopted, a table that only databases have where there was
 * one. In schema_migrations it would make files that are older look late. What a database without a
 * history already has is found out by adoption.h. */
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
  bool absent;         /* adopted, but the schema does not have it: see adoption.h */
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
  bool has_mark, keeps_mark;     /* a mark was found; schema_migrations_adopted has it */
  struct version mark;           /* when it was */
  struct history_entry *entries; /* in the order of time */
  size_t count;
  struct history_progress *progress;
  size_t progress_count;
};

/* Reads the history; one without tables is empty. Changes nothing. */
bool history_load(struct pg_session *session, struct history *ret_history, struct error *error);
void history_free(struct history *history);

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

/* What last_successful_run is when `newest` is the newest applied version (NULL: none): NULL stands
 * for '0'. */
const struct version *history_last_run(const struct history *history, const struct version *newest);

/* Append SQL: the tables where they are missing, and the rows that record an event. `last_run` is
 * what last_successful_run becomes (NULL: '0'). */
void history_append_tables(struct buffer *sql);
void history_append_mark(struct buffer *sql, const struct version *mark);
void history_append_applied(struct buffer *sql, const struct migration *migration,
                            uint64_t duration_ms, const char *applied_by, bool adopted);
void history_append_accepted(struct buffer *sql, const struct migration *migration,
                             const struct version *version);
void history_append_rolled_back(struct buffer *sql, const struct version *version);
void history_append_progress(struct buffer *sql, const struct migration *migration,
                             const struct section *section, const struct version *version,
                             size_t done, bool running);
void history_append_progress_end(struct buffer *sql, const struct version *version);
void history_append_last_run(struct buffer *sql, const struct version *last_run);
