/* key_purge.h: deletes idempotency keys that count no more, from time to time. */
#pragma once

#include "lib/loop/loop.h"
#include "lib/pg/pool.h"

struct key_purge;

/* Deletes keys over `pool` once in `interval_s` seconds, or a little more often: the pauses are
 * random, so that servers that were started together do not work together, and the first run comes
 * some time after the start. A run is a row of small batches with pauses. One that fails is logged,
 * and the next one takes its keys along. NULL when memory is out. */
struct key_purge *key_purge_new(struct loop *loop, struct pg_pool *pool, unsigned interval_s,
                                struct error *error);

/* Before its pool is closed; the memory goes with the loop. Takes NULL. */
void key_purge_close(struct key_purge *purge);
