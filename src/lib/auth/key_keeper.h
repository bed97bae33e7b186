/* key_keeper.h: what the authenticators see of the key keeper. Inside of the room only. */
#pragma once

#include "lib/auth/auth.h"
#include "lib/auth/jwks.h"
#include "lib/loop/refresher.h"

/* Tests shorten the intervals. */
struct key_keeper_timing {
  uint64_t fetch_timeout_ms;
  struct refresher_timing refresher; /* its ask_interval_ms: between fetches for unknown keys */
};

/* key_keeper_new() with other intervals. */
struct key_keeper *key_keeper_new_timed(struct loop *loop, const struct auth_options *options,
                                        const struct key_keeper_timing *timing,
                                        struct error *error);

const struct auth_options *key_keeper_options(const struct key_keeper *keeper);

/* Watches the keys: watcher->value is a `struct jwks *`. It keeps the keeper's memory. */
void key_keeper_watch(struct key_keeper *keeper, struct refresher_watcher *watcher);
