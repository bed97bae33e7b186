/* release.h: what a sync leaves behind for the next ones: the release's list of pages, copies of
 * their contents, the manifest; and what of it is not needed any more. */
#pragma once

#include "lib/sync/upload.h"

enum { RELEASE_SIZE_LIMIT = 64 * 1024 * 1024 };

/* The key of the copy of the page content with that MD5, and of the page list of a release. */
const char *release_blob_key(struct sync_run *run, const char *md5);
const char *release_list_key(struct sync_run *run, uint64_t number);

/* Keeps the pages' contents, writes the list and the manifest of a new release, takes away what is
 * older than the releases to keep. `results` is of the plan's changes. */
bool release_finish(struct sync_run *run, const struct upload_result *results, struct error *error);

/* Writes the manifest anew without a new release: what HEAD told need not be asked again. */
bool release_learn(struct sync_run *run, struct error *error);

/* Reads the pages that release `number` had, as objects sorted by key. ERROR_NOT_FOUND: its list is
 * gone. */
bool release_pages(struct sync_run *run, uint64_t number, struct sync_build *ret_pages,
                   struct error *error);
