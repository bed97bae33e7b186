/* pool.h: many requests side by side, bounded in number and in bytes held in memory. */
#pragma once

#include "lib/sync/run.h"

struct pool;

/* Starts the work of item `index`; pool_ended() is called exactly once for it, now or later. */
typedef void (*pool_start)(struct pool *pool, size_t index);

struct pool {
  struct sync_run *run;
  void *argument;
  pool_start start;
  /* Bytes that item `index` holds while it is under way; NULL: nothing to speak of. */
  uint64_t (*weight)(const struct pool *pool, size_t index);
  size_t count;
  struct sync_progress progress;
  struct error first_error; /* of the items that failed */

  size_t next, under_way;
  uint64_t held;
  bool starting, done;
};

/* Works through all items, settings.jobs at once; one that fails does not stop the others. `pool`
 * has run, argument, start, count and progress.what set. True when none failed. */
bool pool_work(struct pool *pool);

/* Item `index` has ended: `error` is NULL when it is done, `bytes` counts for the progress. */
void pool_ended(struct pool *pool, size_t index, uint64_t bytes, const struct error *error);
