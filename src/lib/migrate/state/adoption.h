/* adoption.h: what a database already has that was made by other hands. Private to the room.
 *
 * The schema decides: a migration whose applied-if lines are true there counts as applied, and
 * nothing else does, whatever last_successful_run says. What is found missing between migrations
 * that are there is remembered with a resume point at its start, so that it is not taken for a late
 * file. Rows that were recorded so are looked at again each time: earlier versions of this program
 * believed last_successful_run. */
#pragma once

#include "lib/migrate/state/history.h"

/* Fills a history without tables with what is found in the schema. In one with tables, marks the
 * adopted entries that the schema does not have as absent. Changes nothing in the database. */
bool adoption_examine(struct pg_session *session, const struct migration_set *set,
                      struct history *history, struct error *error);

/* Appends the history's tables and what adoption_examine() found. */
void adoption_append(struct buffer *sql, const struct migration_set *set,
                     const struct history *history);

/* Appends what makes every absent entry pending, and last_successful_run fit what is left. */
void adoption_append_repair(struct buffer *sql, const struct migration_set *set,
                            const struct history *history);
