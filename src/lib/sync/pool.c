/* pool.c: see pool.h. */
#include "lib/sync/pool.h"

static const uint64_t HELD_LIMIT = 8 * 1024 * 1024;

static uint64_t weight_of(const struct pool *pool, size_t index) {
  return pool->weight ? pool->weight(pool, index) : 0;
}

/* One item may be larger than the limit: it then goes alone. */
static bool has_room(const struct pool *pool) {
  if (pool->under_way == 0) return true;
  return pool->under_way < pool->run->settings.jobs &&
         pool->held + weight_of(pool, pool->next) <= HELD_LIMIT;
}

/* An item that ends at once comes back here by pool_ended(): the loop, not the stack, goes on. */
static void start_more(struct pool *pool) {
  if (pool->starting) return;
  pool->starting = true;
  while (pool->next < pool->count && has_room(pool)) {
    size_t index = pool->next++;
    pool->under_way++;
    pool->held += weight_of(pool, index);
    pool->start(pool, index);
  }
  pool->starting = false;
  pool->done = pool->next == pool->count && pool->under_way == 0;
}

void pool_ended(struct pool *pool, size_t index, uint64_t bytes, const struct error *error) {
  pool->under_way--;
  pool->held -= weight_of(pool, index);
  if (error) {
    if (pool->progress.failed++ == 0) pool->first_error = *error;
  } else {
    pool->progress.done++;
    pool->progress.bytes += bytes;
  }
  run_progress(pool->run, &pool->progress);
  start_more(pool);
}

bool pool_work(struct pool *pool) {
  pool->progress.total = pool->count;
  start_more(pool);
  run_until(pool->run, &pool->done);
  return pool->progress.failed == 0;
}
