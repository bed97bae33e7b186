/* connection.h: one connection to Postgres: its states, from connecting to the end of its life.
 * Inside the room; it knows the batches in flight, and tells its owner through callbacks.
 *
 * States:  held → waiting → connecting → preparing → ready ⇄ draining → waiting; closed from any.
 * A draining connection takes nothing new, finishes what is in flight, and connects again. */
#pragma once

#include "lib/pg/canceller.h"
#include "lib/pg/flight.h"
#include "lib/pg/trouble.h"

enum pg_connection_state {
  PG_CONNECTION_HELD,       /* not opened before the owner says so */
  PG_CONNECTION_WAITING,    /* for its next try */
  PG_CONNECTION_CONNECTING, /* in a worker thread */
  PG_CONNECTION_PREPARING,  /* settings are made and statements prepared */
  PG_CONNECTION_READY,
  PG_CONNECTION_DRAINING,
  PG_CONNECTION_CLOSED, /* for good */
  PG_CONNECTION_STATES
};

struct pg_connection;

/* What the owner is told, on the loop. None of these functions may send from inside. */
struct pg_connection_events {
  /* The batch is out of the flight and the owner's again. `reason` is as in struct pg_flight. */
  void (*ended)(struct pg_connection *connection, struct pg_batch *batch, enum pg_end end,
                const char *reason);
  void (*ready)(struct pg_connection *connection);
  /* It was lost or could not be opened; it tries again by itself. */
  void (*failed)(struct pg_connection *connection, const char *reason);
  /* It may have room for more batches. */
  void (*room)(struct pg_connection *connection);
  /* A server that takes no writes answered; the connection is draining by now. */
  void (*demoted)(struct pg_connection *connection);
  /* It is old: the owner drains it when no other one is being replaced. */
  void (*aged)(struct pg_connection *connection);
};

/* What has happened to the connections of a pool, counted; other threads read it. */
struct pg_connection_counts {
  atomic_uint_fast64_t opened, failed, lost;
  atomic_uint_fast64_t abandoned; /* lost while statements were under way */
};

/* Of all connections of a pool; outlives them. */
struct pg_connection_options {
  struct loop *loop;
  const char *connection_url;
  bool prepare;
  unsigned deadline_ms; /* the server's own time-out of a statement */
  uint64_t max_age_ms;  /* 0: none */
  char statement_timeout[16];
  struct pg_canceller *canceller;
  struct deadline_queue *heads; /* how long the first batch in flight may go without a result */
  const struct pg_connection_events *events;
  void *owner;
  struct pg_connection_counts *counts;
  struct statement_times *times;
};

/* What other threads see of a connection; the owner writes it. */
struct pg_connection_view {
  atomic_uint_fast64_t state, depth;
  atomic_uint_fast64_t statement, since_us; /* of the first batch in flight, where there is one */
};

struct pg_connection {
  const struct pg_connection_options *options;
  enum pg_lane lane;
  enum pg_connection_state state;
  PGconn *conn;
  struct pg_watch *watch; /* of the socket; on the heap: it closes before the next one opens */
  bool want_write;
  uv_timer_t timer; /* until the next try; when ready, until it is old */
  uv_work_t connect;
  unsigned attempt;
  unsigned prepared;       /* results of what was sent when it opened; while PREPARING */
  enum pg_trouble trouble; /* why the last try failed; NONE: it did not */
  bool stale;              /* for the owner: it is to be drained */

  struct pg_flight flight;
  struct pg_cancel cancel;
  struct pg_connection_view view;
  struct pg_place place; /* where it was ready last */
};

/* Prepares the connection; connection_open() begins to connect. `options` outlives it. */
void connection_init(struct pg_connection *connection, enum pg_lane lane,
                     const struct pg_connection_options *options);
void connection_open(struct pg_connection *connection);

/* True when a batch may be given to it now. A connection with a cancel on its way takes none: the
 * cancel would hit whatever runs when it arrives. */
static inline bool connection_is_free(const struct pg_connection *connection) {
  return connection->state == PG_CONNECTION_READY && !connection->cancel.job;
}

static inline bool connection_is_ready(const struct pg_connection *connection) {
  return connection->state == PG_CONNECTION_READY || connection->state == PG_CONNECTION_DRAINING;
}

/* Queues a batch after those in flight; it belongs to the connection until it has ended. Nothing
 * leaves before connection_sync(), which ends the transaction of all that was added since the last
 * one. Either may lose the connection. */
void connection_add(struct pg_connection *connection, struct pg_batch *batch);
void connection_sync(struct pg_connection *connection);

/* Cancels the first batch in flight, which delays what is behind it. A batch that is cancelled
 * before its own time is over ends as PG_END_UNDONE. Returns false when no cancel is on its way. */
bool connection_cancel_head(struct pg_connection *connection);

/* Connects again, with back-off: another pool has seen that the server takes no writes. */
void connection_leave_demoted(struct pg_connection *connection);

/* Takes nothing new from now on, and connects again when nothing is in flight any more. */
void connection_drain(struct pg_connection *connection);

/* Ends everything and closes; what is in flight is lost. */
void connection_close(struct pg_connection *connection);
