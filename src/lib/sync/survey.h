/* survey.h: finds out what there is (the build, the bucket, what earlier syncs left) and plans. */
#pragma once

#include "lib/sync/run.h"

/* Loads the build folder. Errors of kind NOT_FOUND, CONFLICT and INVALID are refusals. */
bool survey_build(struct sync_run *run, struct error *error);

/* Reads manifest and journal and lists the bucket. Writes nothing. */
bool survey_bucket(struct sync_run *run, struct error *error);

/* Asks for what the list did not tell, makes run->plan and run->journal: needs the two above. */
bool survey_plan(struct sync_run *run, struct error *error);

/* Makes run->journal for run->plan, with what an earlier run owes. */
bool survey_journal(struct sync_run *run, struct error *error);

/* True when there is something to apply: changes, or what a run that was cut off still owes. */
bool survey_has_work(const struct sync_run *run);

/* The guards that a plan must pass before the first write: ERROR_CONFLICT names the flag. */
bool survey_guard(const struct sync_run *run, struct error *error);
