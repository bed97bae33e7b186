/* replaced_columns.h: whether other objects stand on columns that migrations drop and make again.
 * Private to the room. */
#pragma once

#include "lib/migrate/report.h"
#include "lib/migrate/state/migrate_plan.h"

/* Looks at the columns that the pending migrations of `plan` replace (`-- migrate:replaces`).
 * REFUSED when views, rules, policies, triggers and the like would stop them, or when defaults,
 * constraints, indexes and the like would disappear with the columns: what there is, and the
 * statements that drop and recreate it, are said as an error. */
bool replaced_columns_check(const struct migrate_plan *plan, struct pg_session *session,
                            const struct migrate_reporter *reporter, struct error *error);
