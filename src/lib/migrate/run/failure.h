/* failure.h: a statement that Postgres refused, told as a compiler would. Private to the room. */
#pragma once

#include "lib/migrate/file/migration.h"
#include "lib/migrate/run/migrate_session.h"

/* Says where and why the session's last statement failed, what state the database is in and what to
 * do. `statement` is NULL when it was none of the file's: the section's first line is shown.
 * `fallback` is the message for a failure that was not Postgres's. */
void failure_report(struct migrate_session *session, const struct migration *migration,
                    const struct section *section, const struct statement *statement,
                    const char *state, const char *fallback);

/* The failure goes away by trying again over the same connection: a lock timeout, a deadlock, a
 * serialization failure. */
bool failure_is_retryable(const struct pg_failure *failure);
