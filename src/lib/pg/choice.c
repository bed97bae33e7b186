/* choice.c: chooses the connection for a read. It looks at every connection once and keeps no state
 * but `struct slow_statements`: when each statement stops being regarded as slow. */
#include "lib/pg/choice.h"

enum { STUCK_MS = 20, SLOW_MS = 5000 };

static bool is_stuck(const struct pg_connection *connection, struct slow_statements *statements,
                     uint64_t now_ms) {
  if (flight_head_ms(&connection->flight) <= STUCK_MS) return false;
  const struct pg_batch *head = flight_head(&connection->flight);
  for (int i = 0; i < head->call_count; i++)
    statements->until_ms[head->calls[i].statement] = now_ms + SLOW_MS;
  return true;
}

/* What a read finds when it looks around. */
struct choice {
  unsigned ready, free, with_statement; /* connections; with_statement: that run the same */
  struct pg_connection *same, *other;   /* the least busy one that runs the same, or does not */
};

static void look_at(struct choice *choice, struct pg_connection *connection, bool stuck,
                    enum pg_statement statement, unsigned depth_limit) {
  const struct pg_flight *flight = &connection->flight;
  bool runs_same = flight->of_statement[statement] > 0;
  struct pg_connection **best = runs_same ? &choice->same : &choice->other;
  choice->ready++;
  choice->with_statement += runs_same;
  if (stuck) return;
  choice->free++;
  bool has_room = flight->depth < depth_limit;
  if (has_room && (!*best || flight->depth < (*best)->flight.depth)) *best = connection;
}

struct pg_connection *choice_make(const struct choice_among *among,
                                  struct slow_statements *statements, const struct pg_batch *batch,
                                  uint64_t now_ms) {
  enum pg_statement statement = batch->calls[0].statement;
  struct choice choice = {0};
  for (unsigned i = 0; i < among->count; i++) {
    struct pg_connection *connection = &among->connections[i];
    if (connection_is_free(connection))
      look_at(&choice, connection, is_stuck(connection, statements, now_ms), statement,
              among->depth_limit);
  }
  bool several = choice.ready > 1, slow = statements->until_ms[statement] > now_ms;
  if (several && slow && choice.free < 2) return NULL;
  if (several && choice.with_statement + 1 >= choice.ready) choice.other = NULL;
  if (!choice.same || !choice.other) return choice.same ? choice.same : choice.other;
  return choice.same->flight.depth <= choice.other->flight.depth ? choice.same : choice.other;
}
