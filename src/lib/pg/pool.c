/* pool.c: the life of a batch, from submission to answer, and the life of the pool.
 *
 * A pool belongs to one loop and runs on it alone; other threads read its counters, which are
 * atomic. It owns its connections, its queues and every batch that was submitted. A batch is told
 * once: when it is refused, when its deadline finds it, or when its connection says how it ended.
 * What surely did nothing is sent again, a bounded number of times. The pool's memory goes with the
 * loop, because handles close only there. */
#include "lib/pg/pool.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/pg/connection_url.h"
#include "lib/pg/dispatch.h"
#include "lib/pg/pool_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
  CANCEL_LATER_MS = 250, /* the server's own time-out comes first */
  RERUNS_LIMIT = 5,
};

static struct pg_pool *pool_of(const struct pg_connection *connection) {
  return connection->options->owner;
}

/* --- The end of a batch --- */

static void finish(struct pg_batch *batch, enum pg_batch_state state) {
  struct pg_pool *pool = batch->pool;
  if (batch->outcome == PG_DONE && batch->result_count != batch->call_count)
    batch_fail(batch, PG_FAILED, "%d results for %d statements", batch->result_count,
               batch->call_count);
  pool_count(&pool->stats.batches, 1);
  pool_count(&pool->stats.waited_us, clock_monotonic_us() - batch->submitted_us);
  if (batch->outcome == PG_UNAVAILABLE) pool_count(&pool->stats.unavailable, 1);
  if (batch->outcome == PG_FAILED) pool_count(&pool->stats.failed, 1);
  batch_tell(batch, state);
  if (batch->lane == PG_LANE_WRITE) write_queue_forget(&pool->writes, batch);
}

static void finish_and_free(struct pg_batch *batch) {
  finish(batch, PG_BATCH_TOLD);
  batch_free(batch);
}

static void fail_waiting(struct pg_batch *batch, const char *reason) {
  dispatch_leave_queue(batch);
  batch_fail(batch, PG_UNAVAILABLE, "%s", reason);
  finish_and_free(batch);
}

/* A read in flight is answered now, and its results are dropped when they come. A write in flight
 * is answered by what becomes of it. */
static void on_deadline(struct deadline *deadline) {
  struct pg_batch *batch = LIST_ENTRY(deadline, struct pg_batch, deadline);
  char reason[64];
  snprintf(reason, sizeof(reason), "no answer within %u ms", 2 * batch->pool->options.deadline_ms);
  if (batch->state == PG_BATCH_WAITING) {
    fail_waiting(batch, reason);
  } else if (batch->lane == PG_LANE_WRITE) {
    batch->overdue = true;
  } else {
    batch_fail(batch, PG_UNAVAILABLE, "%s: %s",
               pg_statement_sources[batch->calls[0].statement].name, reason);
    finish(batch, PG_BATCH_ORPHANED);
  }
}

struct pg_batch *pg_pool_new_batch(struct pg_pool *pool) {
  return batch_new(pool, pool->sink, on_deadline);
}

/* --- Queues --- */

static void fail_list(struct list *list, enum pg_lane lane, const char *reason) {
  struct list *node = list->next;
  while (node != list) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    node = node->next;
    if (batch->lane == lane) fail_waiting(batch, reason);
  }
}

static void fail_queue(struct pg_pool *pool, enum pg_lane lane, const char *reason) {
  fail_list(lane == PG_LANE_READ ? &pool->reads : &pool->heavy, lane, reason);
  struct pg_batch *batch;
  while (lane == PG_LANE_WRITE && (batch = write_queue_pop(&pool->writes)))
    fail_waiting(batch, reason);
}

/* A write that waits for a lock does so where it delays no other write. */
static void move_to_heavy(struct pg_batch *batch) {
  struct pg_pool *pool = batch->pool;
  batch_reset(batch);
  write_queue_suspect(&pool->writes, batch);
  dispatch_begin_waiting(batch);
  list_append(pool->heavy.next, &batch->node); /* first */
  dispatch_ask(pool);
}

/* Sends again what surely did nothing. */
static void rerun(struct pg_batch *batch) {
  struct pg_pool *pool = batch->pool;
  bool culprit = batch->sqlstate[0] != '\0';
  if (pool->closing || batch->overdue || batch->reruns >= RERUNS_LIMIT) {
    batch_fail(batch, PG_UNAVAILABLE, "not done, and no time is left to try again");
    finish_and_free(batch);
    return;
  }
  batch_reset(batch);
  batch->reruns++;
  pool_count(&pool->stats.reruns, 1);
  if (batch->displaced) batch->lane = PG_LANE_HEAVY;
  if (batch->lane != PG_LANE_WRITE) {
    dispatch_enqueue(batch);
    return;
  }
  dispatch_begin_waiting(batch);
  write_queue_return(&pool->writes, batch, culprit);
  dispatch_ask(pool);
}

/* --- What connections tell --- */

static bool waits_for_lock(const struct pg_connection *connection, const struct pg_batch *batch) {
  return connection->lane == PG_LANE_WRITE && strcmp(batch->sqlstate, "55P03") == 0;
}

/* Somebody else was in its way at that moment: a serialization failure (an operator may ask for a
 * stricter isolation) or a deadlock. The transaction did nothing, and the next try most likely
 * succeeds. It is made once: others may want the same rows all the time. */
static bool may_try_again(const struct pg_batch *batch) {
  bool conflict = strcmp(batch->sqlstate, "40001") == 0 || strcmp(batch->sqlstate, "40P01") == 0;
  return conflict && !batch->conflicted && !batch->overdue && !batch->pool->closing;
}

static void on_ended(struct pg_connection *connection, struct pg_batch *batch, enum pg_end end,
                     const char *reason) {
  struct pg_pool *pool = pool_of(connection);
  assert(batch->pool == pool);
  if (batch->state == PG_BATCH_ORPHANED) {
    batch_free(batch);
  } else if (end == PG_END_ANSWERED && waits_for_lock(connection, batch) && !batch->overdue &&
             !pool->closing) {
    move_to_heavy(batch);
  } else if (end == PG_END_ANSWERED && may_try_again(batch)) {
    batch->conflicted = true;
    rerun(batch);
  } else if (end == PG_END_ANSWERED) {
    finish_and_free(batch);
  } else if (end == PG_END_UNDONE || batch->lane != PG_LANE_WRITE) {
    rerun(batch);
  } else {
    batch_reset(batch);
    batch_fail(batch, PG_UNAVAILABLE, "outcome unknown: %s", reason);
    finish_and_free(batch);
  }
}

static bool any_is_ready(const struct pg_pool *pool, enum pg_lane lane) {
  for (unsigned i = 0; i < pool->options.connections; i++)
    if (pool->connections[i].lane == lane && connection_is_ready(&pool->connections[i]))
      return true;
  return false;
}

/* Drains the next stale connection, when all others but the write connection are ready: one after
 * the other. */
static void follow(struct pg_pool *pool) {
  struct pg_connection *next = NULL;
  for (unsigned i = 0; i < pool->options.connections; i++) {
    struct pg_connection *connection = &pool->connections[i];
    if (connection->state == PG_CONNECTION_READY) {
      if (connection->stale && !next) next = connection;
    } else if (connection->state != PG_CONNECTION_HELD && connection->lane != PG_LANE_WRITE) {
      return;
    }
  }
  if (next) connection_drain(next);
}

/* A server that takes writes was found: the connections to the demoted one are replaced. */
static void leave_demoted(struct pg_pool *pool) {
  pool->demoted = false;
  for (unsigned i = 0; i < pool->read_count + pool->heavy_count; i++)
    pool->connections[i].stale = pool->connections[i].state == PG_CONNECTION_READY;
}

static void on_ready(struct pg_connection *connection) {
  struct pg_pool *pool = pool_of(connection);
  pool->down[connection->lane] = false;
  connection->stale = false;
  if (connection->lane == PG_LANE_WRITE && pool->demoted) leave_demoted(pool);
  follow(pool);
  dispatch_publish(pool);
  dispatch_ask(pool);
}

/* When the lane has no other connection, those who wait are told now, not at their deadlines. */
static void on_failed(struct pg_connection *connection, const char *reason) {
  struct pg_pool *pool = pool_of(connection);
  dispatch_publish(pool);
  if (any_is_ready(pool, connection->lane)) return;
  char line[256];
  snprintf(line, sizeof(line), "no connection to Postgres: %s", reason);
  pool->down[connection->lane] = true;
  fail_queue(pool, connection->lane, line);
}

static void on_room(struct pg_connection *connection) {
  follow(pool_of(connection));
  dispatch_ask(pool_of(connection));
}

static void on_demoted(struct pg_connection *connection) {
  struct pg_pool *pool = pool_of(connection);
  if (pool->demoted) return;
  pool->demoted = true;
  if (pool->options.demoted) pool->options.demoted(pool->options.argument);
}

void pg_pool_leave_demoted(struct pg_pool *pool) {
  if (pool->closing || pool->demoted) return;
  pool->demoted = true;
  connection_leave_demoted(pool_write_connection(pool));
}

static void on_aged(struct pg_connection *connection) {
  connection->stale = true;
  follow(pool_of(connection));
}

static const struct pg_connection_events EVENTS = {
    .ended = on_ended,
    .ready = on_ready,
    .failed = on_failed,
    .room = on_room,
    .demoted = on_demoted,
    .aged = on_aged,
};

/* --- Making and closing --- */

/* Tells those who were refused when they submitted. */
static void tell_refused(struct loop_task *task) {
  struct pg_pool *pool = LIST_ENTRY(task, struct pg_pool, refuse_task);
  struct list *node;
  while ((node = list_pop(&pool->refused)))
    finish_and_free(LIST_ENTRY(node, struct pg_batch, node));
}

static void init_queues(struct pg_pool *pool) {
  dispatch_init(pool);
  list_init(&pool->refused);
  loop_task_init(&pool->refuse_task, tell_refused);
  loop_deadlines_init(&pool->deadlines, pool->loop, 2ULL * pool->options.deadline_ms);
  loop_deadlines_init(&pool->heads, pool->loop, pool->options.deadline_ms + CANCEL_LATER_MS);
}

static void init_connections(struct pg_pool *pool) {
  const struct pg_pool_options *options = &pool->options;
  pool->connection_options.loop = pool->loop;
  pool->connection_options.connection_url = options->connection_url;
  pool->connection_options.prepare = options->prepare;
  pool->connection_options.deadline_ms = options->deadline_ms;
  pool->connection_options.max_age_ms = options->max_age_ms;
  pool->connection_options.heads = &pool->heads;
  pool->connection_options.events = &EVENTS;
  pool->connection_options.owner = pool;
  pool->connection_options.counts = &pool->stats.connections;
  pool->connection_options.times = &pool->stats.times;
  snprintf(pool->connection_options.statement_timeout,
           sizeof(pool->connection_options.statement_timeout), "%u", options->deadline_ms);
  pool->heavy_count = options->connections / PG_POOL_CONNECTIONS_LEAST;
  pool->read_count = options->connections - pool->heavy_count - 1;
  for (unsigned i = 0; i < options->connections; i++) {
    enum pg_lane lane = i < pool->read_count                       ? PG_LANE_READ
                        : i < pool->read_count + pool->heavy_count ? PG_LANE_HEAVY
                                                                   : PG_LANE_WRITE;
    connection_init(&pool->connections[i], lane, &pool->connection_options);
    if (i != pool->read_count || !options->hold_one) connection_open(&pool->connections[i]);
  }
}

struct pg_pool *pg_pool_new(struct loop *loop, const struct pg_pool_options *options,
                            struct error *error) {
  if (!connection_url_check(options->connection_url, error)) return NULL;
  assert(options->connections >= PG_POOL_CONNECTIONS_LEAST && options->pipeline_depth > 0);
  struct pg_pool *pool =
      calloc(1, sizeof(*pool) + options->connections * sizeof(pool->connections[0]));
  struct pg_canceller *canceller = pool ? canceller_new(loop) : NULL;
  if (!canceller) {
    free(pool);
    error_set(error, ERROR_MEMORY, "out of memory for the Postgres pool");
    return NULL;
  }
  loop_free_at_end(loop, pool);
  pool->loop = loop;
  pool->options = *options;
  pool->connection_options.canceller = canceller;
  init_queues(pool);
  init_connections(pool);
  dispatch_publish(pool);
  return pool;
}

void pg_pool_trace(struct pg_pool *pool, struct span_sink *sink) {
  pool->sink = sink;
}

void pg_pool_release(struct pg_pool *pool) {
  if (pool->closing) return;
  for (unsigned i = 0; i < pool->options.connections; i++)
    connection_open(&pool->connections[i]);
}

void pg_pool_close(struct pg_pool *pool) {
  static const char REASON[] = "the server is stopping";
  if (!pool || pool->closing) return;
  pool->closing = true;
  for (int lane = 0; lane < PG_LANES; lane++)
    fail_queue(pool, (enum pg_lane)lane, REASON);
  for (int lane = 0; lane < PG_LANES; lane++)
    assert(pool->queued[lane] == 0);
  tell_refused(&pool->refuse_task);
  loop_task_cancel(&pool->refuse_task);
  for (unsigned i = 0; i < pool->options.connections; i++)
    connection_close(&pool->connections[i]);
  canceller_close(pool->connection_options.canceller);
  loop_deadlines_close(&pool->deadlines);
  loop_deadlines_close(&pool->heads);
  dispatch_close(pool);
}

/* --- For callers --- */

struct pg_pool_stats pg_pool_stats(const struct pg_pool *pool) {
  return (struct pg_pool_stats){
      .reads_ready = histogram_read(&pool->stats.ready[PG_LANE_READ]),
      .writes_ready = histogram_read(&pool->stats.ready[PG_LANE_WRITE]),
      .reads_trouble = (enum pg_trouble)histogram_read(&pool->stats.reads_trouble),
      .writes_trouble = (enum pg_trouble)histogram_read(&pool->stats.writes_trouble),
      .batches = histogram_read(&pool->stats.batches),
      .unavailable = histogram_read(&pool->stats.unavailable),
      .failed = histogram_read(&pool->stats.failed),
  };
}

static void refuse(struct pg_pool *pool, struct pg_batch *batch, const char *reason) {
  batch_become(batch, PG_BATCH_REFUSED);
  batch_fail(batch, PG_UNAVAILABLE, "%s", reason);
  list_append(&pool->refused, &batch->node);
  loop_at_end_of_turn(pool->loop, &pool->refuse_task);
}

void pg_pool_submit(struct pg_batch *batch, pg_done done, void *argument) {
  if (!batch) {
    struct error error;
    error_set(&error, ERROR_MEMORY, "out of memory for a batch");
    done(PG_UNAVAILABLE, NULL, &error, argument);
    return;
  }
  struct pg_pool *pool = batch->pool;
  assert(batch->call_count > 0 && batch_has_all_parameters(batch));
  batch->lane = batch_strictest_lane(batch);
  batch->done = done;
  batch->argument = argument;
  batch->submitted_us = clock_monotonic_us();
  if (pool->closing) {
    refuse(pool, batch, "the server is stopping");
  } else if (pool->down[batch->lane]) {
    refuse(pool, batch, "no connection to Postgres");
  } else if (pool->queued[batch->lane] >= pool->options.queue_limit) {
    refuse(pool, batch, "the queue for Postgres is full");
  } else {
    loop_deadline_start(&pool->deadlines, &batch->deadline);
    dispatch_enqueue(batch);
  }
}
