/* release.h: what a sync leaves behind for the next ones: the release's list, copies of the
 * contents of its pages, the manifest; and deletes what of it nobody needs any more. */
#pragma once

#include "lib/sync/do/results.h"
#include "lib/sync/plan/sync_plan.h"

/* Copies what the plan overwrites or deletes and what a release that may be put back needs: pages,
 * and other files that are deleted, for its pages may link to them. Must be done before the first
 * of them is written. */
bool release_keep_old(const struct sync_session *session, const struct sync_plan *plan,
                      struct sync_results *results, struct error *error);

/* Writes the list and the manifest of the new release, and deletes what only releases needed that
 * are too old to be put back. */
bool release_finish(const struct sync_session *session, const struct sync_plan *plan,
                    const struct sync_results *results, struct error *error);

/* Writes the manifest without a new release: what HEAD told need not be asked again. */
bool release_learn(const struct sync_session *session, const struct sync_plan *plan,
                   struct arena *arena, struct error *error);
