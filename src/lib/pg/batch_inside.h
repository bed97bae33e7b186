/* batch_inside.h: what a batch holds, and what the files of this room do with it. Inside the room;
 * it knows neither connections nor the pool. */
#pragma once

#include "lib/base/list.h"
#include "lib/loop/loop.h"
#include "lib/pg/batch.h"

#include <libpq-fe.h>

enum { BATCH_SQLSTATE_SIZE = 6 };

struct pg_call {
  enum pg_statement statement;
  int parameter_count;
  const char *values[PG_STATEMENT_PARAMETERS];
  int lengths[PG_STATEMENT_PARAMETERS];
  uint64_t scalars[PG_STATEMENT_PARAMETERS]; /* numbers in network order, pointed to by values */
};

/* The life of a batch. It is submitted once and its caller is told once, see batch_become(). */
enum pg_batch_state {
  PG_BATCH_OPEN,     /* being put together by the caller */
  PG_BATCH_WAITING,  /* in a queue of the pool */
  PG_BATCH_SENT,     /* in flight; the caller waits */
  PG_BATCH_ORPHANED, /* in flight; the caller was told that the deadline passed */
  PG_BATCH_REFUSED,  /* cannot be run; the caller is told at the end of the turn */
  PG_BATCH_TOLD,     /* the caller was told; it is freed next */
  PG_BATCH_STATES
};

/* Which rows the batch locks, for group commit. */
enum pg_lock {
  PG_LOCK_NONE,
  PG_LOCK_ROW,     /* the row `lock_key` */
  PG_LOCK_UNKNOWN, /* rows that only its statement knows; batches with the same `lock_key` are
                      likely to meet */
};

struct pg_pool;

/* The server and the database of a connection, as spans name them. */
struct pg_place {
  char host[128], database[64];
  unsigned port;
};

struct pg_batch {
  struct pg_pool *pool; /* whose it is; only pool.c and dispatch.c look into it */
  enum pg_lane lane;
  enum pg_batch_state state;
  struct list node; /* in a queue, or in a connection's flight */
  struct deadline deadline;
  uint64_t submitted_us, sent_us; /* on the monotonic clock; `sent_us` is of the last time */
  pg_done done;
  void *argument;
  int call_count;
  struct pg_call calls[PG_BATCH_STATEMENTS];

  enum pg_lock lock;
  struct uuid lock_key;
  struct list suspect_node; /* see write_queue.h */
  bool alone;               /* no other batch may share its transaction */
  bool overdue;             /* its deadline passed while it was in flight */
  bool displaced;           /* a read that was cancelled because it delayed others */
  bool conflicted;          /* it ran again because others were in its way */
  unsigned reruns;

  /* In flight. */
  int expected; /* results, with those of the statements that were put in front */
  int received;
  bool aborted; /* an earlier statement of its transaction failed: it was not run */
  int result_count;
  PGresult *results[PG_BATCH_STATEMENTS];

  struct timing *timing;        /* of the request; NULL: nobody wants to know, or it was told */
  const struct pg_place *place; /* where it was sent to; NULL: nowhere yet */
  struct span_sink *sink;
  struct trace_context parent; /* whose span a traced batch's is a child of */
  int64_t start_unix_us;
  enum pg_outcome outcome;
  char sqlstate[BATCH_SQLSTATE_SIZE]; /* of the error of one of its statements; "": none */
  struct error *failure;              /* owned; NULL while nothing went wrong */
};

/* Makes an open batch; NULL when memory is out. `expired` is called at its deadline. */
struct pg_batch *batch_new(struct pg_pool *pool, struct span_sink *sink,
                           void (*expired)(struct deadline *deadline));

/* Changes its state; asserts that the change is an allowed one. */
void batch_become(struct pg_batch *batch, enum pg_batch_state state);

/* True when every statement has as many parameters as it has $n. */
bool batch_has_all_parameters(const struct pg_batch *batch);

/* The strictest lane of its statements. */
enum pg_lane batch_strictest_lane(const struct pg_batch *batch);

/* What is put in front of a transaction, where a session cannot keep settings. */
struct batch_prelude {
  const char *statement_timeout; /* milliseconds */
  const char *lock_timeout;
};

/* Queues the batch's statements in libpq; no sync. With a `prelude` nothing is prepared and the
 * settings are made first. False when libpq would not take them. */
bool batch_send(struct pg_batch *batch, PGconn *conn, const struct batch_prelude *prelude,
                bool prepared);

/* Takes the next result of the batch, which is in flight. */
void batch_take_result(struct pg_batch *batch, PGresult *result);

/* True when all its results have come. */
static inline bool batch_is_complete(const struct pg_batch *batch) {
  return batch->received == batch->expected;
}

static inline bool batch_has_failed(const struct pg_batch *batch) {
  return batch->aborted || batch->outcome != PG_DONE;
}

/* Records why the batch fails, unless something was recorded before. */
void batch_fail(struct pg_batch *batch, enum pg_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for an error that Postgres reports of the batch's statement `call`. */
void batch_fail_by_result(struct pg_batch *batch, int call, const PGresult *result);

/* Forgets what came of it, so that it can be sent again. */
void batch_reset(struct pg_batch *batch);

/* Records its span and tells the caller the outcome. It is PG_BATCH_TOLD or, when its results are
 * still to come, PG_BATCH_ORPHANED afterwards; the results it had are gone. */
void batch_tell(struct pg_batch *batch, enum pg_batch_state state);

/* Takes it off its list and frees it. Asserts that its caller was told, or never submitted it. */
void batch_free(struct pg_batch *batch);
