/* internal.h: what the files of the pool share: the batch, the connection, the pool. */
#pragma once

#include "lib/base/list.h"
#include "lib/pg/pool.h"

#include <libpq-fe.h>
#include <stdatomic.h>

/* Microseconds from 1970-01-01 to 2000-01-01, where Postgres's binary timestamps begin. */
#define PG_EPOCH_UNIX_US 946684800000000LL

struct pg_call {
  enum pg_statement statement;
  int parameter_count;
  const char *values[PG_STATEMENT_PARAMETERS];
  int lengths[PG_STATEMENT_PARAMETERS];
  uint64_t scalars[PG_STATEMENT_PARAMETERS]; /* numbers in network order, pointed to by values */
};

enum pg_batch_state {
  PG_BATCH_OPEN,     /* being put together by the caller */
  PG_BATCH_QUEUED,   /* waits for a connection */
  PG_BATCH_SENT,     /* in flight; the caller waits */
  PG_BATCH_ORPHANED, /* in flight; the caller was told that the deadline passed */
  PG_BATCH_REFUSED,  /* cannot be run; the caller is told at the end of the turn */
};

struct pg_batch {
  struct pg_pool *pool;
  enum pg_batch_state state;
  struct list node; /* in the pool's queue or refused list, or in a connection's flight */
  struct deadline deadline;
  pg_done done;
  void *argument;
  int call_count;
  struct pg_call calls[PG_BATCH_STATEMENTS];
  int result_count; /* results received while in flight, the leading set_config's included */
  PGresult *results[PG_BATCH_STATEMENTS];
  struct trace_context parent; /* whose span a traced batch's is a child of */
  int64_t start_unix_us;
  uint64_t submitted_us; /* on the monotonic clock */
  enum pg_outcome outcome;
  struct error *failure; /* owned; NULL while nothing went wrong */
};

enum pg_connection_state {
  PG_CONNECTION_WAITING,    /* for its next try */
  PG_CONNECTION_CONNECTING, /* in a worker thread */
  PG_CONNECTION_PREPARING,  /* statements are being prepared */
  PG_CONNECTION_READY,
  PG_CONNECTION_CLOSED, /* for good */
};

struct pg_connection {
  struct pg_pool *pool;
  enum pg_connection_state state;
  PGconn *conn;
  struct pg_watch *watch; /* of the socket; on the heap: it closes before the next one opens */
  bool want_write;
  uv_timer_t retry;
  uv_work_t connect;
  unsigned attempt;
  struct list flight;
  unsigned depth;
};

struct pg_pool {
  struct loop *loop;
  struct pg_pool_options options;
  char timeout_text[16]; /* the deadline in milliseconds, as Postgres reads it */
  struct list queue;     /* waiting batches, oldest first */
  unsigned queued;
  struct list refused;
  struct loop_task refuse_task;
  struct span_sink *sink;
  struct {
    atomic_uint_fast64_t ready, in_flight, queued, batches, unavailable, failed, waited_us,
        queued_us;
  } stats;                         /* read by other threads */
  struct deadline_queue deadlines; /* what callers wait for */
  struct deadline_queue patience;  /* how long an answer past its deadline may still take */
  bool down;                       /* the last try to connect failed */
  bool closing;
  struct pg_connection connections[];
};

/* --- batch.c --- */

/* Sends the batch's statements and a sync; false when libpq would not take them. */
bool batch_send(struct pg_batch *batch, PGconn *conn);

/* Takes a result that came for the batch in flight. */
void batch_take_result(struct pg_batch *batch, PGresult *result);

/* Records why the batch fails, unless something was recorded before. */
void batch_fail(struct pg_batch *batch, enum pg_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells the caller the outcome, if it still waits, and frees the batch. */
void batch_finish(struct pg_batch *batch);

/* Tells the caller of a batch in flight that its deadline passed; the batch stays in flight. */
void batch_orphan(struct pg_batch *batch);

/* True for an error that another statement on the same connection would meet as well: a server that
 * was demoted, statements that a pooler or a migration took away. */
bool batch_error_spoils_connection(const PGresult *result);

/* --- connection.c --- */

void connection_init(struct pg_connection *connection, struct pg_pool *pool);
void connection_submit(struct pg_connection *connection, struct pg_batch *batch);

/* Fails everything in flight, drops the connection and tries again soon. */
void connection_lose(struct pg_connection *connection, const char *reason);
void connection_close(struct pg_connection *connection);

/* --- pool.c --- */

/* Gives waiting batches to connections that have room. */
void pool_dispatch(struct pg_pool *pool);
