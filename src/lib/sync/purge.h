/* purge.h: has CloudFront forget what changed. */
#pragma once

#include "lib/sync/run.h"

/* Invalidates `paths` (settled, see invalidation.h) of the distribution; nothing without one, or
 * without paths. The caller reference comes from `id` and the paths, so that the same request twice
 * is one invalidation. While too many are in progress it waits and tries again. With `wait` it also
 * waits until the invalidation is complete. */
bool purge_paths(struct sync_run *run, const struct invalidation_paths *paths, const char *id,
                 bool wait, struct error *error);
