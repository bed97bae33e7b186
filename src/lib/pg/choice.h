/* choice.h: which connection a read goes to, so that something slow delays few. Inside the room.
 *
 *   - A connection whose first batch runs for more than 20 ms is stuck: it takes nothing new. The
 *     statements of that batch count as slow for five seconds.
 *   - A slow statement takes no connection that is the last free one.
 *   - One statement never holds all connections. When it hangs, other statements still have one. */
#pragma once

#include "lib/pg/connection.h"

/* Until when each statement counts as slow, on the loop's clock. */
struct slow_statements {
  uint64_t until_ms[PG_STATEMENTS];
};

/* The connections for reads of one loop. */
struct choice_among {
  struct pg_connection *connections;
  unsigned count;
  unsigned depth_limit; /* batches in flight on one */
};

/* The connection that the read goes to; NULL: it has to wait. Notes slow statements in
 * `statements`.
 */
struct pg_connection *choice_make(const struct choice_among *among,
                                  struct slow_statements *statements, const struct pg_batch *batch,
                                  uint64_t now_ms);
