/* pg_session.h: a plain, blocking Postgres session for commands (migrate, user updates) and for
 * worker threads. The server's requests use pool.h. libpq-fe.h is included in this room alone, so
 * results come as text and a failure as a struct.
 *
 * A call blocks its thread until Postgres answers; while it waits it calls the wait callback now
 * and then (to look at blockers and progress over a second session) and heeds the interrupt flag
 * and the time limit. One thread at a time. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg_session;
struct pg_rows;

enum { PG_SQLSTATE_LENGTH = 5 };

enum pg_session_kind {
  PG_SESSION_WORK, /* settings of the session are set when it opens, see pg_session_open() */
  /* One READ ONLY transaction from the beginning to the end, in which alone those settings hold: it
   * leaves no trace in a server connection that a pooler shares. */
  PG_SESSION_LOOK,
  PG_SESSION_PLAIN, /* nothing is set before pg_session_append_reset() is sent */
};

struct pg_session_options {
  const char *connection_url;   /* libpq URL or keywords; what it says wins over the fields below */
  const char *application_name; /* as pg_stat_activity shows it; may be NULL */
  const char *database;         /* in place of the URL's; NULL: the URL's */
  unsigned connect_timeout_s;   /* for each host; 0: 10 seconds */
  unsigned limit_ms;            /* see pg_session_set_limit_ms() */
  enum pg_session_kind kind;
};

/* What Postgres said of the statement that failed last. Texts are "" where it said nothing and live
 * until the session's next call. Positions count characters from 1; 0: none. */
struct pg_failure {
  char sqlstate[PG_SQLSTATE_LENGTH + 1]; /* "" when libpq failed, not Postgres */
  const char *message, *detail, *hint, *context, *internal_query;
  size_t position;          /* in the text that was sent */
  size_t internal_position; /* in internal_query */
  bool connection_lost;     /* the session is of no further use */
  bool timed_out;           /* the time limit passed; the session is of no further use */
};

/* False when neither the URL nor PGDATABASE or a service names a database: libpq would take the one
 * that is called like the user. A URL that makes no sense passes: pg_session_open() says why. */
bool pg_session_check_database(const char *connection_url, struct error *error);

/* Connects. The session has the settings of connect.h and client_encoding UTF8. A network that is
 * gone is noticed within about 30 seconds, and a server of version 14 or later notices within a
 * second when this process dies. Kinds of error: INVALID (the URL makes no sense), DENIED (role or
 * password), NOT_FOUND (no such database), UNAVAILABLE. No message holds a password. */
bool pg_session_open(const struct pg_session_options *options, struct pg_session **ret_session,
                     struct error *error);
void pg_session_close(struct pg_session *session);
DEFINE_CLEANUP(struct pg_session *, pg_session_close);

/* Appends the statements that put every setting, the role and the session's user back to what
 * pg_session_open() made them on a server of that version (150018 is 15.18). */
void pg_session_append_reset(struct buffer *sql, int server_version);

/* Runs any number of statements with the simple protocol and drops their rows. COPY from or to the
 * client fails. An `error` says what Postgres said in one line; pg_session_failure() tells more. */
bool pg_session_exec(struct pg_session *session, const char *sql, struct error *error);

/* Runs one statement with text parameters (NULL: SQL null) and returns its rows, the caller's. */
bool pg_session_query(struct pg_session *session, const char *sql, size_t parameter_count,
                      const char *const *parameters, struct pg_rows **ret_rows,
                      struct error *error);

/* How many rows the last statement of the last call inserted, changed, deleted or returned. */
uint64_t pg_session_affected(const struct pg_session *session);

size_t pg_session_rows_count(const struct pg_rows *rows);

/* A value as text, NULL for SQL null; it lives as long as `rows`. Asserts that it exists. */
const char *pg_session_rows_text(const struct pg_rows *rows, size_t row, size_t column);
bool pg_session_rows_bool(const struct pg_rows *rows, size_t row, size_t column); /* null: false */
int64_t pg_session_rows_integer(const struct pg_rows *rows, size_t row,
                                size_t column); /* null: 0 */
void pg_session_rows_free(struct pg_rows *rows);
DEFINE_CLEANUP(struct pg_rows *, pg_session_rows_free);

/* The last failure; its texts are "" when nothing failed yet. */
const struct pg_failure *pg_session_failure(const struct pg_session *session);

/* Called for every NOTICE and WARNING: severity ("NOTICE", …), message, hint or "". NULL: none, as
 * it is at first. */
typedef void (*pg_notice)(const char *severity, const char *message, const char *detail,
                          void *argument);
void pg_session_on_notice(struct pg_session *session, pg_notice notice, void *argument);

/* Called while a statement runs: after `first_ms`, then every `every_ms`. It must not use this
 * session. NULL: none. */
typedef void (*pg_wait)(uint64_t waited_ms, void *argument);
void pg_session_on_wait(struct pg_session *session, pg_wait wait, void *argument, unsigned first_ms,
                        unsigned every_ms);

/* When `*flag` becomes true (by a signal handler, or another thread) the running statement is
 * cancelled and fails with SQLSTATE 57014. The flag must outlive the session. NULL: none. */
void pg_session_set_interrupt(struct pg_session *session, const atomic_bool *flag);

/* A statement that runs longer fails as ERROR_UNAVAILABLE and loses the connection. 0: no limit. */
void pg_session_set_limit_ms(struct pg_session *session, unsigned limit_ms);

/* The backend's process id as it was announced when the session was opened. A pooler announces a
 * number of its own, which differs from what pg_backend_pid() says. */
int pg_session_announced_pid(const struct pg_session *session);

/* The server's version as libpq counts it: 150018 is 15.18. */
int pg_session_server_version(const struct pg_session *session);

/* Fails as REFUSED unless the database's encoding is UTF8; the message says how to convert it. */
bool pg_session_check_encoding(const struct pg_session *session, struct error *error);

/* The server is inside a transaction block, be it one that failed. */
bool pg_session_in_transaction(const struct pg_session *session);

/* Names of the database and the host ("" for the default socket) as libpq resolved them. */
const char *pg_session_database(const struct pg_session *session);
const char *pg_session_host(const struct pg_session *session);

/* Appends `text` as an SQL literal or identifier, quoted. */
void pg_session_append_literal(struct buffer *sql, struct str text);
void pg_session_append_identifier(struct buffer *sql, struct str name);
