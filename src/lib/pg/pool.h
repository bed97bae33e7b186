/* pool.h: the server's way to Postgres: the connections of one loop.
 *
 * A batch (batch.h) is one or more statements that are sent together. The pool has three lanes,
 * each with a queue and connections of its own, and a batch runs in the strictest lane of its
 * statements
 * (`-- lane:` in their files):
 *   read   pipelined; a slow statement delays few
 *   heavy  one batch at a time on a connection: what may take long
 *   write  group commit: the writes that wait leave together, as one transaction
 * Its continuation is called exactly once, whatever happens. A read, or a write that has not been
 * sent, is answered within twice the deadline. A write that was sent is answered by what became of
 * it; only when its connection is lost is that unknown, which its error says.
 *
 * See docs/architecture.md, "Postgres". */
#pragma once

#include "lib/loop/loop.h"
#include "lib/pg/batch.h"
#include "lib/pg/trouble.h"

struct pg_pool;

/* Two for reads, one for writes, one for heavy statements. */
enum { PG_POOL_CONNECTIONS_LEAST = 4 };

struct pg_pool_options {
  const char *connection_url; /* libpq URL or keywords */
  unsigned connections;       /* of this loop; PG_POOL_CONNECTIONS_LEAST at least */
  unsigned pipeline_depth;    /* batches in flight on one connection for reads */
  unsigned queue_limit;       /* batches of one lane that wait for a connection */
  unsigned deadline_ms;       /* of a statement in Postgres */
  uint64_t max_age_ms;        /* a connection is replaced after about this time; 0: never */
  bool prepare;               /* false: for poolers that keep no prepared statements */
  bool hold_one;              /* one connection is not opened before pg_pool_release() */
  /* Called on the loop when a server was found to take no more writes, to tell the pools of the
   * other loops: see pg_pool_leave_demoted(). May be NULL. */
  void (*demoted)(void *argument);
  void *argument;
};

/* Makes the pool and starts to connect. `options` are copied, connection_url stays the caller's. */
struct pg_pool *pg_pool_new(struct loop *loop, const struct pg_pool_options *options,
                            struct error *error);

/* Records a span for each batch of a traced request from now on; `sink` may be NULL. */
void pg_pool_trace(struct pg_pool *pool, struct span_sink *sink);

/* Opens the connection that was held; harmless when none is. */
void pg_pool_release(struct pg_pool *pool);

/* Looks for a server that takes writes: the pool of another loop has seen that the present one
 * takes none. */
void pg_pool_leave_demoted(struct pg_pool *pool);

/* Counters of the pool; from any thread. */
struct pg_pool_stats {
  uint64_t reads_ready, writes_ready;            /* connections of these lanes; now */
  enum pg_trouble reads_trouble, writes_trouble; /* why there are none of these; else NONE */
  uint64_t batches, unavailable, failed;         /* since the start */
};

struct pg_pool_stats pg_pool_stats(const struct pg_pool *pool);

/* Fails what is under way and closes the connections; the memory goes with the loop. Takes NULL. */
void pg_pool_close(struct pg_pool *pool);

/* A new batch. NULL when memory is out: pg_batch_add() and pg_pool_submit() take NULL, and the
 * latter then reports PG_UNAVAILABLE. */
struct pg_batch *pg_pool_new_batch(struct pg_pool *pool);

/* Submits the batch, which belongs to the pool from now on. `done` is called later, on the loop;
 * only for a NULL batch it is called at once. */
void pg_pool_submit(struct pg_batch *batch, pg_done done, void *argument);
