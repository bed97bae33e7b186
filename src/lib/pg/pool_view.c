/* pool_view.c: what pools are doing now, in lines for people, from what their loops publish. */
#include "lib/base/clock.h"
#include "lib/pg/pool_inside.h"
#include "lib/pg/pool_report.h"
#include "lib/pg/statement_times.h"

#include <stdlib.h>

static double milliseconds(uint64_t us) {
  return (double)us / 1000.0;
}

static void append_view(const struct pg_connection_view *view, struct buffer *text) {
  static const char *const STATES[PG_CONNECTION_STATES] = {
      [PG_CONNECTION_HELD] = "held",          [PG_CONNECTION_WAITING] = "waiting",
      [PG_CONNECTION_CONNECTING] = "opening", [PG_CONNECTION_PREPARING] = "preparing",
      [PG_CONNECTION_READY] = "ready",        [PG_CONNECTION_DRAINING] = "draining",
      [PG_CONNECTION_CLOSED] = "closed",
  };
  uint64_t depth = histogram_read(&view->depth), now_us = clock_monotonic_us();
  uint64_t since_us = histogram_read(&view->since_us);
  buffer_append_format(text, "%-10s %9llu", STATES[histogram_read(&view->state)],
                       (unsigned long long)depth);
  if (depth > 0)
    buffer_append_format(text, "  %10.1f  %s",
                         milliseconds(now_us > since_us ? now_us - since_us : 0),
                         pg_statement_sources[histogram_read(&view->statement)].name);
  buffer_append_char(text, '\n');
}

void pg_pool_view_connections(const struct pg_pool *pool, unsigned loop, struct buffer *text) {
  for (unsigned i = 0; i < pool->options.connections; i++) {
    buffer_append_format(text, "%4u  %-5s  ", loop, pool_lane_name(pool->connections[i].lane));
    append_view(&pool->connections[i].view, text);
  }
}

/* A statement on all loops. */
struct line {
  unsigned statement;
  uint64_t longest_us, calls, total_us;
};

static int compare_lines(const void *one, const void *other) {
  uint64_t first = ((const struct line *)one)->longest_us;
  uint64_t second = ((const struct line *)other)->longest_us;
  return first < second ? 1 : first > second ? -1 : 0;
}

static struct line add_up(struct pg_pool *const *pools, size_t count, unsigned statement,
                          uint64_t now_us) {
  struct line line = {.statement = statement};
  for (size_t i = 0; i < count; i++) {
    const struct statement_times *times = &pools[i]->stats.times;
    uint64_t longest = statement_times_longest_us(times, (enum pg_statement)statement, now_us);
    if (longest > line.longest_us) line.longest_us = longest;
    line.calls += histogram_count(&times->of[statement].durations);
    line.total_us += histogram_read(&times->of[statement].durations.total);
  }
  return line;
}

void pg_pool_view_statements(struct pg_pool *const *pools, size_t count, struct buffer *text) {
  struct line lines[PG_STATEMENTS];
  uint64_t now_us = clock_monotonic_us();
  for (unsigned statement = 0; statement < PG_STATEMENTS; statement++)
    lines[statement] = add_up(pools, count, statement, now_us);
  qsort(lines, PG_STATEMENTS, sizeof(lines[0]), compare_lines);
  for (size_t i = 0; i < PG_STATEMENTS && lines[i].longest_us > 0; i++)
    buffer_append_format(text, "%10.1f  %10.1f  %9llu  %s\n", milliseconds(lines[i].longest_us),
                         milliseconds(lines[i].total_us) / (double)lines[i].calls,
                         (unsigned long long)lines[i].calls,
                         pg_statement_sources[lines[i].statement].name);
}
