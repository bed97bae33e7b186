/* purge.h: makes CloudFront forget what changed. */
#pragma once

#include "lib/sync/do/results.h"
#include "lib/sync/have/journal.h"
#include "lib/sync/sync_session.h"

/* Finds out, before anything is written, whether the distribution can be asked: a wrong or
 * forbidden one is an error. Asks for an invalidation that cannot be; "" is no distribution. */
bool purge_check(const struct sync_session *session, const char *distribution, struct error *error);

/* Invalidates `paths` (see plan/paths.h) of the distribution; does nothing when that is "". The
 * caller reference comes from `id` and the paths, so that the same request twice is one
 * invalidation. While too many are in progress it waits and tries again. With `wait` it also waits
 * until the invalidation is complete. */
bool purge_paths(const struct sync_session *session, const char *distribution,
                 const struct journal_paths *paths, const char *id, bool wait,
                 struct sync_results *results, struct error *error);
