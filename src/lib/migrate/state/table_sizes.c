/* table_sizes.c: see table_sizes.h. The file is JSON: {"tables": [{"name": …, "bytes": …, "rows":
 * …}]}.
 */
#include "lib/migrate/state/table_sizes.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES_MAX = 100 * 1000 };

/* With those of its partitions. */
#define BYTES_AND_ROWS                                                                             \
  "coalesce((SELECT sum(pg_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t), "             \
  "pg_relation_size(c.oid))::bigint, greatest(c.reltuples, 0)::bigint "

static const char SIZE_SQL[] =
    "SELECT " BYTES_AND_ROWS "FROM pg_class c WHERE c.oid = to_regclass($1)";

static const char SIZES_SQL[] = "SELECT CASE WHEN n.nspname = 'public' THEN quote_ident(c.relname) "
                                "ELSE format('%I.%I', n.nspname, c.relname) END, " BYTES_AND_ROWS
                                "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                                "WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_' "
                                "AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 100000";

static bool reserve(struct table_sizes *sizes, size_t count, struct error *error) {
  if (count > TABLES_MAX) return error_set(error, ERROR_INVALID, "more than %d tables", TABLES_MAX);
  sizes->tables = calloc(count + 1, sizeof(*sizes->tables));
  return sizes->tables || error_set(error, ERROR_MEMORY, "out of memory");
}

static bool add(struct table_sizes *sizes, const char *name, int64_t bytes, int64_t rows,
                struct error *error) {
  assert(sizes->tables && "room was made for each of them");
  struct table_size *table = &sizes->tables[sizes->count];
  *table = (struct table_size){.name = strdup(name),
                               .bytes = bytes > 0 ? (uint64_t)bytes : 0,
                               .rows = rows > 0 ? (uint64_t)rows : 0};
  if (!table->name) return error_set(error, ERROR_MEMORY, "out of memory");
  sizes->count++;
  return true;
}

bool table_sizes_ask(struct pg_session *session, struct str table, struct table_size *ret_size) {
  _cleanup_free_ char *name = strndup(table.data ? table.data : "", table.length);
  if (!name) return false;
  const char *parameters[] = {name};
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(session, SIZE_SQL, 1, parameters, &rows, NULL)) return false;
  *ret_size = (struct table_size){0};
  if (pg_session_rows_count(rows) == 0) return true;
  int64_t bytes = pg_session_rows_integer(rows, 0, 0), count = pg_session_rows_integer(rows, 0, 1);
  ret_size->bytes = bytes > 0 ? (uint64_t)bytes : 0;
  ret_size->rows = count > 0 ? (uint64_t)count : 0;
  return true;
}

bool table_sizes_read(struct pg_session *session, struct table_sizes *ret_sizes,
                      struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  struct table_sizes sizes = {0};
  if (!pg_session_query(session, SIZES_SQL, 0, NULL, &rows, error)) return false;
  size_t count = pg_session_rows_count(rows);
  bool done = reserve(&sizes, count, error);
  for (size_t i = 0; done && i < count; i++)
    done = add(&sizes, pg_session_rows_text(rows, i, 0), pg_session_rows_integer(rows, i, 1),
               pg_session_rows_integer(rows, i, 2), error);
  if (done)
    *ret_sizes = sizes;
  else
    table_sizes_free(&sizes);
  return done;
}

static bool take_tables(json_t *tables, struct table_sizes *sizes, struct error *error) {
  if (!reserve(sizes, json_array_size(tables), error)) return false;
  for (size_t i = 0; i < json_array_size(tables); i++) {
    const char *name = NULL;
    json_int_t bytes = 0, rows = 0;
    if (json_unpack(json_array_get(tables, i), "{s:s, s:I, s:I}", "name", &name, "bytes", &bytes,
                    "rows", &rows) != 0)
      return error_set(error, ERROR_INVALID, "table %zu lacks its name, bytes or rows", i + 1);
    if (!add(sizes, name, bytes, rows, error)) return false;
  }
  return true;
}

bool table_sizes_load(const char *path, struct table_sizes *ret_sizes, struct error *error) {
  struct table_sizes sizes = {0};
  json_error_t why;
  json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
  if (!json) return error_set(error, ERROR_INVALID, "%s: %s", path, why.text);
  json_t *tables = json_object_get(json, "tables");
  bool done = json_is_array(tables) ? take_tables(tables, &sizes, error)
                                    : error_set(error, ERROR_INVALID, "there is no list of tables");
  json_decref(json);
  if (done) {
    *ret_sizes = sizes;
    return true;
  }
  table_sizes_free(&sizes);
  return error_prefix(error, "%s is no file of `cruddur status --sizes`", path);
}

bool table_sizes_save(const struct table_sizes *sizes, const char *path, struct error *error) {
  json_t *tables = json_array();
  for (size_t i = 0; i < sizes->count; i++) {
    const struct table_size *table = &sizes->tables[i];
    json_array_append_new(tables,
                          json_pack("{s:s, s:I, s:I}", "name", table->name, "bytes",
                                    (json_int_t)table->bytes, "rows", (json_int_t)table->rows));
  }
  json_t *json = json_pack("{s:o}", "tables", tables);
  errno = 0;
  bool done = json && json_dump_file(json, path, JSON_INDENT(1)) == 0;
  json_decref(json);
  return done || error_set(error, ERROR_INVALID, "%s: %s", path,
                           errno ? strerror(errno) : "it could not be written");
}

void table_sizes_free(struct table_sizes *sizes) {
  for (size_t i = 0; i < sizes->count; i++)
    free(sizes->tables[i].name);
  free(sizes->tables);
  *sizes = (struct table_sizes){0};
}

static struct str without_schema(struct str name) {
  const char *dot = name.length > 0 ? memrchr(name.data, '.', name.length) : NULL;
  if (!dot) return name;
  size_t skip = (size_t)(dot - name.data) + 1;
  return (struct str){name.data + skip, name.length - skip};
}

const struct table_size *table_sizes_find(const struct table_sizes *sizes, struct str table) {
  static const struct str PUBLIC = {"public.", 7};
  if (table.length > PUBLIC.length &&
      str_equal_ignore_case((struct str){table.data, PUBLIC.length}, PUBLIC))
    table = (struct str){table.data + PUBLIC.length, table.length - PUBLIC.length};
  for (size_t i = 0; i < sizes->count; i++)
    if (str_equal_ignore_case(str_from(sizes->tables[i].name), table)) return &sizes->tables[i];
  if (without_schema(table).length < table.length) return NULL;
  for (size_t i = 0; i < sizes->count; i++) /* in a schema of the search_path, perhaps */
    if (str_equal_ignore_case(without_schema(str_from(sizes->tables[i].name)), table))
      return &sizes->tables[i];
  return NULL;
}
