/* connection.c: one pipelined connection: connect, prepare, send, receive, lose, try again. */
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/pg/internal.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  RETRY_BASE_MS = 50,
  RETRY_CAP_MS = 1000, /* "back within a second" once Postgres is */
  RETRY_LEAST_MS = 20,
  LOG_EVERY_TRIES = 30,
  CONNINFO_PARAMETERS = 64,
};

static void start_connecting(struct pg_connection *connection);

static const char *one_line(char *text) {
  for (char *at = text; *at; at++)
    if (*at == '\n') *at = at[1] ? ' ' : '\0';
  return text;
}

static void log_failure(const struct pg_connection *connection, const char *what,
                        const char *reason) {
  if (connection->attempt % LOG_EVERY_TRIES != 0) return;
  char line[ERROR_MESSAGE_SIZE];
  snprintf(line, sizeof(line), "%s", reason);
  log_event(LOG_LEVEL_WARNING, what, log_text("reason", one_line(line)),
            log_int("loop", loop_index(connection->pool->loop)),
            log_int("attempt", connection->attempt), LOG_END);
}

/* --- Connecting: in a worker thread, because libpq resolves names and reads files while it does
 * --- */

struct parameters {
  const char *keywords[CONNINFO_PARAMETERS];
  const char *values[CONNINFO_PARAMETERS];
  size_t count;
};

static void set_parameter(struct parameters *parameters, const char *keyword, const char *value) {
  assert(parameters->count + 1 < CONNINFO_PARAMETERS);
  parameters->keywords[parameters->count] = keyword;
  parameters->values[parameters->count++] = value;
  parameters->keywords[parameters->count] = NULL;
  parameters->values[parameters->count] = NULL;
}

static void set_default(struct parameters *parameters, const char *keyword, const char *value) {
  for (size_t i = 0; i < parameters->count; i++)
    if (strcmp(parameters->keywords[i], keyword) == 0) return;
  set_parameter(parameters, keyword, value);
}

/* What the server's sessions need, on top of what CONNECTION_URL says. */
static PGconn *connect_with(PQconninfoOption *given, const struct pg_pool *pool) {
  struct parameters parameters = {.count = 0};
  const char *given_options = NULL;
  for (PQconninfoOption *option = given; option->keyword; option++) {
    if (!option->val) continue;
    if (strcmp(option->keyword, "options") == 0)
      given_options = option->val;
    else
      set_parameter(&parameters, option->keyword, option->val);
  }
  char options[1024];
  snprintf(options, sizeof(options), "%s -c TimeZone=UTC -c statement_timeout=%s",
           given_options ? given_options : "", pool->timeout_text);
  if (pool->options.prepare)
    set_parameter(&parameters, "options", options);
  else if (given_options)
    set_parameter(&parameters, "options", given_options);
  set_parameter(&parameters, "client_encoding", "UTF8");
  set_default(&parameters, "fallback_application_name", "cruddur");
  set_default(&parameters, "connect_timeout", "3");
  set_default(&parameters, "keepalives_idle", "30");
  set_default(&parameters, "keepalives_interval", "5");
  set_default(&parameters, "keepalives_count", "3");
  set_default(&parameters, "tcp_user_timeout", "5000");
  return PQconnectdbParams(parameters.keywords, parameters.values, 0);
}

static void connect_in_worker(uv_work_t *work) {
  struct pg_connection *connection = work->data;
  PQconninfoOption *given = PQconninfoParse(connection->pool->options.connection_url, NULL);
  if (!given) return; /* was checked by pg_pool_new(): memory is out */
  connection->conn = connect_with(given, connection->pool);
  PQconninfoFree(given);
}

static void on_retry(uv_timer_t *timer) {
  start_connecting(timer->data);
}

static void retry_later(struct pg_connection *connection) {
  connection->state = PG_CONNECTION_WAITING;
  uint64_t wait =
      RETRY_LEAST_MS + random_backoff_ms(connection->attempt, RETRY_BASE_MS, RETRY_CAP_MS);
  connection->attempt++;
  uv_timer_start(&connection->retry, on_retry, wait, 0);
}

static void close_handles(struct pg_connection *connection) {
  connection->state = PG_CONNECTION_CLOSED;
  if (!uv_is_closing((uv_handle_t *)&connection->retry))
    uv_close((uv_handle_t *)&connection->retry, NULL);
}

/* The watch is on a descriptor of its own: libpq closes its socket as soon as it sees the end, and
 * another thread may have the number by the time that the loop stops watching it. */
struct pg_watch {
  uv_poll_t poll;
  int own;
};

static void on_watch_closed(uv_handle_t *handle) {
  struct pg_watch *watch = (struct pg_watch *)handle;
  close(watch->own);
  free(watch);
}

static void drop_socket(struct pg_connection *connection) {
  if (connection->watch) uv_close((uv_handle_t *)&connection->watch->poll, on_watch_closed);
  connection->watch = NULL;
  connection->want_write = false;
  PQfinish(connection->conn);
  connection->conn = NULL;
}

static void fail_flight(struct pg_connection *connection, const char *reason) {
  char line[256];
  snprintf(line, sizeof(line), "%s", reason);
  struct list *node;
  while ((node = list_pop(&connection->flight))) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    batch_fail(batch, PG_UNAVAILABLE, "connection lost: %s", one_line(line));
    batch_finish(batch);
  }
  connection->depth = 0;
}

static bool any_connection_ready(const struct pg_pool *pool) {
  for (unsigned i = 0; i < pool->options.connections; i++)
    if (pool->connections[i].state == PG_CONNECTION_READY) return true;
  return false;
}

/* With no other connection to wait for, whoever waits is told now rather than at the deadline. */
static void fail_queue_when_down(struct pg_pool *pool, const char *reason) {
  if (any_connection_ready(pool)) return;
  pool->down = true;
  struct list *node;
  while ((node = list_pop(&pool->queue))) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    pool->queued--;
    batch_fail(batch, PG_UNAVAILABLE, "no connection to Postgres: %.200s", reason);
    batch_finish(batch);
  }
}

static void connect_failed(struct pg_connection *connection, const char *reason) {
  char line[ERROR_MESSAGE_SIZE];
  snprintf(line, sizeof(line), "%s", reason);
  one_line(line);
  log_failure(connection, "postgres not connected", line);
  drop_socket(connection);
  retry_later(connection);
  fail_queue_when_down(connection->pool, line);
}

void connection_lose(struct pg_connection *connection, const char *reason) {
  assert(connection->state == PG_CONNECTION_READY);
  char line[ERROR_MESSAGE_SIZE];
  snprintf(line, sizeof(line), "%s", reason);
  connection->attempt = 0;
  log_failure(connection, "postgres connection lost", one_line(line));
  drop_socket(connection);
  start_connecting(connection);
  fail_flight(connection, line);
}

/* --- Receiving --- */

static void becomes_ready(struct pg_connection *connection) {
  connection->state = PG_CONNECTION_READY;
  connection->attempt = 0;
  connection->pool->down = false;
  log_event(LOG_LEVEL_INFO, "postgres connected",
            log_int("loop", loop_index(connection->pool->loop)), LOG_END);
}

/* Returns false when the connection was dropped. */
static bool take_prepare_result(struct pg_connection *connection, PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  bool good = status == PGRES_COMMAND_OK || status == PGRES_PIPELINE_SYNC;
  if (status == PGRES_PIPELINE_SYNC) becomes_ready(connection);
  char reason[ERROR_MESSAGE_SIZE];
  if (!good)
    snprintf(reason, sizeof(reason), "a statement cannot be prepared, is the database migrated? %s",
             PQresultErrorMessage(result));
  PQclear(result);
  if (!good) connect_failed(connection, reason);
  return good;
}

static bool take_flight_result(struct pg_connection *connection, PGresult *result) {
  struct pg_batch *batch = LIST_ENTRY(connection->flight.next, struct pg_batch, node);
  if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
    bool spoiled =
        PQresultStatus(result) == PGRES_FATAL_ERROR && batch_error_spoils_connection(result);
    batch_take_result(batch, result);
    if (spoiled) connection_lose(connection, "its statements can no longer be used");
    return !spoiled;
  }
  PQclear(result);
  connection->depth--;
  batch_finish(batch);
  return true;
}

/* False once the connection was lost: from then on `conn` belongs to the worker that connects anew.
 */
static bool is_live(const struct pg_connection *connection) {
  return connection->state == PG_CONNECTION_PREPARING || connection->state == PG_CONNECTION_READY;
}

static bool expects_results(const struct pg_connection *connection) {
  return connection->state == PG_CONNECTION_PREPARING ||
         (connection->state == PG_CONNECTION_READY && !list_empty(&connection->flight));
}

/* libpq ends each statement's results with a NULL; several in a row mean that it has no more. */
static void take_results(struct pg_connection *connection) {
  int nulls = 0;
  while (expects_results(connection) && nulls < 3 && !PQisBusy(connection->conn)) {
    PGresult *result = PQgetResult(connection->conn);
    nulls = result ? 0 : nulls + 1;
    if (!result) continue;
    bool goes_on = connection->state == PG_CONNECTION_PREPARING
                       ? take_prepare_result(connection, result)
                       : take_flight_result(connection, result);
    if (!goes_on) return;
  }
}

static void on_socket(uv_poll_t *poll, int status, int events);

static void watch(struct pg_connection *connection, bool want_write) {
  connection->want_write = want_write;
  uv_poll_start(&connection->watch->poll, UV_READABLE | (want_write ? UV_WRITABLE : 0), on_socket);
}

static void fail_connection(struct pg_connection *connection) {
  char reason[ERROR_MESSAGE_SIZE];
  const char *message = PQerrorMessage(connection->conn);
  snprintf(reason, sizeof(reason), "%s", *message ? message : "the server closed the connection");
  if (connection->state == PG_CONNECTION_READY)
    connection_lose(connection, reason);
  else
    connect_failed(connection, reason);
}

/* Sends what libpq holds back; watches for room when the socket is full. */
static void flush(struct pg_connection *connection) {
  int left = PQflush(connection->conn);
  if (left < 0)
    fail_connection(connection);
  else if ((left > 0) != connection->want_write)
    watch(connection, left > 0);
}

static void on_socket(uv_poll_t *poll, int status, int events) {
  struct pg_connection *connection = poll->data;
  if (status < 0 || ((events & UV_READABLE) && !PQconsumeInput(connection->conn))) {
    fail_connection(connection);
    pool_dispatch(connection->pool);
    return;
  }
  take_results(connection);
  if (is_live(connection) && PQstatus(connection->conn) == CONNECTION_BAD)
    fail_connection(connection);
  else if (is_live(connection) && connection->want_write)
    flush(connection);
  pool_dispatch(connection->pool);
}

/* --- After connecting: watch the socket, prepare the statements --- */

static bool send_prepares(PGconn *conn) {
  for (int i = 0; i < PG_STATEMENTS; i++) {
    const struct pg_statement_source *source = &pg_statement_sources[i];
    if (!source->custom_plan && !PQsendPrepare(conn, source->name, source->sql, 0, NULL))
      return false;
  }
  return PQpipelineSync(conn);
}

static bool watch_socket(struct pg_connection *connection) {
  struct pg_watch *watched = calloc(1, sizeof(*watched));
  if (!watched) return false;
  watched->own = fcntl(PQsocket(connection->conn), F_DUPFD_CLOEXEC, 0);
  if (watched->own < 0 ||
      uv_poll_init(loop_uv(connection->pool->loop), &watched->poll, watched->own) != 0) {
    if (watched->own >= 0) close(watched->own);
    free(watched);
    return false;
  }
  watched->poll.data = connection;
  connection->watch = watched;
  watch(connection, false);
  return true;
}

static void ignore_notice(void *argument, const PGresult *result) {
  (void)argument;
  (void)result;
}

static void on_connected(uv_work_t *work, int status) {
  struct pg_connection *connection = work->data;
  if (connection->pool->closing) {
    drop_socket(connection);
    close_handles(connection);
    return;
  }
  PGconn *conn = connection->conn;
  if (status != 0 || PQstatus(conn) != CONNECTION_OK) {
    connect_failed(connection, conn ? PQerrorMessage(conn) : "out of memory");
    return;
  }
  PQsetNoticeReceiver(conn, ignore_notice, NULL);
  bool good =
      PQsetnonblocking(conn, 1) == 0 && PQenterPipelineMode(conn) && watch_socket(connection);
  connection->state = PG_CONNECTION_PREPARING;
  if (good && connection->pool->options.prepare)
    good = send_prepares(conn);
  else if (good)
    becomes_ready(connection);
  if (!good) {
    connect_failed(connection, PQerrorMessage(conn));
    return;
  }
  flush(connection);
  pool_dispatch(connection->pool);
}

static void start_connecting(struct pg_connection *connection) {
  connection->state = PG_CONNECTION_CONNECTING;
  connection->connect.data = connection;
  int queued = uv_queue_work(loop_uv(connection->pool->loop), &connection->connect,
                             connect_in_worker, on_connected);
  if (queued != 0) retry_later(connection);
}

/* --- For the pool --- */

void connection_init(struct pg_connection *connection, struct pg_pool *pool) {
  connection->pool = pool;
  list_init(&connection->flight);
  uv_timer_init(loop_uv(pool->loop), &connection->retry);
  connection->retry.data = connection;
  start_connecting(connection);
}

void connection_submit(struct pg_connection *connection, struct pg_batch *batch) {
  assert(connection->state == PG_CONNECTION_READY);
  batch->state = PG_BATCH_SENT;
  list_append(&connection->flight, &batch->node);
  connection->depth++;
  if (batch_send(batch, connection->conn))
    flush(connection);
  else
    fail_connection(connection);
}

void connection_close(struct pg_connection *connection) {
  if (connection->state == PG_CONNECTION_CONNECTING) {
    uv_cancel((uv_req_t *)&connection->connect); /* on_connected() closes either way */
    return;
  }
  drop_socket(connection);
  close_handles(connection);
  fail_flight(connection, "the server is stopping");
}
