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
    atomic_uint_fast64_t ready[PG_LANES], queued[PG_LANES], in_flight; /* now */
    atomic_uint_fast64_t reads_trouble, writes_trouble;                /* of enum pg_trouble */
    atomic_uint_fast64_t batches, unavailable, failed, reruns, waited_us, queued_us;
    struct histogram groups; /* writes of one transaction */
    struct pg_connection_counts connections;
    struct statement_times times;
  } stats;                         /* read by other threads */
  struct deadline_queue deadlines; /* what callers wait for */
  struct deadline_queue heads;     /* of the connections */
  bool closing;
  unsigned read_count, heavy_count; /* connections in this order; the last one is for writes */
  struct pg_connection connections[];
};

/* The word for a lane, in the log and in metrics. */
static inline const char *pool_lane_name(enum pg_lane lane) {
  static const char *const NAMES[PG_LANES] = {
      [PG_LANE_READ] = "read", [PG_LANE_HEAVY] = "heavy", [PG_LANE_WRITE] = "write"};
  return NAMES[lane];
}

/* How many connections of a lane the pool is to have. */
static inline unsigned pool_lane_size(const struct pg_pool *pool, enum pg_lane lane) {
  return lane == PG_LANE_READ ? pool->read_count : lane == PG_LANE_HEAVY ? pool->heavy_count : 1;
}

static inline struct pg_connection *pool_write_connection(struct pg_pool *pool) {
  return &pool->connections[pool->read_count + pool->heavy_count];
}

static inline void pool_count(atomic_uint_fast64_t *counter, uint64_t amount) {
  atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}
