/* pool_inside.h: what a pool holds: the part that pool.c and dispatch.c share. Inside the room. */
#pragma once

#include "lib/pg/choice.h"
#include "lib/pg/gather.h"
#include "lib/pg/pool.h"
#include "lib/pg/write_queue.h"

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
  unsigned queued[PG_LANES]; /* batches that wait, by lane */
  bool down[PG_LANES];       /* the lane has no connection, and the last try failed */
  bool demoted;              /* a server took no more writes, and no other was found yet */
  struct slow_statements slow;
  struct list refused;
  struct loop_task refuse_task, dispatch_task;
  struct span_sink *sink;
  struct {
    atomic_uint_fast64_t ready, reads_ready, writes_ready, in_flight, queued, batches, unavailable,
        failed, reruns, groups, grouped, waited_us, queued_us;
    atomic_uint reads_trouble, writes_trouble;
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
