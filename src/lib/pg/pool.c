/* pool.c: see pool.h: the queues of a loop, and which connection runs what. */
#include "lib/pg/pool.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/pg/choice.h"
#include "lib/pg/gather.h"
#include "lib/pg/group.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
  GROUP_LIMIT = 64,      /* writes in one transaction */
  CANCEL_LATER_MS = 250, /* the server's own time-out comes first */
  RERUNS_LIMIT = 5,
  SCAN_LIMIT = 64, /* waiting reads looked at in one turn beyond those that leave */
};

struct pg_pool {
  struct loop *loop;
  struct pg_pool_options options;
  struct pg_connection_options connection_options;
  struct list reads, heavy; /* waiting batches, oldest first; heavy: writes among them */
  struct write_queue writes;
  struct gather gather;
  unsigned group_size; /* writes in the last transaction; 0: its end was noticed */
  uv_timer_t gather_timer;
  unsigned queued[PG_POOL_KINDS]; /* batches that wait, by kind */
  bool down[PG_POOL_KINDS];       /* no connection, and the last try failed */
  bool demoted;                   /* a server took no more writes, and no other was found yet */
  struct slow_statements slow;
  struct list refused;
  struct loop_task refuse_task, dispatch_task;
  struct span_sink *sink;
  struct {
    atomic_uint_fast64_t ready, reads_ready, writes_ready, in_flight, queued, batches, unavailable,
        failed, reruns, groups, grouped, waited_us, queued_us;
  } stats;                         /* read by other threads */
  struct deadline_queue deadlines; /* what callers wait for */
  struct deadline_queue heads;     /* of the connections */
  bool closing;
  unsigned read_count, heavy_count; /* connections in this order; the last one is for writes */
  struct pg_connection connections[];
};

static struct pg_pool *pool_of(const struct pg_connection *connection) {
  return connection->options->owner;
}

static struct pg_connection *write_connection(struct pg_pool *pool) {
  return &pool->connections[pool->read_count + pool->heavy_count];
}

static void ask_dispatch(struct pg_pool *pool) {
  if (!pool->closing) loop_at_end_of_turn(pool->loop, &pool->dispatch_task);
}

static void add(atomic_uint_fast64_t *counter, uint64_t amount) {
  atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

/* --- The end of a batch --- */

static void finish(struct pg_batch *batch) {
  struct pg_pool *pool = batch->pool;
  if (batch->outcome == PG_DONE && batch->result_count != batch->call_count)
    batch_fail(batch, PG_FAILED, "%d results for %d statements", batch->result_count,
               batch->call_count);
  add(&pool->stats.batches, 1);
  add(&pool->stats.waited_us, clock_monotonic_us() - batch->submitted_us);
  if (batch->outcome == PG_UNAVAILABLE) add(&pool->stats.unavailable, 1);
  if (batch->outcome == PG_FAILED) add(&pool->stats.failed, 1);
  batch_tell(batch);
  if (batch->kind == PG_POOL_WRITE) write_queue_forget(&pool->writes, batch);
}

static void finish_and_free(struct pg_batch *batch) {
  finish(batch);
  batch_free(batch);
}

/* Takes a batch off the queue it waits in. */
static void leave_queue(struct pg_batch *batch) {
  assert(batch->state == PG_BATCH_WAITING);
  list_remove(&batch->node);
  batch->pool->queued[batch->kind]--;
}

static void fail_waiting(struct pg_batch *batch, const char *reason) {
  leave_queue(batch);
  batch_fail(batch, PG_UNAVAILABLE, "%s", reason);
  finish_and_free(batch);
}

/* A read that is in flight is answered now, and what comes for it later is dropped. A write is
 * answered by what becomes of it. */
static void on_deadline(struct deadline *deadline) {
  struct pg_batch *batch = LIST_ENTRY(deadline, struct pg_batch, deadline);
  char reason[64];
  snprintf(reason, sizeof(reason), "no answer within %u ms", 2 * batch->pool->options.deadline_ms);
  if (batch->state == PG_BATCH_WAITING) {
    fail_waiting(batch, reason);
  } else if (batch->kind == PG_POOL_WRITE) {
    batch->overdue = true;
  } else {
    batch_fail(batch, PG_UNAVAILABLE, "%s: %s",
               pg_statement_sources[batch->calls[0].statement].name, reason);
    finish(batch);
    batch->state = PG_BATCH_ORPHANED;
  }
}

struct pg_batch *pg_batch_new(struct pg_pool *pool) {
  return batch_new(pool, pool->sink, on_deadline);
}

/* --- Queues --- */

static void fail_list(struct list *list, enum pg_pool_kind kind, const char *reason) {
  struct list *node = list->next;
  while (node != list) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    node = node->next;
    if (batch->kind == kind) fail_waiting(batch, reason);
  }
}

static void fail_queue(struct pg_pool *pool, enum pg_pool_kind kind, const char *reason) {
  fail_list(kind == PG_POOL_READ ? &pool->reads : &pool->heavy, kind, reason);
  struct pg_batch *batch;
  while (kind == PG_POOL_WRITE && (batch = write_queue_pop(&pool->writes)))
    fail_waiting(batch, reason);
}

static void begin_waiting(struct pg_batch *batch) {
  batch->state = PG_BATCH_WAITING;
  batch->pool->queued[batch->kind]++;
}

static void enqueue(struct pg_batch *batch) {
  struct pg_pool *pool = batch->pool;
  begin_waiting(batch);
  switch (batch->kind) {
  case PG_POOL_READ: list_append(&pool->reads, &batch->node); break;
  case PG_POOL_HEAVY: list_append(&pool->heavy, &batch->node); break;
  default: write_queue_add(&pool->writes, batch); break;
  }
  ask_dispatch(pool);
}

/* A write that waits for a lock does so where it delays no other write. */
static void move_to_heavy(struct pg_batch *batch) {
  struct pg_pool *pool = batch->pool;
  batch_reset(batch);
  begin_waiting(batch);
  list_append(pool->heavy.next, &batch->node); /* first */
  ask_dispatch(pool);
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
  add(&pool->stats.reruns, 1);
  if (batch->kind != PG_POOL_WRITE) {
    enqueue(batch);
    return;
  }
  begin_waiting(batch);
  write_queue_return(&pool->writes, batch, culprit);
  ask_dispatch(pool);
}

/* --- Dispatch --- */

static void leave(struct pg_pool *pool, struct pg_batch *batch, struct pg_connection *connection) {
  add(&pool->stats.queued_us, clock_monotonic_us() - batch->submitted_us);
  connection_add(connection, batch);
}

/* Reads of one statement share a transaction, and with it a system call on each side. With another
 * statement they would wait for its results to be sent. */
static void separate(struct pg_connection *connection, const struct pg_batch *batch) {
  if (!connection->flight.unsynced) return;
  const struct pg_batch *last =
      LIST_ENTRY(connection->flight.batches.previous, struct pg_batch, node);
  if (last->calls[0].statement != batch->calls[0].statement) connection_sync(connection);
}

static void dispatch_reads(struct pg_pool *pool) {
  const struct choice_of among = {pool->connections, pool->read_count,
                                  pool->options.pipeline_depth};
  struct list *node = pool->reads.next;
  for (unsigned passed = 0; node != &pool->reads && passed < SCAN_LIMIT;) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    node = node->next;
    struct pg_connection *connection =
        choose_connection(&among, &pool->slow, batch, loop_now_ms(pool->loop));
    if (connection) separate(connection, batch);
    if (!connection || !connection_is_free(connection)) {
      passed++;
      continue;
    }
    leave_queue(batch);
    leave(pool, batch, connection);
  }
  for (unsigned i = 0; i < pool->read_count; i++)
    connection_sync(&pool->connections[i]);
}

static void on_gathered(uv_timer_t *timer) {
  ask_dispatch(timer->data);
}

static bool is_idle(const struct pg_connection *connection) {
  return connection_is_free(connection) && flight_is_empty(&connection->flight);
}

static void dispatch_heavy(struct pg_pool *pool) {
  for (unsigned i = 0; i < pool->heavy_count && !list_empty(&pool->heavy); i++) {
    struct pg_connection *connection = &pool->connections[pool->read_count + i];
    if (!is_idle(connection)) continue;
    struct pg_batch *batch = LIST_ENTRY(pool->heavy.next, struct pg_batch, node);
    leave_queue(batch);
    leave(pool, batch, connection);
    connection_sync(connection);
  }
}

/* True when writes may leave: the connection is idle, and enough of them came or it is time. */
static bool writes_may_leave(struct pg_pool *pool, const struct pg_connection *connection) {
  unsigned waiting = pool->queued[PG_POOL_WRITE];
  if (!is_idle(connection)) return false;
  uint64_t now_us = clock_monotonic_us();
  if (pool->group_size > 0) gather_begin(&pool->gather, pool->group_size, waiting, now_us);
  pool->group_size = 0;
  if (waiting == 0) return false;
  if (gather_is_over(&pool->gather, waiting, now_us)) return true;
  if (!uv_is_active((uv_handle_t *)&pool->gather_timer))
    uv_timer_start(&pool->gather_timer, on_gathered, GATHER_MS, 0);
  return false;
}

static void dispatch_writes(struct pg_pool *pool) {
  struct pg_connection *connection = write_connection(pool);
  struct pg_batch *group[GROUP_LIMIT];
  if (!writes_may_leave(pool, connection)) return;
  unsigned count = write_queue_take(&pool->writes, group, GROUP_LIMIT);
  for (unsigned i = 0; i < count; i++) {
    pool->queued[PG_POOL_WRITE]--;
    if (connection_is_free(connection)) {
      leave(pool, group[i], connection);
    } else { /* lost meanwhile */
      begin_waiting(group[i]);
      write_queue_return(&pool->writes, group[i], false);
    }
  }
  if (count == 0) return;
  pool->group_size = count;
  add(&pool->stats.groups, 1);
  add(&pool->stats.grouped, count);
  connection_sync(connection);
}

/* What other threads see of the pool. */
static void publish(struct pg_pool *pool) {
  uint64_t ready[PG_POOL_KINDS] = {0}, in_flight = 0, queued = 0;
  for (unsigned i = 0; i < pool->options.connections; i++) {
    ready[pool->connections[i].kind] += connection_is_ready(&pool->connections[i]);
    in_flight += pool->connections[i].flight.depth;
  }
  for (unsigned kind = 0; kind < PG_POOL_KINDS; kind++)
    queued += pool->queued[kind];
  uint64_t all = ready[PG_POOL_READ] + ready[PG_POOL_HEAVY] + ready[PG_POOL_WRITE];
  atomic_store_explicit(&pool->stats.ready, all, memory_order_relaxed);
  atomic_store_explicit(&pool->stats.reads_ready, ready[PG_POOL_READ], memory_order_relaxed);
  atomic_store_explicit(&pool->stats.writes_ready, ready[PG_POOL_WRITE], memory_order_relaxed);
  atomic_store_explicit(&pool->stats.in_flight, in_flight, memory_order_relaxed);
  atomic_store_explicit(&pool->stats.queued, queued, memory_order_relaxed);
}

static void dispatch(struct loop_task *task) {
  struct pg_pool *pool = LIST_ENTRY(task, struct pg_pool, dispatch_task);
  dispatch_reads(pool);
  dispatch_heavy(pool);
  dispatch_writes(pool);
  publish(pool);
}

/* --- What connections tell --- */

static bool waits_for_lock(const struct pg_connection *connection, const struct pg_batch *batch) {
  return connection->kind == PG_POOL_WRITE && strcmp(batch->sqlstate, "55P03") == 0;
}

static void on_ended(struct pg_connection *connection, struct pg_batch *batch, enum pg_end end,
                     const char *reason) {
  struct pg_pool *pool = pool_of(connection);
  if (batch->state == PG_BATCH_ORPHANED) {
    batch_free(batch);
  } else if (end == PG_END_ANSWERED && waits_for_lock(connection, batch) && !batch->overdue &&
             !pool->closing) {
    move_to_heavy(batch);
  } else if (end == PG_END_ANSWERED) {
    finish_and_free(batch);
  } else if (end == PG_END_UNDONE || batch->kind != PG_POOL_WRITE) {
    rerun(batch);
  } else {
    batch_reset(batch);
    batch_fail(batch, PG_UNAVAILABLE, "outcome unknown: %s", reason);
    finish_and_free(batch);
  }
}

static bool any_is_ready(const struct pg_pool *pool, enum pg_pool_kind kind) {
  for (unsigned i = 0; i < pool->options.connections; i++)
    if (pool->connections[i].kind == kind && connection_is_ready(&pool->connections[i]))
      return true;
  return false;
}

/* Lets connections that are to be made anew go one after the other. */
static void follow(struct pg_pool *pool) {
  struct pg_connection *next = NULL;
  for (unsigned i = 0; i < pool->options.connections; i++) {
    struct pg_connection *connection = &pool->connections[i];
    if (connection->state == PG_CONNECTION_READY) {
      if (connection->stale && !next) next = connection;
    } else if (connection->state != PG_CONNECTION_HELD && connection->kind != PG_POOL_WRITE) {
      return;
    }
  }
  if (next) connection_drain(next);
}

/* A server that takes writes was found: the connections to the one before are of no more use. */
static void leave_demoted(struct pg_pool *pool) {
  pool->demoted = false;
  for (unsigned i = 0; i < pool->read_count + pool->heavy_count; i++)
    pool->connections[i].stale = pool->connections[i].state == PG_CONNECTION_READY;
}

static void on_ready(struct pg_connection *connection) {
  struct pg_pool *pool = pool_of(connection);
  pool->down[connection->kind] = false;
  connection->stale = false;
  if (connection->kind == PG_POOL_WRITE && pool->demoted) leave_demoted(pool);
  follow(pool);
  publish(pool);
  ask_dispatch(pool);
}

/* With no other connection to wait for, whoever waits is told now rather than at the deadline. */
static void on_failed(struct pg_connection *connection, const char *reason) {
  struct pg_pool *pool = pool_of(connection);
  publish(pool);
  if (any_is_ready(pool, connection->kind)) return;
  char line[256];
  snprintf(line, sizeof(line), "no connection to Postgres: %s", reason);
  pool->down[connection->kind] = true;
  fail_queue(pool, connection->kind, line);
}

static void on_room(struct pg_connection *connection) {
  follow(pool_of(connection));
  ask_dispatch(pool_of(connection));
}

static void on_demoted(struct pg_connection *connection) {
  pool_of(connection)->demoted = true;
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

/* Tells those who were refused when they submitted. */
static void tell_refused(struct loop_task *task) {
  struct pg_pool *pool = LIST_ENTRY(task, struct pg_pool, refuse_task);
  struct list *node;
  while ((node = list_pop(&pool->refused)))
    finish_and_free(LIST_ENTRY(node, struct pg_batch, node));
}

static void init_queues(struct pg_pool *pool) {
  list_init(&pool->reads);
  list_init(&pool->heavy);
  list_init(&pool->refused);
  write_queue_init(&pool->writes);
  uv_timer_init(loop_uv(pool->loop), &pool->gather_timer);
  pool->gather_timer.data = pool;
  loop_task_init(&pool->refuse_task, tell_refused);
  loop_task_init(&pool->dispatch_task, dispatch);
  deadline_queue_init(&pool->deadlines, pool->loop, 2ULL * pool->options.deadline_ms);
  deadline_queue_init(&pool->heads, pool->loop, pool->options.deadline_ms + CANCEL_LATER_MS);
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
  snprintf(pool->connection_options.statement_timeout,
           sizeof(pool->connection_options.statement_timeout), "%u", options->deadline_ms);
  pool->heavy_count = options->connections / PG_POOL_CONNECTIONS_LEAST;
  pool->read_count = options->connections - pool->heavy_count - 1;
  for (unsigned i = 0; i < options->connections; i++) {
    enum pg_pool_kind kind = i < pool->read_count                       ? PG_POOL_READ
                             : i < pool->read_count + pool->heavy_count ? PG_POOL_HEAVY
                                                                        : PG_POOL_WRITE;
    connection_init(&pool->connections[i], kind, &pool->connection_options);
    if (i != pool->read_count || !options->hold_one) connection_open(&pool->connections[i]);
  }
}

struct pg_pool *pg_pool_new(struct loop *loop, const struct pg_pool_options *options,
                            struct error *error) {
  if (!pg_check_connection_url(options->connection_url, error)) return NULL;
  assert(options->connections >= PG_POOL_CONNECTIONS_LEAST);
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
  for (int kind = 0; kind < PG_POOL_KINDS; kind++)
    fail_queue(pool, (enum pg_pool_kind)kind, REASON);
  tell_refused(&pool->refuse_task);
  loop_task_cancel(&pool->refuse_task);
  loop_task_cancel(&pool->dispatch_task);
  for (unsigned i = 0; i < pool->options.connections; i++)
    connection_close(&pool->connections[i]);
  canceller_close(pool->connection_options.canceller);
  deadline_queue_close(&pool->deadlines);
  deadline_queue_close(&pool->heads);
  uv_close((uv_handle_t *)&pool->gather_timer, NULL);
}

/* --- For callers --- */

static uint64_t look(const atomic_uint_fast64_t *counter) {
  return atomic_load_explicit(counter, memory_order_relaxed);
}

struct pg_pool_stats pg_pool_stats(const struct pg_pool *pool) {
  return (struct pg_pool_stats){
      .ready = look(&pool->stats.ready),
      .in_flight = look(&pool->stats.in_flight),
      .queued = look(&pool->stats.queued),
      .reads_ready = look(&pool->stats.reads_ready),
      .writes_ready = look(&pool->stats.writes_ready),
      .batches = look(&pool->stats.batches),
      .unavailable = look(&pool->stats.unavailable),
      .failed = look(&pool->stats.failed),
      .reruns = look(&pool->stats.reruns),
      .groups = look(&pool->stats.groups),
      .grouped = look(&pool->stats.grouped),
      .waited_us = look(&pool->stats.waited_us),
      .queued_us = look(&pool->stats.queued_us),
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
  batch->kind = batch_pool_kind(batch);
  batch->done = done;
  batch->argument = argument;
  batch->submitted_us = clock_monotonic_us();
  if (pool->closing) {
    refuse(pool, batch, "the server is stopping");
  } else if (pool->down[batch->kind]) {
    refuse(pool, batch, "no connection to Postgres");
  } else if (pool->queued[batch->kind] >= pool->options.queue_limit) {
    refuse(pool, batch, "the queue for Postgres is full");
  } else {
    deadline_start(&pool->deadlines, &batch->deadline);
    enqueue(batch);
  }
}
