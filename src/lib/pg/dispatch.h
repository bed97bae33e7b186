/* dispatch.h: the queues of a loop's pools, and how what waits leaves for a connection. Inside the
 * room: what pool.c and dispatch.c share. */
#pragma once

#include "lib/pg/choice.h"
#include "lib/pg/gather.h"
#include "lib/pg/group.h"

#include <stdatomic.h>

struct pg_pool {
  struct loop *loop;
  struct pg_pool_options options;
  struct pg_connection_options connection_options;
  struct list reads, heavy; /* waiting batches, oldest first; heavy: writes among them */
  struct write_queue writes;
  struct gather gather;
  unsigned group_size; /* writes in the last transaction; 0: its end was noticed */
  uv_timer_t gather_timer, patrol_timer;
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

static inline struct pg_connection *pool_write_connection(struct pg_pool *pool) {
  return &pool->connections[pool->read_count + pool->heavy_count];
}

static inline void pool_count(atomic_uint_fast64_t *counter, uint64_t amount) {
  atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

/* Prepares the queues and timers of a new pool, and closes the timers again. */
void dispatch_init(struct pg_pool *pool);
void dispatch_close(struct pg_pool *pool);

/* Sends what can leave, at the end of this turn of the loop. */
void dispatch_ask(struct pg_pool *pool);

/* Shows other threads how the pool is. */
void dispatch_publish(struct pg_pool *pool);

/* Puts a batch into the queue of its kind. */
void dispatch_enqueue(struct pg_batch *batch);

/* Counts a batch that was put into a queue by the caller, or takes one off its queue. */
void dispatch_begin_waiting(struct pg_batch *batch);
void dispatch_leave_queue(struct pg_batch *batch);
