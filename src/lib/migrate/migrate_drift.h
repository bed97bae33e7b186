/* migrate_drift.h: what a database has that db/schema.sql has not, and the other way round. Private
 * to the room. */
#pragma once

#include "lib/migrate/engine.h"
#include "lib/pg/pg_session.h"

struct migrate_drift {
  struct pg_rows *here, *there; /* owned: the objects of the database, and of db/schema.sql */
};

/* Reads both; the second from a scratch database, which it makes and drops. */
bool migrate_drift_find(const struct migrate_options *options,
                        const struct migrate_reporter *reporter, struct migrate_drift *ret_drift,
                        struct error *error);
void migrate_drift_free(struct migrate_drift *drift);

/* Calls `found` for each object that only one side has, sorted. */
void migrate_drift_each(const struct migrate_drift *drift,
                        void (*found)(bool only_here, const char *object, void *argument),
                        void *argument);
