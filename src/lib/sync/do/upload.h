/* upload.h: writes the objects of a plan: by uploading files, or by copies within the bucket. */
#pragma once

#include "lib/sync/do/results.h"
#include "lib/sync/plan/order.h"
#include "lib/sync/sync_session.h"

/* Works through the plan's changes of `phase`, many at once. Each failure is told to the observer;
 * returns false when there was one, and `error` holds the first. */
bool upload_phase(const struct sync_session *session, const struct sync_plan *plan,
                  enum sync_phase phase, struct sync_results *results, struct error *error);
