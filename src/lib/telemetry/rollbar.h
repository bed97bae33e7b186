/* rollbar.h: items for Rollbar (https://docs.rollbar.com/reference/create-item), sent off the
 * request path. An item holds a message, the environment and a request id: no personal data. */
#pragma once

#include "lib/fetch/fetch.h"

struct rollbar;

struct rollbar_options {
  const char *access_token; /* NULL: nothing is sent */
  const char *environment;
  const char *url; /* of the items endpoint */
};

/* Makes the sender of `loop`; `options` stay the caller's and outlive it. The memory goes with the
 * loop. */
struct rollbar *rollbar_new(struct loop *loop, struct fetcher *fetcher,
                            const struct rollbar_options *options, struct error *error);

/* Sends a message of a level ("warning", "error"). At most ROLLBAR_PER_MINUTE a minute leave a
 * loop; what is over that is dropped. A failure is logged. */
void rollbar_send(struct rollbar *rollbar, const char *level, const char *message,
                  struct str request_id);

/* Sends an error item for an answer of 500 or more; the same route and status once a minute. Fits
 * http_server_on_failure(). */
void rollbar_send_failure(void *rollbar, const char *method, const char *route, unsigned status,
                          struct str request_id);

/* Items that did not arrive: over the rate, refused, not in time; from any thread. */
uint64_t rollbar_dropped(const struct rollbar *rollbar);

/* Waits for ROLLBAR_DRAIN_MS at most until what was sent has arrived, closes the timer and calls
 * `drained` once, perhaps at once. */
void rollbar_drain(struct rollbar *rollbar, void (*drained)(void *argument), void *argument);

enum { ROLLBAR_PER_MINUTE = 30, ROLLBAR_DRAIN_MS = 1500 };
