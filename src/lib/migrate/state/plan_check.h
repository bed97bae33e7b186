/* plan_check.h: what must be settled before anything is applied. Private to the room. */
#pragma once

#include "lib/migrate/report.h"
#include "lib/migrate/state/migrate_plan.h"

/* REFUSED when migrations were recorded as found in the schema and are not there. */
bool plan_check_adopted(const struct migrate_plan *plan, struct error *error);

/* REFUSED so, and when a way back was begun, when files changed after they were applied (their
 * differences are said), or when files are older than the newest applied and `allow_late` is false.
 * Warns of applied migrations without a file. */
bool plan_check_settled(const struct migrate_plan *plan, bool allow_late,
                        const struct migrate_reporter *reporter, struct error *error);

/* Says the difference between what was applied and the file. */
void plan_check_say_difference(const struct migrate_reporter *reporter, enum migrate_say kind,
                               const struct migrate_plan_item *item);
