/* aws_provider.h: the process's credentials for AWS, kept fresh: one loop fetches them, and every
 * loop's client takes the same counted ones from a refresher (lib/loop/refresher.h). They are
 * fetched once for all who wait, and again before they expire while the old ones go on serving. */
#pragma once

#include "lib/aws/credentials/aws_credentials.h"
#include "lib/base/config.h"
#include "lib/loop/refresher.h"

/* Intervals; tests shorten them. */
struct aws_provider_timing {
  uint64_t advance_ms;    /* credentials are fetched again so long before they expire, … */
  unsigned tries;         /* … with so many tries in a row … */
  uint64_t retry_base_ms; /* … a jittered wait apart that doubles from here … */
  uint64_t retry_cap_ms;  /* … up to here; rounds that fail are as far apart */
  uint64_t failure_ms;    /* minimum delay before somebody's asking may start another round */
};

extern const struct aws_provider_timing AWS_PROVIDER_TIMING;

struct aws_provider;

/* Makes the process's provider on `loop`, where it starts to look for credentials. `config` was
 * loaded with CONFIG_AWS and must outlive the provider. Not to find any is no failure here: each
 * call is told. NULL when memory is out. */
struct aws_provider *aws_provider_new(struct loop *loop, const struct config *config,
                                      struct error *error);

/* The same with other intervals. */
struct aws_provider *aws_provider_new_timed(struct loop *loop, const struct config *config,
                                            const struct aws_provider_timing *timing,
                                            struct error *error);

/* Ends what is under way and closes the handles; the memory goes with the last watcher. On the
 * provider's loop. Takes NULL. */
void aws_provider_close(struct aws_provider *provider);

/* Tells `watcher` from now on when a fetch has ended, as refresher_watch() does. */
void aws_provider_watch(struct aws_provider *provider, struct refresher_watcher *watcher);

/* Takes good credentials, the caller's reference. REFRESHER_WAIT: a fetch is under way, and the
 * watchers will be told. REFRESHER_NONE: there are none, and `error` says why. From any thread
 * whose loop watches. */
enum refresher_taken aws_provider_take(struct aws_provider *provider,
                                       struct aws_credentials **ret_credentials,
                                       struct error *error);

/* A service said that `credentials` are no good any more: unless others took their place, they are
 * fetched again, unless that was asked for a moment ago. True when taking again may give others. */
bool aws_provider_refused(struct aws_provider *provider, const struct aws_credentials *credentials);
