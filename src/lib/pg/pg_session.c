/* pg_session.c: a plain, blocking session with Postgres.
 *
 * A session belongs to one thread at a time. Statements are sent without blocking and waited for
 * with poll(), so that the wait callback, the interrupt flag and the time limit have their turn.
 * The session owns the result that its last failure points into, until its next call. */
#include "lib/pg/pg_session.h"

#include "lib/base/clock.h"
#include "lib/pg/connect.h"
#include "lib/pg/connection_url.h"

#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_TIMEOUT_S = 10, CANCEL_MESSAGE_SIZE = 256, POLL_FOREVER = -1 };

/* A flag that another thread raises wakes nobody, nor does a signal that comes just before poll().
 */
enum { INTERRUPT_LOOK_MS = 200 };

struct pg_session {
  PGconn *connection;
  PGresult *failed; /* what `failure` points into; NULL when libpq itself failed */
  struct pg_failure failure;
  char *libpq_message; /* owned copy of PQerrorMessage() */
  pg_notice notice;
  void *notice_argument;
  pg_wait wait;
  void *wait_argument;
  unsigned wait_first_ms, wait_every_ms, limit_ms;
  const atomic_bool *interrupt;
  enum pg_session_kind kind;
  uint64_t affected; /* rows, by the last statement that succeeded */
};

struct pg_rows {
  PGresult *result;
};

static void clear_failure(struct pg_session *session) {
  PQclear(session->failed);
  session->failed = NULL;
  free(session->libpq_message);
  session->libpq_message = NULL;
  session->failure = (struct pg_failure){
      .message = "", .detail = "", .hint = "", .context = "", .internal_query = ""};
}

static void on_notice(void *argument, const PGresult *result) {
  struct pg_session *session = argument;
  if (!session->notice) return;
  const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
  session->notice(severity ? severity : "NOTICE", message ? message : "", detail ? detail : "",
                  session->notice_argument);
}

/* --- Connecting --- */

/* libpq tells why a connection failed in words alone. */
static enum error_kind connect_error_kind(const PGconn *connection) {
  static const struct {
    const char *words;
    enum error_kind kind;
  } KNOWN[] = {
      {"password authentication failed", ERROR_DENIED},
      {"no password supplied", ERROR_DENIED},
      {"authentication failed", ERROR_DENIED},
      {"no pg_hba.conf entry", ERROR_DENIED},
      {"permission denied for database", ERROR_DENIED},
      {"is not permitted to log in", ERROR_DENIED},
      {"role \"", ERROR_DENIED},
      {"database \"", ERROR_NOT_FOUND},
  };
  if (PQconnectionNeedsPassword(connection)) return ERROR_DENIED;
  const char *message = PQerrorMessage(connection);
  if (strncmp(message, "invalid ", 8) == 0) return ERROR_INVALID; /* a value in the URL */
  for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++) {
    const char *found = strstr(message, KNOWN[i].words);
    if (!found) continue;
    bool named = strchr(KNOWN[i].words, '"') != NULL;
    if (!named || strstr(found, "does not exist")) return KNOWN[i].kind;
  }
  return ERROR_UNAVAILABLE;
}

/* One line of a message of several: people read it behind a prefix. */
static bool error_set_line(struct error *error, enum error_kind kind, const char *message) {
  size_t length = strlen(message);
  while (length > 0 && (message[length - 1] == '\n' || message[length - 1] == ' '))
    length--;
  struct buffer line = BUFFER_EMPTY;
  for (size_t i = 0; i < length; i++)
    if (message[i] == '\n')
      buffer_append_text(&line, "; ");
    else if (message[i] != '\t')
      buffer_append_char(&line, message[i]);
  error_set(error, kind, "%s", buffer_text(&line));
  buffer_free(&line);
  return false;
}

static PGconn *connect_with(const struct pg_session_options *options) {
  char timeout[16];
  snprintf(timeout, sizeof(timeout), "%u",
           options->connect_timeout_s ? options->connect_timeout_s : CONNECT_TIMEOUT_S);
  /* A later keyword wins: the URL over our defaults, our encoding over the URL. Only the first
   * dbname is read as a URL. */
  const char *keywords[] = {"connect_timeout",
                            "keepalives_idle",
                            "keepalives_interval",
                            "keepalives_count",
                            "tcp_user_timeout",
                            "dbname",
                            "fallback_application_name",
                            "client_encoding",
                            options->database ? "dbname" : NULL,
                            NULL};
  const char *values[] = {timeout,
                          "10",
                          "5",
                          "4",
                          "30000",
                          options->connection_url,
                          options->application_name ? options->application_name : "cruddur",
                          "UTF8",
                          options->database,
                          NULL};
  return PQconnectdbParams(keywords, values, 1);
}

static void append_settings(struct buffer *sql, bool is_local, int server_version) {
  buffer_append_text(sql, is_local ? "SELECT " CONNECT_SETTINGS("true") ";\n"
                                   : "SELECT " CONNECT_SETTINGS("false") ";\n");
  if (server_version >= 140000)
    buffer_append_format(sql, "SET %s client_connection_check_interval = '1s';\n",
                         is_local ? "LOCAL" : "SESSION");
}

static bool prepare_session(struct pg_session *session, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  bool look = session->kind == PG_SESSION_LOOK;
  if (look) buffer_append_text(&sql, "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY;\n");
  append_settings(&sql, look, pg_session_server_version(session));
  bool done = pg_session_exec(session, buffer_text(&sql), error);
  buffer_free(&sql);
  return done;
}

void pg_session_append_reset(struct buffer *sql, int server_version) {
  buffer_append_text(sql, "RESET ALL;\nRESET ROLE;\nRESET SESSION AUTHORIZATION;\n");
  append_settings(sql, false, server_version);
}

static bool is_given(const PQconninfoOption *options, const char *keyword) {
  for (; options->keyword; options++)
    if (strcmp(options->keyword, keyword) == 0) return options->val && options->val[0];
  return false;
}

bool pg_session_check_database(const char *connection_url, struct error *error) {
  const char *database = getenv("PGDATABASE"), *service = getenv("PGSERVICE");
  PQconninfoOption *options = PQconninfoParse(connection_url, NULL);
  bool named = !options || is_given(options, "dbname") || is_given(options, "service") ||
               (database && *database) || (service && *service);
  PQconninfoFree(options);
  return named || error_set(error, ERROR_INVALID,
                            "CONNECTION_URL names no database, for example "
                            "CONNECTION_URL=postgresql://user:password@host:5432/cruddur");
}

bool pg_session_open(const struct pg_session_options *options, struct pg_session **ret_session,
                     struct error *error) {
  if (!connection_url_check(options->connection_url, error)) return false;
  struct pg_session *session = calloc(1, sizeof(*session));
  if (!session) return error_set(error, ERROR_MEMORY, "out of memory");
  clear_failure(session);
  session->limit_ms = options->limit_ms;
  session->kind = options->kind;
  session->connection = connect_with(options);
  if (!session->connection) {
    error_set(error, ERROR_MEMORY, "out of memory");
  } else if (PQstatus(session->connection) != CONNECTION_OK) {
    error_set_line(error, connect_error_kind(session->connection),
                   PQerrorMessage(session->connection));
  } else {
    PQsetNoticeReceiver(session->connection, on_notice, session);
    if (options->kind == PG_SESSION_PLAIN || prepare_session(session, error)) {
      *ret_session = session;
      return true;
    }
  }
  pg_session_close(session);
  return false;
}

void pg_session_close(struct pg_session *session) {
  if (!session) return;
  clear_failure(session);
  PQfinish(session->connection);
  free(session);
}

/* --- Failures --- */

static const char *field(const PGresult *result, int code) {
  const char *text = PQresultErrorField(result, code);
  return text ? text : "";
}

static size_t position(const PGresult *result, int code) {
  uint64_t number = 0;
  return str_to_u64(str_from(field(result, code)), 1, SIZE_MAX, &number) ? (size_t)number : 0;
}

static enum error_kind failure_kind(const struct pg_failure *failure) {
  if (failure->connection_lost || failure->timed_out) return ERROR_UNAVAILABLE;
  if (strncmp(failure->sqlstate, "53", 2) == 0) return ERROR_UNAVAILABLE;
  if (strcmp(failure->sqlstate, "55P03") == 0) return ERROR_UNAVAILABLE;
  if (strcmp(failure->sqlstate, "42501") == 0) return ERROR_DENIED;
  return ERROR_CONFLICT;
}

/* The server ends the session, and says so before it does: 57P01 to 57P05, and 25P03 for one that
 * was idle in a transaction. */
static bool ends_session(const char *sqlstate) {
  return strncmp(sqlstate, "57P0", 4) == 0 || strcmp(sqlstate, "25P03") == 0;
}

/* Takes `result` over. */
static void keep_server_failure(struct pg_session *session, PGresult *result) {
  session->failed = result;
  struct pg_failure *failure = &session->failure;
  snprintf(failure->sqlstate, sizeof(failure->sqlstate), "%s", field(result, PG_DIAG_SQLSTATE));
  failure->message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  failure->detail = field(result, PG_DIAG_MESSAGE_DETAIL);
  failure->hint = field(result, PG_DIAG_MESSAGE_HINT);
  failure->context = field(result, PG_DIAG_CONTEXT);
  failure->internal_query = field(result, PG_DIAG_INTERNAL_QUERY);
  failure->position = position(result, PG_DIAG_STATEMENT_POSITION);
  failure->internal_position = position(result, PG_DIAG_INTERNAL_POSITION);
  if (failure->message[0] == '\0') failure->message = PQresultErrorMessage(result);
  if (ends_session(failure->sqlstate) || PQstatus(session->connection) != CONNECTION_OK)
    failure->connection_lost = true;
}

static void keep_libpq_failure(struct pg_session *session) {
  struct pg_failure *failure = &session->failure;
  session->libpq_message = strdup(PQerrorMessage(session->connection));
  failure->message = session->libpq_message ? session->libpq_message : "out of memory";
  failure->connection_lost = PQstatus(session->connection) != CONNECTION_OK;
}

static bool report_failure(struct pg_session *session, struct error *error) {
  const struct pg_failure *failure = &session->failure;
  error_set_line(error, failure_kind(failure), failure->message);
  return false;
}

/* --- Running --- */

static void cancel_running(struct pg_session *session) {
  char message[CANCEL_MESSAGE_SIZE];
  PGcancel *cancel = PQgetCancel(session->connection);
  if (cancel) PQcancel(cancel, message, sizeof(message));
  PQfreeCancel(cancel);
}

struct session_wait {
  uint64_t started_us;
  uint64_t next_call_ms; /* of the wait callback, since `started_us` */
  bool cancelled;
};

static int poll_timeout_ms(const struct pg_session *session, const struct session_wait *waiting,
                           uint64_t waited_ms) {
  uint64_t until = UINT64_MAX;
  if (session->wait && waiting->next_call_ms < until) until = waiting->next_call_ms;
  if (session->limit_ms && session->limit_ms < until) until = session->limit_ms;
  if (session->interrupt && waited_ms + INTERRUPT_LOOK_MS < until)
    until = waited_ms + INTERRUPT_LOOK_MS;
  if (until == UINT64_MAX) return POLL_FOREVER;
  return until > waited_ms ? (int)(until - waited_ms) : 0;
}

/* Waits until the socket can be read (or written, while output is left) and does what falls due.
 * Returns false when the session is lost or the time is up. */
static bool wait_for_socket(struct pg_session *session, struct session_wait *waiting,
                            bool output_left) {
  uint64_t waited_ms = (clock_monotonic_us() - waiting->started_us) / 1000;
  if (session->limit_ms && waited_ms >= session->limit_ms) {
    session->failure.timed_out = true;
    return false;
  }
  if (session->interrupt && *session->interrupt && !waiting->cancelled) {
    waiting->cancelled = true;
    cancel_running(session);
  }
  if (session->wait && waited_ms >= waiting->next_call_ms) {
    session->wait(waited_ms, session->wait_argument);
    waiting->next_call_ms = waited_ms + session->wait_every_ms;
  }
  short events = output_left ? POLLIN | POLLOUT : POLLIN;
  struct pollfd socket = {.fd = PQsocket(session->connection), .events = events};
  if (socket.fd < 0) return false;
  if (poll(&socket, 1, poll_timeout_ms(session, waiting, waited_ms)) < 0 && errno != EINTR)
    return false;
  if (!(socket.revents & (POLLIN | POLLHUP | POLLERR))) return true;
  return PQconsumeInput(session->connection) == 1;
}

/* The next result of what was sent; NULL in `*ret_result` at its end. */
static bool next_result(struct pg_session *session, struct session_wait *waiting,
                        PGresult **ret_result) {
  for (;;) {
    int output_left = PQflush(session->connection);
    if (output_left < 0) return false;
    if (output_left == 0 && !PQisBusy(session->connection)) break;
    if (!wait_for_socket(session, waiting, output_left > 0)) return false;
  }
  *ret_result = PQgetResult(session->connection);
  return true;
}

/* Ends a COPY that a statement began: nobody is there to feed it or to read it. */
static void end_copy(struct pg_session *session, ExecStatusType status) {
  if (status == PGRES_COPY_IN || status == PGRES_COPY_BOTH) {
    PQputCopyEnd(session->connection, "COPY FROM STDIN has no data here");
    return;
  }
  char *row = NULL;
  while (PQgetCopyData(session->connection, &row, 0) > 0)
    PQfreemem(row);
}

static void note_affected(struct pg_session *session, PGresult *result) {
  uint64_t rows = 0;
  session->affected = str_to_u64(str_from(PQcmdTuples(result)), 0, UINT64_MAX, &rows) ? rows : 0;
}

/* Reads everything that what was sent answers. The last rows go to `*ret_rows`, the caller's. */
static bool collect(struct pg_session *session, PGresult **ret_rows) {
  struct session_wait waiting = {.started_us = clock_monotonic_us(),
                                 .next_call_ms = session->wait_first_ms};
  bool failed = false;
  for (;;) {
    PGresult *result = NULL;
    if (!next_result(session, &waiting, &result)) {
      if (!failed) keep_libpq_failure(session);
      session->failure.connection_lost = true;
      return false;
    }
    if (!result) return !failed;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_SINGLE_TUPLE) {
      PQclear(result);
    } else if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
               status == PGRES_EMPTY_QUERY) {
      note_affected(session, result);
      PQclear(*ret_rows);
      *ret_rows = result;
    } else if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      end_copy(session, status);
      PQclear(result);
    } else if (!failed) {
      failed = true;
      keep_server_failure(session, result);
    } else {
      PQclear(result);
    }
  }
}

static bool finish(struct pg_session *session, bool sent, struct pg_rows **ret_rows,
                   struct error *error) {
  PGresult *result = NULL;
  if (!sent)
    keep_libpq_failure(session);
  else if (!collect(session, &result))
    sent = false;
  if (!sent) {
    PQclear(result);
    return report_failure(session, error);
  }
  if (!ret_rows) {
    PQclear(result);
    return true;
  }
  struct pg_rows *rows = malloc(sizeof(*rows));
  if (!rows) {
    PQclear(result);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  rows->result = result;
  *ret_rows = rows;
  return true;
}

bool pg_session_exec(struct pg_session *session, const char *sql, struct error *error) {
  clear_failure(session);
  bool sent = PQsendQuery(session->connection, sql) == 1;
  if (sent) PQsetSingleRowMode(session->connection); /* rows that nobody reads are not gathered */
  return finish(session, sent, NULL, error);
}

bool pg_session_query(struct pg_session *session, const char *sql, size_t parameter_count,
                      const char *const *parameters, struct pg_rows **ret_rows,
                      struct error *error) {
  clear_failure(session);
  bool sent = PQsendQueryParams(session->connection, sql, (int)parameter_count, NULL, parameters,
                                NULL, NULL, 0) == 1;
  return finish(session, sent, ret_rows, error);
}

/* --- Rows --- */

size_t pg_session_rows_count(const struct pg_rows *rows) {
  return (size_t)PQntuples(rows->result);
}

const char *pg_session_rows_text(const struct pg_rows *rows, size_t row, size_t column) {
  assert(row < (size_t)PQntuples(rows->result) && column < (size_t)PQnfields(rows->result));
  if (PQgetisnull(rows->result, (int)row, (int)column)) return NULL;
  return PQgetvalue(rows->result, (int)row, (int)column);
}

bool pg_session_rows_bool(const struct pg_rows *rows, size_t row, size_t column) {
  const char *text = pg_session_rows_text(rows, row, column);
  return text && text[0] == 't';
}

int64_t pg_session_rows_integer(const struct pg_rows *rows, size_t row, size_t column) {
  const char *text = pg_session_rows_text(rows, row, column);
  int64_t number = 0;
  bool fine = !text || str_to_i64(str_from(text), INT64_MIN, INT64_MAX, &number);
  assert(fine && "our own SQL yields an integer there");
  return number;
}

void pg_session_rows_free(struct pg_rows *rows) {
  if (!rows) return;
  PQclear(rows->result);
  free(rows);
}

/* --- The rest --- */

const struct pg_failure *pg_session_failure(const struct pg_session *session) {
  return &session->failure;
}

void pg_session_on_notice(struct pg_session *session, pg_notice notice, void *argument) {
  session->notice = notice;
  session->notice_argument = argument;
}

void pg_session_on_wait(struct pg_session *session, pg_wait wait, void *argument, unsigned first_ms,
                        unsigned every_ms) {
  session->wait = wait;
  session->wait_argument = argument;
  session->wait_first_ms = first_ms;
  session->wait_every_ms = every_ms;
}

void pg_session_set_interrupt(struct pg_session *session, const atomic_bool *flag) {
  session->interrupt = flag;
}

void pg_session_set_limit_ms(struct pg_session *session, unsigned limit_ms) {
  session->limit_ms = limit_ms;
}

int pg_session_announced_pid(const struct pg_session *session) {
  return PQbackendPID(session->connection);
}

int pg_session_server_version(const struct pg_session *session) {
  return PQserverVersion(session->connection);
}

bool pg_session_check_encoding(const struct pg_session *session, struct error *error) {
  if (connect_is_utf8(session->connection)) return true;
  return error_set(
      error, ERROR_REFUSED,
      "the encoding of database %s is %s, and Cruddur needs UTF8: make another one "
      "with `createdb --template=template0 --encoding=UTF8 --locale=C.UTF-8 NEW`, copy "
      "with `pg_dump OLD | psql --set=ON_ERROR_STOP=1 NEW`, and name NEW in "
      "CONNECTION_URL; docs/migrations.md tells more",
      PQdb(session->connection), connect_encoding(session->connection));
}

bool pg_session_in_transaction(const struct pg_session *session) {
  PGTransactionStatusType status = PQtransactionStatus(session->connection);
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

uint64_t pg_session_affected(const struct pg_session *session) {
  return session->affected;
}

static const char *text_or_empty(const char *text) {
  return text ? text : "";
}

const char *pg_session_database(const struct pg_session *session) {
  return text_or_empty(PQdb(session->connection));
}

const char *pg_session_host(const struct pg_session *session) {
  return text_or_empty(PQhost(session->connection));
}

void pg_session_append_literal(struct buffer *sql, struct str text) {
  /* With a backslash anywhere, the E form says the same whatever standard_conforming_strings is. */
  if (text.length > 0 && memchr(text.data, '\\', text.length)) buffer_append_text(sql, " E");
  buffer_append_char(sql, '\'');
  for (size_t i = 0; i < text.length; i++) {
    if (text.data[i] == '\'' || text.data[i] == '\\') buffer_append_char(sql, text.data[i]);
    buffer_append_char(sql, text.data[i]);
  }
  buffer_append_char(sql, '\'');
}

void pg_session_append_identifier(struct buffer *sql, struct str name) {
  buffer_append_char(sql, '"');
  for (size_t i = 0; i < name.length; i++) {
    if (name.data[i] == '"') buffer_append_char(sql, '"');
    buffer_append_char(sql, name.data[i]);
  }
  buffer_append_char(sql, '"');
}
