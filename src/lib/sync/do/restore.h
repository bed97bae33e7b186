/* restore.h: a rollback: the pages of an earlier release come back from the copies that were kept
 * of them, and with them the other files of that release that were deleted since. Everything else
 * stays as it is. The release takes the place of the build; the plan is made as for a deploy and
 * then narrowed to what a rollback changes. */
#pragma once

#include "lib/sync/plan/sync_plan.h"

/* A release that is to come back. */
struct restore {
  uint64_t number;
  struct sync_build build;  /* the release */
  struct sync_build served; /* what is served now; empty when its list cannot be read */
};

/* The release that a rollback goes to when none is named: what was served before the release whose
 * pages are served now (which may be a rollback itself). After a run that was cut off it is what
 * was served before that run; after a rollback that was cut off, what that one put back. 0: no
 * release. */
uint64_t restore_default(const struct sync_bucket *bucket);

/* Reads the lists of the release `number` and of what is served now. Fails as ERROR_REFUSED when
 * there is no such release any more, or when an asset that its pages need is gone from the bucket.
 */
bool restore_read(const struct sync_session *session, const struct sync_bucket *bucket,
                  uint64_t number, struct arena *arena, struct restore *ret_restore,
                  struct error *error);

/* Narrows `plan`, which was made for `restore->build`: a rollback writes pages, brings back other
 * files that are gone, and deletes the pages that came since. Fails as ERROR_REFUSED when the copy
 * of a page is gone. A file without a copy is told to the observer and left out. */
bool restore_narrow(const struct restore *restore, const struct sync_session *session,
                    struct sync_plan *plan, struct arena *arena, struct error *error);
