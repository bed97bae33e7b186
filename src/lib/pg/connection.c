/* connection.c: one connection to Postgres, which opens itself again when it is lost.
 *
 * Its state changes in become() alone; see the table there. While it is CONNECTING, a worker thread
 * owns `conn`; in every other state the loop does. The connection owns its socket's watch, its
 * timer and libpq's connection, and drop_socket() gives all three up. The batches in flight belong
 * to `flight` until they have ended, and each end is told to the owner, the pool. */
#include "lib/pg/connection.h"

#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/pg/connect.h"

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
  NULLS_LIMIT = 3,
};

static void start_connecting(struct pg_connection *connection);
static void on_socket(uv_poll_t *poll, int status, int events);

/* --- States --- */

enum {
  WAITING = 1U << PG_CONNECTION_WAITING,
  CONNECTING = 1U << PG_CONNECTION_CONNECTING,
  PREPARING = 1U << PG_CONNECTION_PREPARING,
  READY = 1U << PG_CONNECTION_READY,
  DRAINING = 1U << PG_CONNECTION_DRAINING,
  CLOSED = 1U << PG_CONNECTION_CLOSED,
};

/* The states that may follow each state. */
static const unsigned NEXT[PG_CONNECTION_STATES] = {
    [PG_CONNECTION_HELD] = WAITING | CLOSED,
    [PG_CONNECTION_WAITING] = CONNECTING | CLOSED,
    [PG_CONNECTION_CONNECTING] = WAITING | PREPARING | CLOSED,
    [PG_CONNECTION_PREPARING] = WAITING | READY | CLOSED,
    [PG_CONNECTION_READY] = WAITING | DRAINING | CLOSED,
    [PG_CONNECTION_DRAINING] = WAITING | CLOSED,
};

static void become(struct pg_connection *connection, enum pg_connection_state state) {
  assert(NEXT[connection->state] & 1U << state);
  connection->state = state;
}

/* While a worker connects, `conn` belongs to that worker. */
static bool is_live(const struct pg_connection *connection) {
  return connection->state == PG_CONNECTION_PREPARING || connection_is_ready(connection);
}

/* --- Log --- */

static const char *one_line(char *text) {
  for (char *at = text; *at; at++)
    if (*at == '\n') *at = at[1] ? ' ' : '\0';
  return text;
}

static const char *lane_name(const struct pg_connection *connection) {
  static const char *const NAMES[PG_LANES] = {
      [PG_LANE_READ] = "read", [PG_LANE_HEAVY] = "heavy", [PG_LANE_WRITE] = "write"};
  return NAMES[connection->lane];
}

static void log_failure(const struct pg_connection *connection, const char *what,
                        const char *reason) {
  if (connection->attempt % LOG_EVERY_TRIES != 0) return;
  log_event(LOG_LEVEL_WARNING, what, log_text("reason", reason),
            log_int("loop", loop_index(connection->options->loop)),
            log_text("lane", lane_name(connection)), log_int("attempt", connection->attempt),
            LOG_END);
}

static void count(atomic_uint_fast64_t *counter) {
  atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* --- Closing the socket --- */

/* The watch has a duplicate of the socket's descriptor: libpq closes its own as soon as it sees the
 * end, and another thread may get the same number before the loop stops watching it. */
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
  if (connection->cancel.job) canceller_forget(connection->options->canceller, &connection->cancel);
  loop_deadline_stop(&connection->flight.head_deadline);
  uv_timer_stop(&connection->timer);
  PQfinish(connection->conn);
  connection->conn = NULL;
}

static void on_retry(uv_timer_t *timer) {
  start_connecting(timer->data);
}

static void retry_later(struct pg_connection *connection) {
  become(connection, PG_CONNECTION_WAITING);
  uint64_t wait =
      RETRY_LEAST_MS + random_backoff_ms(connection->attempt, RETRY_BASE_MS, RETRY_CAP_MS);
  connection->attempt++;
  uv_timer_start(&connection->timer, on_retry, wait, 0);
}

static void give_up(struct pg_connection *connection, enum pg_trouble trouble, char *line) {
  connection->trouble = trouble;
  count(&connection->options->counts->failed);
  drop_socket(connection);
  flight_end(&connection->flight, PG_END_LOST,
             line); /* nothing but the sync of what was prepared */
  retry_later(connection);
  connection->options->events->failed(connection, line);
}

static void connect_failed(struct pg_connection *connection, const char *reason) {
  char line[ERROR_MESSAGE_SIZE];
  snprintf(line, sizeof(line), "%s", reason);
  log_failure(connection, "postgres not connected", one_line(line));
  give_up(connection, PG_TROUBLE_DOWN, line);
}

/* What cannot be prepared is the same for many connections, and for each try: it is logged once. */
static void prepare_failed(struct pg_connection *connection, const PGresult *result) {
  char line[ERROR_MESSAGE_SIZE];
  enum pg_trouble trouble =
      connect_explain(connection->lane, connection->prepared, result, line, sizeof(line));
  one_line(line);
  if (trouble == PG_TROUBLE_DOWN)
    log_failure(connection, "postgres not connected", line);
  else if (connect_is_news(connection->lane, connection->prepared))
    log_event(LOG_LEVEL_ERROR, "postgres not connected", log_text("reason", line),
              log_text("lane", lane_name(connection)), LOG_END);
  give_up(connection, trouble, line);
}

/* Connects again: at once, or after a while when the last tries failed. */
static void reconnect(struct pg_connection *connection) {
  drop_socket(connection);
  if (connection->attempt > 0) {
    retry_later(connection);
  } else {
    become(connection, PG_CONNECTION_WAITING);
    start_connecting(connection);
  }
}

static void lose(struct pg_connection *connection, const char *reason) {
  assert(connection_is_ready(connection));
  char line[ERROR_MESSAGE_SIZE];
  snprintf(line, sizeof(line), "%s", reason);
  connection->attempt = 0;
  log_failure(connection, "postgres connection lost", one_line(line));
  count(&connection->options->counts->lost);
  if (!flight_is_empty(&connection->flight)) count(&connection->options->counts->abandoned);
  enum pg_end end = connection->flight.refused_unread ? PG_END_UNDONE : PG_END_LOST;
  reconnect(connection);
  flight_end(&connection->flight, end, line);
  connection->options->events->room(connection);
}

static void fail_connection(struct pg_connection *connection) {
  char reason[ERROR_MESSAGE_SIZE];
  const char *message = PQerrorMessage(connection->conn);
  snprintf(reason, sizeof(reason), "%s", *message ? message : "the server closed the connection");
  if (connection_is_ready(connection))
    lose(connection, reason);
  else
    connect_failed(connection, reason);
}

static void leave_when_drained(struct pg_connection *connection) {
  bool drained = flight_is_empty(&connection->flight) && !connection->cancel.job;
  if (connection->state != PG_CONNECTION_DRAINING || !drained) return;
  reconnect(connection);
  connection->options->events->room(connection);
}

void connection_drain(struct pg_connection *connection) {
  connection->stale = false;
  if (connection->state != PG_CONNECTION_READY) return;
  become(connection, PG_CONNECTION_DRAINING);
  leave_when_drained(connection);
}

void connection_leave_demoted(struct pg_connection *connection) {
  if (connection->state != PG_CONNECTION_READY) return;
  connection->attempt = 1;
  connection_drain(connection);
}

/* --- Cancelling --- */

bool connection_cancel_head(struct pg_connection *connection) {
  if (!connection_is_ready(connection) || connection->cancel.job) return false;
  return canceller_ask(connection->options->canceller, &connection->cancel, connection->conn);
}

/* The server's own time-out should have ended the statement. It does not end a commit that waits
 * for a standby. */
static void on_head_deadline(struct deadline *deadline) {
  struct pg_connection *connection =
      LIST_ENTRY(deadline, struct pg_connection, flight.head_deadline);
  if (connection->state == PG_CONNECTION_PREPARING) {
    connect_failed(connection,
                   "no answer while the statements were prepared; is a pooler's pool smaller "
                   "than CRUDDUR_PG_CONNECTIONS?");
    return;
  }
  if (!connection_cancel_head(connection))
    loop_deadline_start(connection->options->heads, &connection->flight.head_deadline);
}

static void on_cancel_returned(struct pg_cancel *cancel) {
  struct pg_connection *connection = LIST_ENTRY(cancel, struct pg_connection, cancel);
  if (flight_head(&connection->flight))
    loop_deadline_start(connection->options->heads, &connection->flight.head_deadline);
  leave_when_drained(connection);
  connection->options->events->room(connection);
}

/* --- Receiving --- */

#define OPEN_TRANSACTION                                                                           \
  "a transaction is still open after a sync: a pooler does not keep up the protocol; try "         \
  "CRUDDUR_PG_PREPARE=off, or connect to Postgres directly"

/* Some errors say that the connection is of no more use once what is in flight has ended. */
static void drain_when_told(struct pg_connection *connection) {
  struct pg_flight *flight = &connection->flight;
  bool demoted = flight->demoted;
  if (!demoted && !flight->unprepared) return;
  flight->demoted = flight->unprepared = false;
  if (demoted) connection->attempt = 1; /* not at once: the same server may still answer there */
  if (connection->state == PG_CONNECTION_READY) become(connection, PG_CONNECTION_DRAINING);
  if (demoted) connection->options->events->demoted(connection);
}

/* Returns false when the connection was lost. */
static bool take_flight_result(struct pg_connection *connection, PGresult *result) {
  if (!flight_take_result(&connection->flight, connection->conn, result)) {
    lose(connection, OPEN_TRANSACTION);
    return false;
  }
  drain_when_told(connection);
  return true;
}

static uint64_t with_jitter(uint64_t age_ms) {
  return age_ms - age_ms / 8 + random_backoff_ms(0, age_ms / 8, age_ms / 8);
}

static void on_age(uv_timer_t *timer) {
  struct pg_connection *connection = timer->data;
  connection->options->events->aged(connection);
}

static void note_place(struct pg_connection *connection) {
  struct pg_place *place = &connection->place;
  uint64_t port = 0;
  str_to_u64(str_from(PQport(connection->conn)), 0, UINT16_MAX, &port);
  snprintf(place->host, sizeof(place->host), "%s", PQhost(connection->conn));
  snprintf(place->database, sizeof(place->database), "%s", PQdb(connection->conn));
  place->port = (unsigned)port;
}

static void becomes_ready(struct pg_connection *connection) {
  note_place(connection);
  become(connection, PG_CONNECTION_READY);
  connection->attempt = 0;
  connection->trouble = PG_TROUBLE_NONE;
  if (connection->options->prepare) connect_succeeded(connection->lane);
  count(&connection->options->counts->opened);
  loop_deadline_stop(&connection->flight.head_deadline);
  if (connection->options->max_age_ms > 0)
    uv_timer_start(&connection->timer, on_age, with_jitter(connection->options->max_age_ms), 0);
  log_event(LOG_LEVEL_INFO, "postgres connected",
            log_int("loop", loop_index(connection->options->loop)),
            log_text("lane", lane_name(connection)), LOG_END);
  connection->options->events->ready(connection);
}

/* Returns false when the connection was dropped. */
static bool take_prepare_result(struct pg_connection *connection, PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  bool goes_on = status != PGRES_FATAL_ERROR;
  if (!goes_on) {
    prepare_failed(connection, result);
  } else if (status != PGRES_PIPELINE_SYNC) {
    connection->prepared++;
    loop_deadline_start(connection->options->heads, &connection->flight.head_deadline);
  } else {
    assert(connection->flight.syncs == 1);
    connection->flight.syncs--;
    goes_on = flight_transaction_has_ended(connection->conn);
    if (goes_on)
      becomes_ready(connection);
    else
      connect_failed(connection, OPEN_TRANSACTION);
  }
  PQclear(result);
  return goes_on;
}

static bool expects_results(const struct pg_connection *connection) {
  return is_live(connection) && connection->flight.syncs > 0;
}

/* libpq ends the results of each statement with a NULL. Several in a row mean that it has no more.
 */
static void take_results(struct pg_connection *connection) {
  int nulls = 0;
  while (expects_results(connection) && nulls < NULLS_LIMIT && !PQisBusy(connection->conn)) {
    PGresult *result = PQgetResult(connection->conn);
    nulls = result ? 0 : nulls + 1;
    if (!result) continue;
    bool goes_on = connection->state == PG_CONNECTION_PREPARING
                       ? take_prepare_result(connection, result)
                       : take_flight_result(connection, result);
    if (!goes_on) return;
  }
}

/* --- The socket --- */

static void watch(struct pg_connection *connection, bool want_write) {
  connection->want_write = want_write;
  uv_poll_start(&connection->watch->poll, UV_READABLE | (want_write ? UV_WRITABLE : 0), on_socket);
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
  /* libuv reports a reset as an error, but the server's last messages may have come before it. */
  bool broken = status < 0;
  if (broken || (events & UV_READABLE)) broken = !PQconsumeInput(connection->conn) || broken;
  take_results(connection);
  if (is_live(connection) && (broken || PQstatus(connection->conn) == CONNECTION_BAD))
    fail_connection(connection);
  else if (is_live(connection) && connection->want_write)
    flush(connection);
  leave_when_drained(connection);
  connection->options->events->room(connection);
}

static bool watch_socket(struct pg_connection *connection) {
  struct pg_watch *watched = calloc(1, sizeof(*watched));
  if (!watched) return false;
  watched->own = fcntl(PQsocket(connection->conn), F_DUPFD_CLOEXEC, 0);
  if (watched->own < 0 ||
      uv_poll_init(loop_uv(connection->options->loop), &watched->poll, watched->own) != 0) {
    if (watched->own >= 0) close(watched->own);
    free(watched);
    return false;
  }
  watched->poll.data = connection;
  connection->watch = watched;
  watch(connection, false);
  return true;
}

/* --- Connecting --- */

static void on_notice(void *argument, const PGresult *notice) {
  struct pg_connection *connection = argument;
  flight_take_notice(&connection->flight, notice);
}

/* A write waits for a lock only so long before it makes room for others: see write_queue.h. */
static const char *lock_timeout(const struct pg_connection *connection) {
  return connection->lane == PG_LANE_WRITE ? "40" : "0";
}

static bool send_prepares(struct pg_connection *connection) {
  connection->prepared = 0;
  connection->flight.syncs++;
  return connect_send_prepares(connection->conn, connection->lane,
                               connection->options->statement_timeout, lock_timeout(connection));
}

/* Why the connection that was opened is of no use; NULL: it is. */
static const char *fault_of(const struct pg_connection *connection, int status) {
  const PGconn *conn = connection->conn;
  if (status != 0 || !conn) return "out of memory";
  if (PQstatus(conn) != CONNECTION_OK) return PQerrorMessage(conn);
  if (PQtransactionStatus(conn) != PQTRANS_IDLE) return OPEN_TRANSACTION;
  if (!connect_is_utf8(conn)) return "the database's encoding is not UTF8";
  if (connection->lane == PG_LANE_WRITE && connect_is_read_only(conn))
    return "the server takes no writes: it is a standby, or default_transaction_read_only is on";
  return NULL;
}

static void begin_preparing(struct pg_connection *connection) {
  PGconn *conn = connection->conn;
  assert(!connection->watch && !connection->cancel.job && flight_is_empty(&connection->flight));
  PQsetNoticeReceiver(conn, on_notice, connection);
  bool good =
      PQsetnonblocking(conn, 1) == 0 && PQenterPipelineMode(conn) && watch_socket(connection);
  become(connection, PG_CONNECTION_PREPARING);
  loop_deadline_start(connection->options->heads, &connection->flight.head_deadline);
  if (good && connection->options->prepare)
    good = send_prepares(connection);
  else if (good)
    becomes_ready(connection);
  if (good)
    flush(connection);
  else
    connect_failed(connection, PQerrorMessage(conn));
}

static void close_handles(struct pg_connection *connection) {
  if (!uv_is_closing((uv_handle_t *)&connection->timer))
    uv_close((uv_handle_t *)&connection->timer, NULL);
}

static void on_connected(uv_work_t *work, int status) {
  struct pg_connection *connection = work->data;
  if (connection->state == PG_CONNECTION_CLOSED) {
    PQfinish(connection->conn);
    connection->conn = NULL;
    close_handles(connection);
    return;
  }
  const char *fault = fault_of(connection, status);
  if (fault)
    connect_failed(connection, fault);
  else
    begin_preparing(connection);
}

static void connect_in_worker(uv_work_t *work) {
  struct pg_connection *connection = work->data;
  connection->conn = connect_blocking(connection->options->connection_url);
}

static void start_connecting(struct pg_connection *connection) {
  assert(!connection->conn);
  become(connection, PG_CONNECTION_CONNECTING);
  connection->connect.data = connection;
  int queued = uv_queue_work(loop_uv(connection->options->loop), &connection->connect,
                             connect_in_worker, on_connected);
  if (queued != 0) retry_later(connection);
}

/* --- For the owner --- */

static void on_ended(struct pg_flight *flight, struct pg_batch *batch, enum pg_end end,
                     const char *reason) {
  struct pg_connection *connection = LIST_ENTRY(flight, struct pg_connection, flight);
  connection->options->events->ended(connection, batch, end, reason);
}

void connection_init(struct pg_connection *connection, enum pg_lane lane,
                     const struct pg_connection_options *options) {
  *connection = (struct pg_connection){.options = options,
                                       .lane = lane,
                                       .state = PG_CONNECTION_HELD,
                                       .cancel = {.returned = on_cancel_returned}};
  struct pg_flight *flight = &connection->flight;
  flight->loop = options->loop;
  flight->pipelined = lane == PG_LANE_READ;
  flight->deadline_ms = options->deadline_ms;
  flight->ended = on_ended;
  flight->heads = options->heads;
  flight->times = options->times;
  loop_deadline_init(&flight->head_deadline, on_head_deadline);
  flight_init(flight);
  uv_timer_init(loop_uv(options->loop), &connection->timer);
  connection->timer.data = connection;
}

void connection_open(struct pg_connection *connection) {
  if (connection->state != PG_CONNECTION_HELD) return;
  become(connection, PG_CONNECTION_WAITING);
  start_connecting(connection);
}

void connection_add(struct pg_connection *connection, struct pg_batch *batch) {
  assert(connection_is_free(connection));
  assert(batch->lane == connection->lane || connection->lane == PG_LANE_HEAVY);
  const struct batch_prelude prelude = {connection->options->statement_timeout,
                                        lock_timeout(connection)};
  bool in_front = !connection->options->prepare && !connection->flight.unsynced;
  flight_add(&connection->flight, batch);
  batch->place = &connection->place;
  if (!batch_send(batch, connection->conn, in_front ? &prelude : NULL,
                  connection->options->prepare))
    fail_connection(connection);
}

void connection_sync(struct pg_connection *connection) {
  struct pg_flight *flight = &connection->flight;
  if (!flight->unsynced) return;
  assert(connection_is_ready(connection));
  flight->unsynced = false;
  flight->syncs++;
  if (PQpipelineSync(connection->conn))
    flush(connection);
  else
    fail_connection(connection);
}

void connection_close(struct pg_connection *connection) {
  bool connecting = connection->state == PG_CONNECTION_CONNECTING;
  become(connection, PG_CONNECTION_CLOSED);
  if (connecting) { /* on_connected() closes either way */
    uv_cancel((uv_req_t *)&connection->connect);
    return;
  }
  drop_socket(connection);
  close_handles(connection);
  flight_end(&connection->flight, PG_END_LOST, "the server is stopping");
}
