/* restore.h: plans a rollback: the pages of an earlier release come back, from the copies that were
 * kept of them, and with them the other files of that release that were deleted since. Everything
 * else stays as it is. */
#pragma once

#include "lib/sync/run.h"

/* The release that a rollback goes to when none is named: what was served before the release whose
 * pages are served now, which may be a rollback itself. 0: there is none. */
uint64_t restore_default(const struct manifest *manifest);

/* Makes run->build (release `number` without its assets), run->plan and run->journal; needs
 * survey_bucket(). Fails as ERROR_NOT_FOUND when there is no such release any more, as
 * ERROR_CONFLICT when a page's copy or an asset that pages need is gone. */
bool restore_plan(struct sync_run *run, uint64_t number, struct error *error);
