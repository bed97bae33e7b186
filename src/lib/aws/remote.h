/* remote.h: credentials that somebody hands out over HTTP: STS for a web identity, a container
 * endpoint, the instance metadata service. Inside of the room only. */
#pragma once

#include "lib/aws/source.h"
#include "lib/fetch/fetch.h"

/* Called exactly once, on the loop, never from inside aws_remote_fetch(); `credentials` (the
 * callee's) is NULL when it failed with `error`. */
typedef void (*aws_remote_done)(struct aws_credentials *credentials, const struct error *error,
                                void *argument);

/* Asks `source` (not AWS_SOURCE_FIXED), which is copied where it is needed later. `sts_url` is for
 * a web identity. Returns false (and never calls `done`) when memory is out or the fetcher closes.
 */
bool aws_remote_fetch(struct fetcher *fetcher, const struct aws_source *source, const char *sts_url,
                      aws_remote_done done, void *argument);
