/* dispatch.c: sends what waits in the lanes' queues, at the end of each turn of the loop.
 *
 * A batch that waits is in one queue and counted in `queued`; it leaves both when it is given to a
 * connection. Reads go to the connection that choice.c names. The heavy lane gives each idle
 * connection one batch. Writes leave as a group (write_queue.c) when their connection is idle and
 * gather.c says that it is time. Two timers run only while they are needed: one for writes that are
 * waited for, one that looks for slow reads. */
#include "lib/pg/dispatch.h"

#include "lib/base/clock.h"
#include "lib/pg/pool_inside.h"

#include <assert.h>

enum {
  GROUP_LIMIT = 64, /* writes in one transaction */
  PATROL_MS = 25,
  DISPLACE_MS = 100,          /* a read that runs longer and delays others goes to the heavy lane */
  DISPLACE_DEADLINE_MS = 500, /* with a shorter deadline the server ends it soon enough */
  SCAN_LIMIT = 64,            /* waiting reads looked at in one turn beyond those that leave */
};

_Static_assert(PATROL_MS < DISPLACE_MS && DISPLACE_MS < DISPLACE_DEADLINE_MS,
               "a slow read is found in time, and before the server's own time-out");

void dispatch_ask(struct pg_pool *pool) {
  if (!pool->closing) loop_at_end_of_turn(pool->loop, &pool->dispatch_task);
}

/* --- Queues --- */

static void end_waiting(struct pg_batch *batch) {
  assert(batch->state == PG_BATCH_WAITING && batch->pool->queued[batch->lane] > 0);
  batch->pool->queued[batch->lane]--;
}

void dispatch_leave_queue(struct pg_batch *batch) {
  list_remove(&batch->node);
  end_waiting(batch);
}

void dispatch_begin_waiting(struct pg_batch *batch) {
  batch_become(batch, PG_BATCH_WAITING);
  batch->pool->queued[batch->lane]++;
}

void dispatch_enqueue(struct pg_batch *batch) {
  struct pg_pool *pool = batch->pool;
  dispatch_begin_waiting(batch);
  switch (batch->lane) {
  case PG_LANE_READ: list_append(&pool->reads, &batch->node); break;
  case PG_LANE_HEAVY: list_append(&pool->heavy, &batch->node); break;
  default: write_queue_add(&pool->writes, batch); break;
  }
  dispatch_ask(pool);
}

/* --- Leaving --- */

static void leave(struct pg_pool *pool, struct pg_batch *batch, struct pg_connection *connection) {
  pool_count(&pool->stats.queued_us, clock_monotonic_us() - batch->submitted_us);
  connection_add(connection, batch);
}

/* Reads of one statement share a transaction, and so a system call on each side. Reads of another
 * statement get a transaction of their own, because Postgres sends results at its end. */
static void separate(struct pg_connection *connection, const struct pg_batch *batch) {
  if (!connection->flight.unsynced) return;
  const struct pg_batch *last =
      LIST_ENTRY(connection->flight.batches.previous, struct pg_batch, node);
  if (last->calls[0].statement != batch->calls[0].statement) connection_sync(connection);
}

/* True while something waits for a read to end. */
static bool is_delayed(const struct pg_pool *pool, const struct pg_connection *connection) {
  unsigned depth = connection->flight.depth;
  return depth > 1 || (depth == 1 && !list_empty(&pool->reads));
}

static bool any_is_delayed(const struct pg_pool *pool) {
  for (unsigned i = 0; i < pool->read_count; i++)
    if (is_delayed(pool, &pool->connections[i])) return true;
  return false;
}

static void on_patrol(uv_timer_t *timer);

static void ask_patrol(struct pg_pool *pool) {
  bool watched = uv_is_active((uv_handle_t *)&pool->patrol_timer);
  if (watched || pool->options.deadline_ms < DISPLACE_DEADLINE_MS || !any_is_delayed(pool)) return;
  uv_timer_start(&pool->patrol_timer, on_patrol, PATROL_MS, 0);
}

/* What is in flight behind a slow read cannot be taken back. So the slow read is cancelled, and
 * runs again in the heavy lane, where it delays nobody. */
static void on_patrol(uv_timer_t *timer) {
  struct pg_pool *pool = timer->data;
  for (unsigned i = 0; i < pool->read_count; i++) {
    struct pg_connection *connection = &pool->connections[i];
    if (flight_head_ms(&connection->flight) < DISPLACE_MS || !is_delayed(pool, connection))
      continue;
    if (connection_cancel_head(connection)) flight_head(&connection->flight)->displaced = true;
  }
  ask_patrol(pool);
}

static void dispatch_reads(struct pg_pool *pool) {
  const struct choice_among among = {pool->connections, pool->read_count,
                                     pool->options.pipeline_depth};
  struct list *node = pool->reads.next;
  for (unsigned passed = 0; node != &pool->reads && passed < SCAN_LIMIT;) {
    struct pg_batch *batch = LIST_ENTRY(node, struct pg_batch, node);
    node = node->next;
    struct pg_connection *connection =
        choice_make(&among, &pool->slow, batch, loop_now_ms(pool->loop));
    if (connection) separate(connection, batch);
    if (!connection || !connection_is_free(connection)) {
      passed++;
      continue;
    }
    dispatch_leave_queue(batch);
    leave(pool, batch, connection);
  }
  for (unsigned i = 0; i < pool->read_count; i++)
    connection_sync(&pool->connections[i]);
  ask_patrol(pool);
}

static void on_gathered(uv_timer_t *timer) {
  dispatch_ask(timer->data);
}

static bool is_idle(const struct pg_connection *connection) {
  return connection_is_free(connection) && flight_is_empty(&connection->flight);
}

static void dispatch_heavy(struct pg_pool *pool) {
  for (unsigned i = 0; i < pool->heavy_count && !list_empty(&pool->heavy); i++) {
    struct pg_connection *connection = &pool->connections[pool->read_count + i];
    if (!is_idle(connection)) continue;
    struct pg_batch *batch = LIST_ENTRY(pool->heavy.next, struct pg_batch, node);
    dispatch_leave_queue(batch);
    leave(pool, batch, connection);
    connection_sync(connection);
  }
}

/* True when writes may leave: the connection is idle, and enough of them came or their time is
 * over.
 */
static bool writes_may_leave(struct pg_pool *pool, const struct pg_connection *connection) {
  unsigned waiting = pool->queued[PG_LANE_WRITE];
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
  struct pg_connection *connection = pool_write_connection(pool);
  struct pg_batch *group[GROUP_LIMIT];
  if (!writes_may_leave(pool, connection)) return;
  unsigned count = write_queue_take(&pool->writes, group, GROUP_LIMIT);
  if (count == 0) return;
  assert(write_queue_is_group((const struct pg_batch *const *)group, count, GROUP_LIMIT));
  for (unsigned i = 0; i < count; i++) {
    if (connection_is_free(connection)) {
      end_waiting(group[i]);
      leave(pool, group[i], connection);
    } else { /* lost meanwhile */
      write_queue_return(&pool->writes, group[i], false);
    }
  }
  pool->group_size = count;
  histogram_record(&pool->stats.groups, &histogram_sizes, count);
  connection_sync(connection);
}

static void publish(atomic_uint_fast64_t *place, uint64_t value) {
  atomic_store_explicit(place, value, memory_order_relaxed);
}

static void publish_connection(struct pg_connection *connection) {
  struct pg_connection_view *view = &connection->view;
  const struct pg_flight *flight = &connection->flight;
  const struct pg_batch *head = flight_head(flight);
  publish(&view->state, connection->state);
  publish(&view->depth, flight->depth);
  if (!head) return;
  publish(&view->statement, head->calls[0].statement);
  publish(&view->since_us,
          flight->answered_us > head->sent_us ? flight->answered_us : head->sent_us);
}

/* What other threads see of the pool. */
/* Why the lane has no connection: any of them tells. PG_TROUBLE_DOWN until the first try ended. */
static enum pg_trouble trouble_of(const struct pg_pool *pool, enum pg_lane lane) {
  enum pg_trouble trouble = PG_TROUBLE_DOWN;
  for (unsigned i = 0; i < pool->options.connections; i++) {
    const struct pg_connection *connection = &pool->connections[i];
    if (connection->lane != lane) continue;
    if (connection_is_ready(connection)) return PG_TROUBLE_NONE;
    if (connection->trouble > trouble) trouble = connection->trouble;
  }
  return trouble;
}

void dispatch_publish(struct pg_pool *pool) {
  uint64_t ready[PG_LANES] = {0}, in_flight = 0;
  for (unsigned i = 0; i < pool->options.connections; i++) {
    ready[pool->connections[i].lane] += connection_is_ready(&pool->connections[i]);
    in_flight += pool->connections[i].flight.depth;
    publish_connection(&pool->connections[i]);
  }
  for (unsigned lane = 0; lane < PG_LANES; lane++) {
    publish(&pool->stats.ready[lane], ready[lane]);
    publish(&pool->stats.queued[lane], pool->queued[lane]);
  }
  publish(&pool->stats.in_flight, in_flight);
  publish(&pool->stats.reads_trouble, trouble_of(pool, PG_LANE_READ));
  publish(&pool->stats.writes_trouble, trouble_of(pool, PG_LANE_WRITE));
}

static void dispatch(struct loop_task *task) {
  struct pg_pool *pool = LIST_ENTRY(task, struct pg_pool, dispatch_task);
  dispatch_reads(pool);
  dispatch_heavy(pool);
  dispatch_writes(pool);
  dispatch_publish(pool);
}

/* --- Life --- */

void dispatch_init(struct pg_pool *pool) {
  list_init(&pool->reads);
  list_init(&pool->heavy);
  write_queue_init(&pool->writes);
  loop_task_init(&pool->dispatch_task, dispatch);
  uv_timer_init(loop_uv(pool->loop), &pool->gather_timer);
  uv_timer_init(loop_uv(pool->loop), &pool->patrol_timer);
  pool->gather_timer.data = pool->patrol_timer.data = pool;
}

void dispatch_close(struct pg_pool *pool) {
  loop_task_cancel(&pool->dispatch_task);
  uv_close((uv_handle_t *)&pool->gather_timer, NULL);
  uv_close((uv_handle_t *)&pool->patrol_timer, NULL);
}
