/* apply.h: makes a plan come true: journal, uploads in order, invalidation, deletions, manifest. */
#pragma once

#include "lib/sync/run.h"

/* Applies run->plan with run->journal. Stops after the first phase with a failure: what came before
 * it stays, the journal too, and the next run finishes. `*ret_started` tells whether anything was
 * written. */
bool apply_plan(struct sync_run *run, bool *ret_started, struct error *error);
