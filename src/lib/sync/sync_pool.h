/* sync_pool.h: many requests side by side, bounded in number and in bytes held in memory. */
#pragma once

#include "lib/sync/sync_session.h"

struct sync_pool;

/* Starts the work of item `index`; sync_pool_ended() must be called exactly once for it, from
 * inside this call or later on the loop. */
typedef void (*sync_pool_start)(struct sync_pool *pool, size_t index);

struct sync_pool {
  /* Set by the caller. */
  const struct sync_session *session;
  void *argument;
  sync_pool_start start;
  /* Bytes that item `index` holds while it is under way; NULL: too few to count. */
  uint64_t (*weight)(const struct sync_pool *pool, size_t index);
  size_t count;
  struct sync_progress progress; /* `what`, and total_bytes where bytes are sent */

  struct error first_error; /* of the items that failed */

  /* The pool's own. */
  size_t next, under_way;
  uint64_t held;
  bool starting, done;
};

/* Works through all items, as many at once as the session's jobs. An item that fails does not stop
 * the others. True when none failed. */
bool sync_pool_work(struct sync_pool *pool);

/* Says that item `index` has ended: `error` is NULL when it is done; `bytes` counts for the
 * progress. */
void sync_pool_ended(struct sync_pool *pool, size_t index, uint64_t bytes,
                     const struct error *error);
