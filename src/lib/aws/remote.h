/* remote.h: credentials that somebody hands out over HTTP: STS for a web identity or a role, the
 * portal of SSO, a container endpoint, the instance metadata service. Inside of the room only. */
#pragma once

#include "lib/aws/source.h"
#include "lib/fetch/fetch.h"

/* Called exactly once, on the loop, never from inside aws_remote_fetch(); `credentials` (the
 * callee's) is NULL when it failed with `error`. */
typedef void (*aws_remote_done)(struct aws_credentials *credentials, const struct error *error,
                                void *argument);

/* Asks `source`, then for its roles, of which there is one at least where it is AWS_SOURCE_FIXED.
 * What `source` holds is taken over and the structure emptied, in any case. `loop` is the
 * fetcher's. Returns false (and never calls `done`) when memory is out or the fetcher closes. */
bool aws_remote_fetch(struct loop *loop, struct fetcher *fetcher, struct aws_source *source,
                      aws_remote_done done, void *argument);
