/* sync_pool.c: many requests side by side.
 *
 * Everything runs on the session's loop, in one thread. An item is waiting (index >= next), under
 * way, or ended; next + under_way never pass count, and the pool is done when all have ended.
 * Each end starts what now has room: at most `jobs` items, holding at most 8 MB together. The pool
 * lives on its caller's stack; what an item needs belongs to the caller. */
#include "lib/sync/sync_pool.h"

#include <assert.h>

static const uint64_t HELD_LIMIT = 8 * 1024 * 1024;

static uint64_t weight_of(const struct sync_pool *pool, size_t index) {
  return pool->weight ? pool->weight(pool, index) : 0;
}

/* One item may be larger than the limit: it then goes alone. */
static bool has_room(const struct sync_pool *pool) {
  if (pool->under_way == 0) return true;
  return pool->under_way < pool->session->jobs &&
         pool->held + weight_of(pool, pool->next) <= HELD_LIMIT;
}

/* The run was stopped: what has not started never will. */
static void give_up(struct sync_pool *pool) {
  if (pool->progress.failed == 0) pool->first_error = pool->session->run->stopped;
  assert(pool->session->run->stopped.kind != ERROR_NONE && pool->next < pool->count);
  pool->progress.failed += pool->count - pool->next;
  pool->next = pool->count;
}

/* An item that ends at once comes back here from sync_pool_ended(). The outer call's loop goes on
 * then, so that the stack does not grow. */
static void start_more(struct sync_pool *pool) {
  if (pool->starting) return;
  pool->starting = true;
  while (pool->next < pool->count && !sync_session_is_stopped(pool->session) && has_room(pool)) {
    size_t index = pool->next++;
    pool->under_way++;
    pool->held += weight_of(pool, index);
    pool->start(pool, index);
  }
  pool->starting = false;
  if (pool->next < pool->count && sync_session_is_stopped(pool->session)) give_up(pool);
  pool->done = pool->next == pool->count && pool->under_way == 0;
}

void sync_pool_ended(struct sync_pool *pool, size_t index, uint64_t bytes,
                     const struct error *error) {
  assert(index < pool->next && pool->under_way > 0); /* started, and not more ends than starts */
  assert(pool->held >= weight_of(pool, index));
  pool->under_way--;
  pool->held -= weight_of(pool, index);
  if (error) {
    if (pool->progress.failed++ == 0) pool->first_error = *error;
  } else {
    pool->progress.done++;
    pool->progress.bytes += bytes;
  }
  sync_session_progress(pool->session, &pool->progress);
  start_more(pool);
}

bool sync_pool_work(struct sync_pool *pool) {
  pool->progress.total = pool->count;
  start_more(pool);
  sync_session_wait(pool->session, &pool->done);
  assert(pool->held == 0 && pool->progress.done + pool->progress.failed == pool->count);
  return pool->progress.failed == 0;
}
