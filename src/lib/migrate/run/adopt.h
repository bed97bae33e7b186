/* adopt.h: the first run on a database: its history begins with what was found there. Private to
 * the room. */
#pragma once

#include "lib/migrate/run/migrate_session.h"
#include "lib/migrate/state/adoption.h"

/* Writes the history's tables and what adoption_examine() found, in one transaction, and says what
 * that was. When the connection is lost, what holds in the database is asked over a new one and
 * said. */
bool adopt_database(struct migrate_session *session, const struct migration_set *set,
                    struct history *history, struct error *error);
