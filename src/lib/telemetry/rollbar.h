/* rollbar.h: items for Rollbar (https://docs.rollbar.com/reference/create-item), sent off the
 * request path. An item holds a message, the server, and of the request its id, its method and its
 * route: no personal data. */
#pragma once

#include "lib/fetch/fetch.h"

enum { ROLLBAR_PER_MINUTE = 30 };

struct rollbar;

struct rollbar_options {
  const char *access_token; /* NULL: nothing is sent */
  const char *environment;
  const char *url; /* of the items endpoint */
};

/* Makes the sender of `loop`; `options` stay the caller's and outlive it. The memory goes with the
 * loop. NULL when there is none. */
struct rollbar *rollbar_new(struct loop *loop, struct fetcher *fetcher,
                            const struct rollbar_options *options, struct error *error);

struct rollbar_item {
  const char *level; /* "warning", "error", "critical" */
  const char *message;
  const char *method, *route; /* of the request that it is about; NULL: it is about none */
  struct str request_id;
};

/* Sends an item. Each loop sends at most ROLLBAR_PER_MINUTE a minute; those beyond are dropped and
 * counted. */
void rollbar_send(struct rollbar *rollbar, const struct rollbar_item *item);

/* Sends an error item for an answer of 500 or more, once a minute for the same route and status.
 * `route` is a constant: it is known by its address. Fits http_server_on_failure(). */
void rollbar_send_failure(void *rollbar, const char *method, const char *route, unsigned status,
                          struct str request_id);

/* Items that did not arrive: over the rate, refused, not in time; from any thread. */
uint64_t rollbar_dropped(const struct rollbar *rollbar);

/* Waits until what was sent has arrived, for OUTBOX_DRAIN_MS (outbox.h) at most; then calls
 * `drained`, once, perhaps before this returns. */
void rollbar_drain(struct rollbar *rollbar, void (*drained)(void *argument), void *argument);
