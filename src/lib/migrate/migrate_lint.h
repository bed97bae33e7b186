/* migrate_lint.h: what may hurt in the migrations that are pending. Private to the room. */
#pragma once

#include "lib/migrate/report.h"
#include "lib/migrate/state/migrate_plan.h"

/* Says as warnings what is found in the pending migrations of `plan`. `session` is asked how large
 * the tables are. */
void migrate_lint_warn(const struct migrate_plan *plan, struct pg_session *session,
                       const struct migrate_reporter *reporter);
