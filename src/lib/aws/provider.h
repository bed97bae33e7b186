/* provider.h: what the clients see of the provider. Inside of the room only. */
#pragma once

#include "lib/aws/source.h"

/* Intervals; tests shorten them. */
struct aws_provider_timing {
  uint64_t advance_ms;    /* credentials are fetched anew so long before they expire, … */
  unsigned tries;         /* … with so many tries in a row … */
  uint64_t retry_base_ms; /* … a jittered wait apart that doubles from here … */
  uint64_t retry_cap_ms;  /* … up to here; rounds that fail are as far apart */
  uint64_t failure_ms;    /* after a failed round nobody's asking starts another for so long */
};

extern const struct aws_provider_timing AWS_PROVIDER_TIMING;

/* aws_provider_new() with other intervals. */
struct aws_provider *aws_provider_new_timed(struct loop *loop, const struct config *config,
                                            const struct aws_provider_timing *timing,
                                            struct error *error);

/* Somebody on a loop who wants to know when a fetch ended, well or not. */
struct aws_watcher {
  struct loop *loop;
  void (*settled)(struct aws_watcher *watcher); /* on `loop`; may be called once after leaving */
  struct list node;
  bool posted; /* a call of `settled` is on its way; the provider's mutex guards it */
  struct aws_provider *provider;
};

/* Starts to tell `watcher`, and keeps the provider's memory until aws_provider_part(). */
void aws_provider_join(struct aws_provider *provider, struct aws_watcher *watcher);

/* Stops to tell; true when one call of `settled` is still on its way: the watcher's memory must
 * stay until then. On the watcher's loop. */
bool aws_provider_leave(struct aws_watcher *watcher);

/* Lets go of the provider's memory; after aws_provider_leave() and the last call of `settled`. */
void aws_provider_part(struct aws_watcher *watcher);

enum aws_taken {
  AWS_TAKEN, /* good credentials, the caller's reference */
  AWS_WAIT,  /* a fetch is under way: `settled` will be called */
  AWS_NONE,  /* there are none: `error` says why */
};

/* From any thread that has joined. */
enum aws_taken aws_provider_take(struct aws_provider *provider, struct aws_credentials **ret,
                                 struct error *error);

/* A service said that `credentials` are no good any more: unless others took their place, they are
 * fetched anew (at most once in a while). True when taking again may give others. */
bool aws_provider_refused(struct aws_provider *provider, const struct aws_credentials *credentials);
