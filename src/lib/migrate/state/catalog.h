/* catalog.h: what the runner asks Postgres's catalogs about the objects of a migration. Private to
 * the room. */
#pragma once

#include "lib/migrate/file/bare_statement.h"
#include "lib/pg/pg_session.h"

enum catalog_index { CATALOG_INDEX_ABSENT, CATALOG_INDEX_VALID, CATALOG_INDEX_INVALID };

/* Looks for the index of a BARE_CREATE_INDEX (in its table's schema) or BARE_DROP_INDEX. The
 * qualified name goes to `ret_name`, the caller's to free, when it is there. */
bool catalog_index_state(struct pg_session *session, const struct bare_statement *statement,
                         enum catalog_index *ret_state, char **ret_name, struct error *error);

/* The locks on tables that the session's transaction holds, one a row: mode, table. The catalogs,
 * which every change locks a little, and the history's own tables are left out. */
bool catalog_locks(struct pg_session *session, struct pg_rows **ret_rows, struct error *error);
