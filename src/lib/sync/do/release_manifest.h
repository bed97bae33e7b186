/* release_manifest.h: the manifest as it is after a plan was applied: what is known of each object
 * now, the releases, and which copies of old contents they need. No I/O. */
#pragma once

#include "lib/sync/do/results.h"
#include "lib/sync/plan/sync_plan.h"

/* True when `change` takes away a content that a release needs, so that it must be copied first.
 * Hashed assets are kept themselves; a content that somebody else wrote belongs to no release. */
bool release_manifest_needs_copy(const struct sync_plan *plan, const struct sync_change *change);

/* Makes the manifest of a new release, `results` being those of the applied plan; the texts belong
 * to `results->arena` and to what the plan was made from. False when memory is out. */
bool release_manifest_make(const struct sync_plan *plan, const struct sync_results *results,
                           struct arena *arena, struct manifest *ret_manifest);

/* Makes the manifest without a new release, with what HEAD told of the objects. */
bool release_manifest_learn(const struct sync_plan *plan, struct arena *arena,
                            struct manifest *ret_manifest);
