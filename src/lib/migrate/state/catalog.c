/* catalog.c: questions to Postgres's catalogs: is an index there and valid, what does this
 * transaction lock. They change nothing and take no lock on the tables. */
#include "lib/migrate/state/catalog.h"

#include <assert.h>
#include <stdlib.h>

/* The index is looked for by its name as written: unquoted names fold, as to_regclass does it. */
static const char CREATED_SQL[] = "SELECT i.oid::regclass::text, x.indisvalid FROM pg_class t "
                                  "JOIN pg_class i ON i.relnamespace = t.relnamespace "
                                  "JOIN pg_index x ON x.indexrelid = i.oid "
                                  "WHERE t.oid = to_regclass($2) AND i.relname = "
                                  "(parse_ident($1))[array_upper(parse_ident($1), 1)]";

static const char NAMED_SQL[] = "SELECT x.indexrelid::regclass::text, x.indisvalid FROM pg_index x "
                                "WHERE x.indexrelid = to_regclass($1) AND $2::text IS NOT NULL";

static const char LOCKS_SQL[] =
    "SELECT DISTINCT l.mode, c.oid::regclass::text FROM pg_locks l "
    "JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE l.pid = pg_backend_pid() AND l.granted AND c.relkind IN ('r', 'p', 'm', 'v') "
    "AND n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') "
    "AND NOT (n.nspname = 'public' AND c.relname IN "
    "('schema_information', 'schema_migrations', 'schema_migrations_adopted', "
    "'schema_migrations_progress')) "
    "AND l.mode NOT IN ('AccessShareLock') ORDER BY 2, 1";

static char *copy(struct str text) {
  return strndup(text.data ? text.data : "", text.length);
}

bool catalog_index_state(struct pg_session *session, const struct bare_statement *statement,
                         enum catalog_index *ret_state, char **ret_name, struct error *error) {
  assert(statement->kind == BARE_CREATE_INDEX || statement->kind == BARE_DROP_INDEX);
  _cleanup_free_ char *index = copy(statement->index), *table = copy(statement->table);
  if (!index || !table) return error_set(error, ERROR_MEMORY, "out of memory");
  const char *parameters[] = {index, table};
  const char *sql = statement->kind == BARE_CREATE_INDEX ? CREATED_SQL : NAMED_SQL;
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(session, sql, 2, parameters, &rows, error)) return false;
  *ret_state = CATALOG_INDEX_ABSENT;
  if (pg_session_rows_count(rows) == 0) return true;
  *ret_state = pg_session_rows_bool(rows, 0, 1) ? CATALOG_INDEX_VALID : CATALOG_INDEX_INVALID;
  *ret_name = strdup(pg_session_rows_text(rows, 0, 0));
  return *ret_name || error_set(error, ERROR_MEMORY, "out of memory");
}

bool catalog_locks(struct pg_session *session, struct pg_rows **ret_rows, struct error *error) {
  return pg_session_query(session, LOCKS_SQL, 0, NULL, ret_rows, error);
}
