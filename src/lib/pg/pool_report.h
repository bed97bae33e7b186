/* pool_report.h: what pools have counted and what they do now, as text. From any thread. */
#pragma once

#include "lib/pg/pool.h"

/* Appends the counters of `count` pools together, for Prometheus. */
void pg_pool_metrics_append(struct pg_pool *const *pools, size_t count, struct buffer *text);

/* Appends a line for each connection of the pool, for people: its lane, its state, what it runs.
 * `loop` is the number of the pool's loop. */
void pg_pool_view_connections(const struct pg_pool *pool, unsigned loop, struct buffer *text);

/* Appends a line for each statement that ended in this minute or the one before, the slowest
 * first, for people. */
void pg_pool_view_statements(struct pg_pool *const *pools, size_t count, struct buffer *text);
