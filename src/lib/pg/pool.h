/* pool.h: the server's way to Postgres: the pools of one loop.
 *
 * Statements are those of db/sql, embedded at build and addressed by enum pg_statement. A batch is
 * one or more statements that are sent together. It runs in the strictest pool of its statements
 * (`-- pool:` in their files):
 *   read   pipelined; a slow statement delays few
 *   heavy  one batch at a time on a connection: what may take long
 *   write  group commit: the writes that wait leave together, as one transaction
 * Its continuation is called exactly once, whatever happens. A read, or a write that has not been
 * sent, is answered within twice the deadline. A write that was sent is answered by what became of
 * it; only when its connection is lost is that unknown, which its error says.
 *
 * See docs/architecture.md, "Postgres". */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/trace.h"
#include "lib/base/uuid.h"
#include "lib/loop/loop.h"
#include "lib/pg/statements.h" /* generated: enum pg_statement */

struct pg_pool;
struct pg_batch;
struct pg_result;

enum pg_outcome {
  PG_DONE,        /* every statement ran and the transaction is committed */
  PG_UNAVAILABLE, /* not done: no connection, queue full, past the deadline; or, where the error
                     begins with "outcome unknown", sent and not answered: answer 503 */
  PG_FAILED,      /* Postgres refused: the error says why; a defect or a broken constraint */
};

enum {
  PG_POOL_CONNECTIONS_LEAST = 4
}; /* two for reads, one for writes, one for heavy statements */

struct pg_pool_options {
  const char *connection_url; /* libpq URL or keywords */
  unsigned connections;       /* of this loop; PG_POOL_CONNECTIONS_LEAST at least */
  unsigned pipeline_depth;    /* batches in flight on one connection for reads */
  unsigned queue_limit;       /* batches of one pool that wait for a connection */
  unsigned deadline_ms;       /* of a statement in Postgres */
  uint64_t max_age_ms;        /* a connection is made anew after about this time; 0: never */
  bool prepare;               /* false: for poolers that keep no prepared statements */
  bool hold_one;              /* one connection is not opened before pg_pool_release() */
  /* Called on the loop when a server was found to take no more writes, for the pools of the other
   * loops: see pg_pool_leave_demoted(). NULL: nobody wants to know. */
  void (*demoted)(void *argument);
  void *argument;
};

/* True when libpq can read the URL; the error names CONNECTION_URL and never quotes it. */
bool pg_check_connection_url(const char *connection_url, struct error *error);

/* Makes the pool and starts to connect. `options` are copied, connection_url stays the caller's. */
struct pg_pool *pg_pool_new(struct loop *loop, const struct pg_pool_options *options,
                            struct error *error);

/* Records a span for each batch of a traced request from now on; `sink` may be NULL. */
void pg_pool_trace(struct pg_pool *pool, struct span_sink *sink);

/* Opens the connection that was held; harmless when none is. */
void pg_pool_release(struct pg_pool *pool);

/* Looks for a server that takes writes, because another pool has seen that theirs takes none. */
void pg_pool_leave_demoted(struct pg_pool *pool);

/* Counters of the pool; from any thread. */
struct pg_pool_stats {
  uint64_t ready, in_flight, queued;     /* now */
  uint64_t reads_ready, writes_ready;    /* connections of these pools; now */
  uint64_t batches, unavailable, failed; /* since the start */
  uint64_t reruns;          /* batches sent again, after doing nothing the first time */
  uint64_t groups, grouped; /* transactions of writes, and the writes in them */
  uint64_t waited_us;       /* of all batches, from submission to answer */
  uint64_t queued_us;       /* of those that were sent, from submission to that */
};

struct pg_pool_stats pg_pool_stats(const struct pg_pool *pool);

/* Fails what is under way and closes the connections; the memory goes with the loop. Takes NULL. */
void pg_pool_close(struct pg_pool *pool);

enum { PG_BATCH_STATEMENTS = 4 };

/* Called once with the outcome. `results` has one entry a statement when it is PG_DONE; they live
 * for the time of the call. `error` is empty when it is PG_DONE. */
typedef void (*pg_done)(enum pg_outcome outcome, const struct pg_result *const *results,
                        const struct error *error, void *argument);

/* A new batch. NULL when memory is out: pg_batch_add() and pg_batch_submit() take NULL, and the
 * latter then reports PG_UNAVAILABLE. */
struct pg_batch *pg_batch_new(struct pg_pool *pool);

/* Makes the batch part of a trace; `parent` is copied and may be NULL. */
void pg_batch_trace(struct pg_batch *batch, const struct trace_context *parent);

/* Adds a statement; the parameters that follow belong to it, in the order of $1, $2, … The number
 * of them is asserted when the batch is submitted. Text and UUIDs are borrowed until the
 * continuation was called. */
void pg_batch_add(struct pg_batch *batch, enum pg_statement statement);
void pg_bind_text(struct pg_batch *batch, struct str text);
void pg_bind_uuid(struct pg_batch *batch, const struct uuid *uuid); /* NULL: SQL null */
void pg_bind_int(struct pg_batch *batch, int32_t number);
void pg_bind_timestamp(struct pg_batch *batch, int64_t unix_us); /* INT64_MAX: 'infinity' */

/* Says which row a write locks. One that says nothing locks no row that others lock, or all of them
 * in the same way (a key share). */
void pg_batch_lock(struct pg_batch *batch, const struct uuid *row);

/* Says that a write locks rows that only its statement knows. A group takes at most one such,
 * beside writes that lock nothing. Those with the same `who` (a sub, a key) are likely to lock the
 * same. */
void pg_batch_lock_unknown(struct pg_batch *batch, struct str who);

/* Submits the batch, which belongs to the pool from now on. But for a NULL batch, `done` is never
 * called from inside. */
void pg_batch_submit(struct pg_batch *batch, pg_done done, void *argument);

/* --- Results --- */

size_t pg_result_rows(const struct pg_result *result);

/* A text column by name; empty for null. Each asserts that the row and the column exist. */
struct str pg_result_text(const struct pg_result *result, size_t row, const char *column);
struct uuid pg_result_uuid(const struct pg_result *result, size_t row, const char *column);
int64_t pg_result_timestamp(const struct pg_result *result, size_t row, const char *column);
bool pg_result_is_null(const struct pg_result *result, size_t row, const char *column);

/* Appends row `row` as a JSON object: the columns' names are the keys, the columns' types decide
 * how the values are written. A column whose name begins with '_' is for the caller and left out.
 */
void pg_result_append_object(const struct pg_result *result, size_t row, struct buffer *buffer);

/* Appends rows from `first` on, at most `count`, as an array of objects. */
void pg_result_append_array(const struct pg_result *result, size_t first, size_t count,
                            struct buffer *buffer);
