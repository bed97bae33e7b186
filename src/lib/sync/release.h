/* release.h: what a sync leaves behind for the next ones: the release's list, copies of the
 * contents of its pages, the manifest; and what of it is not needed any more. */
#pragma once

#include "lib/sync/upload.h"

/* The key of the copy of the content with that MD5. */
const char *release_blob_key(struct sync_run *run, const char *md5);

/* Copies what the plan overwrites or deletes and a release that may be put back needs: pages, and
 * of the other files those that are deleted, for pages of it may point there. Hashed assets stay
 * themselves. Must be done before the first of them is written. */
bool release_keep_old(struct sync_run *run, struct error *error);

/* Writes the list and the manifest of a new release, takes away what is older than the releases to
 * keep. `results` is of the plan's changes. */
bool release_finish(struct sync_run *run, const struct upload_result *results, struct error *error);

/* Writes the manifest anew without a new release: what HEAD told need not be asked again. */
bool release_learn(struct sync_run *run, struct error *error);
