/* pool.c: the pool of one loop: connections, the bounded queue, deadlines. */
#include "lib/base/clock.h"
#include "lib/pg/internal.h"

#include <assert.h>
#include <stdlib.h>

enum { PATIENCE_MS = 500 };

/* Tells those who were refused when they submitted. */
static void tell_refused(struct loop_task *task) {
  struct pg_pool *pool = LIST_ENTRY(task, struct pg_pool, refuse_task);
  struct list *node;
  while ((node = list_pop(&pool->refused)))
    batch_finish(LIST_ENTRY(node, struct pg_batch, node));
}

/* libpq itself looks at ports only when it connects: then it would be tried for ever. */
static bool ports_are_numbers(const PQconninfoOption *options) {
  for (; options->keyword; options++) {
    if (strcmp(options->keyword, "port") != 0 || !options->val) continue;
    struct str rest = str_from(options->val), port;
    while (str_next(&rest, ',', &port)) {
      unsigned long number = 0;
      for (size_t i = 0; i < port.length; i++) {
        if (port.data[i] < '0' || port.data[i] > '9' || number > UINT16_MAX) return false;
        number = number * 10 + (unsigned long)(port.data[i] - '0');
      }
      if (port.length > 0 && (number == 0 || number > UINT16_MAX)) return false;
    }
  }
  return true;
}

/* The message must not quote the URL: it holds a password. */
bool pg_check_connection_url(const char *connection_url, struct error *error) {
  PQconninfoOption *options = PQconninfoParse(connection_url, NULL);
  bool good = options && ports_are_numbers(options);
  PQconninfoFree(options);
  if (good) return true;
  return error_set(error, ERROR_INVALID,
                   "CONNECTION_URL is neither a Postgres URL nor libpq keywords, for example "
                   "CONNECTION_URL=postgresql://user:password@host:5432/cruddur");
}

struct pg_pool *pg_pool_new(struct loop *loop, const struct pg_pool_options *options,
                            struct error *error) {
  if (!pg_check_connection_url(options->connection_url, error)) return NULL;
  struct pg_pool *pool =
      calloc(1, sizeof(*pool) + options->connections * sizeof(pool->connections[0]));
  if (!pool) {
    error_set(error, ERROR_MEMORY, "out of memory for the Postgres pool");
    return NULL;
  }
  loop_free_at_end(loop, pool);
  pool->loop = loop;
  pool->options = *options;
  snprintf(pool->timeout_text, sizeof(pool->timeout_text), "%u", options->deadline_ms);
  list_init(&pool->queue);
  list_init(&pool->refused);
  loop_task_init(&pool->refuse_task, tell_refused);
  deadline_queue_init(&pool->deadlines, loop, options->deadline_ms);
  deadline_queue_init(&pool->patience, loop, PATIENCE_MS);
  for (unsigned i = 0; i < options->connections; i++)
    connection_init(&pool->connections[i], pool);
  return pool;
}

void pg_pool_trace(struct pg_pool *pool, struct span_sink *sink) {
  pool->sink = sink;
}

bool pg_pool_ready(const struct pg_pool *pool) {
  for (unsigned i = 0; i < pool->options.connections; i++)
    if (pool->connections[i].state == PG_CONNECTION_READY) return true;
  return false;
}

void pg_pool_close(struct pg_pool *pool) {
  if (!pool || pool->closing) return;
  pool->closing = true;
  struct list *node;
  while ((node = list_pop(&pool->queue))) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    batch_fail(batch, PG_UNAVAILABLE, "the server is stopping");
    batch_finish(batch);
  }
  pool->queued = 0;
  tell_refused(&pool->refuse_task);
  loop_task_cancel(&pool->refuse_task);
  for (unsigned i = 0; i < pool->options.connections; i++)
    connection_close(&pool->connections[i]);
  deadline_queue_close(&pool->deadlines);
  deadline_queue_close(&pool->patience);
}

/* The ready connection with the fewest batches in flight; NULL when all are full. */
static struct pg_connection *least_busy(struct pg_pool *pool) {
  struct pg_connection *best = NULL;
  for (unsigned i = 0; i < pool->options.connections; i++) {
    struct pg_connection *connection = &pool->connections[i];
    if (connection->state != PG_CONNECTION_READY) continue;
    if (connection->depth >= pool->options.pipeline_depth) continue;
    if (!best || connection->depth < best->depth) best = connection;
  }
  return best;
}

/* What other threads see of the pool; written when it has changed. */
static void publish(struct pg_pool *pool) {
  uint64_t ready = 0, in_flight = 0;
  for (unsigned i = 0; i < pool->options.connections; i++) {
    ready += pool->connections[i].state == PG_CONNECTION_READY;
    in_flight += pool->connections[i].depth;
  }
  atomic_store_explicit(&pool->stats.ready, ready, memory_order_relaxed);
  atomic_store_explicit(&pool->stats.in_flight, in_flight, memory_order_relaxed);
  atomic_store_explicit(&pool->stats.queued, pool->queued, memory_order_relaxed);
}

void pool_dispatch(struct pg_pool *pool) {
  struct pg_connection *connection;
  while (!list_empty(&pool->queue) && (connection = least_busy(pool))) {
    struct pg_batch *batch = LIST_ENTRY(list_pop(&pool->queue), struct pg_batch, node);
    pool->queued--;
    atomic_fetch_add_explicit(&pool->stats.queued_us, clock_monotonic_us() - batch->submitted_us,
                              memory_order_relaxed);
    connection_submit(connection, batch);
  }
  publish(pool);
}

struct pg_pool_stats pg_pool_stats(const struct pg_pool *pool) {
  return (struct pg_pool_stats){
      .ready = atomic_load_explicit(&pool->stats.ready, memory_order_relaxed),
      .in_flight = atomic_load_explicit(&pool->stats.in_flight, memory_order_relaxed),
      .queued = atomic_load_explicit(&pool->stats.queued, memory_order_relaxed),
      .batches = atomic_load_explicit(&pool->stats.batches, memory_order_relaxed),
      .unavailable = atomic_load_explicit(&pool->stats.unavailable, memory_order_relaxed),
      .failed = atomic_load_explicit(&pool->stats.failed, memory_order_relaxed),
      .waited_us = atomic_load_explicit(&pool->stats.waited_us, memory_order_relaxed),
      .queued_us = atomic_load_explicit(&pool->stats.queued_us, memory_order_relaxed),
  };
}

static void refuse(struct pg_pool *pool, struct pg_batch *batch, const char *reason) {
  batch_fail(batch, PG_UNAVAILABLE, "%s", reason);
  batch->state = PG_BATCH_REFUSED;
  list_append(&pool->refused, &batch->node);
  loop_at_end_of_turn(pool->loop, &pool->refuse_task);
}

void pg_batch_submit(struct pg_batch *batch, pg_done done, void *argument) {
  if (!batch) {
    struct error error;
    error_set(&error, ERROR_MEMORY, "out of memory for a batch");
    done(PG_UNAVAILABLE, NULL, &error, argument);
    return;
  }
  struct pg_pool *pool = batch->pool;
  assert(batch->call_count > 0);
  batch->done = done;
  batch->argument = argument;
  batch->submitted_us = clock_monotonic_us();
  if (pool->closing) {
    refuse(pool, batch, "the server is stopping");
  } else if (pool->down && !pg_pool_ready(pool)) {
    refuse(pool, batch, "no connection to Postgres");
  } else if (pool->queued >= pool->options.queue_limit) {
    refuse(pool, batch, "the queue for Postgres is full");
  } else {
    batch->state = PG_BATCH_QUEUED;
    deadline_start(&pool->deadlines, &batch->deadline);
    list_append(&pool->queue, &batch->node);
    pool->queued++;
    pool_dispatch(pool);
  }
}
