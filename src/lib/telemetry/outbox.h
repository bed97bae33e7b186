/* outbox.h: items of text on their way to a web service, off the request path. Inside of the room
 * only.
 *
 * Items gather in batches; a batch is one POST request. It leaves when it is full, or at most a
 * second after its first item. Two requests may be under way, and the number of items that wait is
 * bounded. What the service does not get is dropped and counted, never sent again: a slow or dead
 * service costs items, and nothing else. */
#pragma once

#include "lib/fetch/fetch.h"

enum { OUTBOX_REQUESTS_LIMIT = 2, OUTBOX_GATHER_MS = 1000, OUTBOX_DRAIN_MS = 1500 };

struct outbox;

struct outbox_options {
  const char *service; /* as metrics name it */
  const char *url;
  const struct fetch_header *headers;
  size_t header_count;
  struct str head, separator, tail; /* a request's body: head item separator item … tail */
  unsigned batch_limit;             /* items of one request, 1 at least */
  unsigned waiting_limit;           /* items that may wait; later ones are dropped */
  const char *refused, *taken; /* log lines: the service takes no items, and takes them again */
};

/* Makes an outbox of `loop`; `options` and what they point to stay the caller's and outlive it. The
 * memory goes with the loop. NULL when there is none. */
struct outbox *outbox_new(struct loop *loop, struct fetcher *fetcher,
                          const struct outbox_options *options, struct error *error);

/* Adds an item, which is copied. */
void outbox_add(struct outbox *outbox, struct str item);

/* Counts items as dropped that the caller did not add. */
void outbox_drop(struct outbox *outbox, unsigned count);

/* Items that were dropped; from any thread. */
uint64_t outbox_dropped(const struct outbox *outbox);

/* Sends what waits, and lets that take OUTBOX_DRAIN_MS at most; what is added from now on is
 * dropped. Then closes the timer and calls `drained`, once, perhaps before this returns. Requests
 * that are still under way then end when the fetcher closes. */
void outbox_drain(struct outbox *outbox, void (*drained)(void *argument), void *argument);
