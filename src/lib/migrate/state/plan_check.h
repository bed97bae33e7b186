/* plan_check.h: what must be settled before migrations run or are undone. Private to the room. */
#pragma once

#include "lib/migrate/run/runner.h"

/* REFUSED, with everything said: a way back that was begun, files that changed
 * after they were applied (with a diff). */
bool check_history(struct runner *runner, struct error *error);

/* REFUSED: files older than the newest applied, unless they are allowed. */
bool check_late(struct runner *runner, struct error *error);

/* Says the diff between what was applied and the file. */
void check_say_diff(const struct migrate_reporter *reporter, enum migrate_say kind,
                    const struct migrate_plan_item *item);
