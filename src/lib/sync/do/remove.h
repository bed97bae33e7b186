/* remove.h: deletes objects, a thousand at a time. */
#pragma once

#include "lib/sync/place.h"
#include "lib/sync/sync_session.h"

struct remove_counts {
  size_t deleted, failed;
};

/* Deletes the keys. What S3 could not do at the moment is tried again; what it refuses is told to
 * the observer, key by key. False when a key may still be there; `counts` is set in any case. */
bool remove_keys(const struct sync_session *session, const struct sync_place *place,
                 const char *const *keys, size_t count, struct remove_counts *counts,
                 struct error *error);
