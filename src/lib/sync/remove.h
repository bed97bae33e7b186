/* remove.h: deletes objects, a thousand at a time. */
#pragma once

#include "lib/sync/run.h"

/* Deletes the keys. What S3 could not do at the moment is tried again; what it refuses is told to
 * the observer, key by key, and counted. False when a key may be there still. */
bool remove_keys(struct sync_run *run, const char *const *keys, size_t count, struct error *error);
