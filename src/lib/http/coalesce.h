/* coalesce.h: request coalescing: requests whose answer is the same for all share one run of the
 * handler, a round.
 *
 * A request is answered only by a round that started after the whole request had arrived. So it
 * sees whatever was committed before it was sent, as if it had a run of its own: there is nothing
 * to invalidate, on one instance or on many. For each target (path and query) a loop has at most
 * one round that runs, and who arrives meanwhile shares the next. A round belongs to nobody: it
 * goes on whoever leaves, and its answer, an error too, is everybody's in it. */
#pragma once

#include "lib/base/siphash.h"
#include "lib/loop/loop.h"

struct http_request;
struct http_server;

enum {
  COALESCE_TARGETS_LIMIT = 1024, /* in progress on a loop; over it requests get 503 */
  COALESCE_BUCKETS = 256,
};

/* The targets in progress of one server. */
struct coalescer {
  struct loop_task task; /* ends and starts rounds at the end of a turn */
  struct list due;       /* targets that the task looks at */
  struct list buckets[COALESCE_BUCKETS];
  unsigned target_count;
  unsigned char secret[SIPHASH_SECRET_SIZE];
};

void coalescer_init(struct http_server *server);

/* Answers who waits and starts nothing more; when the handlers of all rounds have answered. */
void coalescer_close(struct http_server *server);

/* Takes a request of a shared row, which has come whole. */
void coalesce_join(struct http_request *request);

/* Tells that the handler has answered a round's own request. */
void coalesce_ended(struct http_request *request);
