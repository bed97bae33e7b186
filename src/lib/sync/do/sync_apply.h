/* sync_apply.h: makes a plan come true: journal, uploads in order, invalidation, deletions,
 * manifest. */
#pragma once

#include "lib/sync/do/results.h"
#include "lib/sync/plan/sync_plan.h"

struct sync_apply_options {
  const char *distribution; /* "": nothing is invalidated */
  bool wait;                /* until the invalidation is complete */
};

/* Applies the plan, whose journal was planned. Stops after the first phase with a failure: what was
 * written before stays, the journal too, and the next run finishes. `results` is set in any case;
 * its texts are put into `arena`. */
bool sync_apply(const struct sync_session *session, const struct sync_plan *plan,
                const struct sync_apply_options *options, struct arena *arena,
                struct sync_results *results, struct error *error);
