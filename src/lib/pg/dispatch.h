/* dispatch.h: the queues of the pool's lanes, and how what waits leaves for a connection. Inside
 * the room. */
#pragma once

#include "lib/pg/batch_inside.h"

/* Prepares the queues and timers of a new pool, and closes the timers again. */
void dispatch_init(struct pg_pool *pool);
void dispatch_close(struct pg_pool *pool);

/* Sends what can leave, at the end of this turn of the loop. */
void dispatch_ask(struct pg_pool *pool);

/* Shows other threads how the pool is. */
void dispatch_publish(struct pg_pool *pool);

/* Puts a batch at the end of its lane's queue. */
void dispatch_enqueue(struct pg_batch *batch);

/* Counts a batch that was put into a queue by the caller, or takes one off its queue. */
void dispatch_begin_waiting(struct pg_batch *batch);
void dispatch_leave_queue(struct pg_batch *batch);
