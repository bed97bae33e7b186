/* choice.h: which connection a read goes to, so that something slow delays few. Inside the room.
 *
 *   - A connection whose first batch runs for more than 20 ms is stuck: it takes nothing new. The
 *     statements of that batch count as slow for five seconds.
 *   - A slow statement takes no connection that is the last free one.
 *   - One statement never holds all connections: whoever comes with another one would wait behind
 * it when it hangs. */
#pragma once

#include "lib/pg/connection.h"

/* What is remembered of statements. */
struct slow_statements {
  uint64_t until_ms[PG_STATEMENTS];
};

/* The connections for reads of one loop. */
struct choice_of {
  struct pg_connection *connections;
  unsigned count;
  unsigned depth_limit; /* batches in flight on one */
};

/* NULL: the batch waits. */
struct pg_connection *choose_connection(const struct choice_of *among,
                                        struct slow_statements *statements,
                                        const struct pg_batch *batch, uint64_t now_ms);
