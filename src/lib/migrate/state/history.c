/* history.c: the history's own tables: every statement that reads or writes them is here.
 *
 * A struct history is a copy of what the tables said when it was read; it owns its texts, and is
 * not kept in step with what a run writes. Whoever needs to know afterwards asks with
 * history_look_up(). In a database without the tables, adoption.c fills it with what it finds. */
#include "lib/migrate/state/history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

extern const unsigned char HISTORY_SCHEMA_SQL[]; /* history_schema.sql, embedded */
extern const unsigned char ADOPTED_MARK_SQL[];   /* adopted_mark.sql, embedded */

static bool out_of_memory(struct error *error) {
  return error_set(error, ERROR_MEMORY, "out of memory");
}

static char *copy(const char *text) {
  return text ? strdup(text) : NULL;
}

/* --- Reading --- */

static int compare_entries(const void *a, const void *b) {
  const struct history_entry *x = a, *y = b;
  return version_compare(&x->version, &y->version);
}

static bool read_entries(struct pg_session *session, struct history *history, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql = "SELECT version, name, checksum, up_sql, down_sql, "
                    "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
                    "applied_by, coalesce(duration_ms, -1), adopted FROM public.schema_migrations";
  if (!pg_session_query(session, sql, 0, NULL, &rows, error)) {
    if (strcmp(pg_session_failure(session)->sqlstate, "42703") == 0)
      error_prefix(error, "public.schema_migrations is another tool's table; rename it first");
    return false;
  }
  size_t count = pg_session_rows_count(rows);
  history->entries = calloc(count + 1, sizeof(*history->entries));
  if (!history->entries) return out_of_memory(error);
  for (size_t i = 0; i < count; i++) {
    struct history_entry *entry = &history->entries[i];
    const char *version = pg_session_rows_text(rows, i, 0);
    if (!version_parse(str_from(version), &entry->version))
      return error_set(error, ERROR_CONFLICT,
                       "public.schema_migrations has the version '%s', which is no number of up to "
                       "%d digits",
                       version, VERSION_DIGITS_MAX);
    history->count++;
    entry->name = copy(pg_session_rows_text(rows, i, 1));
    entry->checksum = copy(pg_session_rows_text(rows, i, 2));
    entry->up_sql = copy(pg_session_rows_text(rows, i, 3));
    entry->down_sql = copy(pg_session_rows_text(rows, i, 4));
    entry->applied_at = copy(pg_session_rows_text(rows, i, 5));
    entry->applied_by = copy(pg_session_rows_text(rows, i, 6));
    entry->duration_ms = pg_session_rows_integer(rows, i, 7);
    entry->adopted = pg_session_rows_bool(rows, i, 8);
    if (!entry->name || !entry->applied_at || !entry->applied_by) return out_of_memory(error);
  }
  qsort(history->entries, history->count, sizeof(*history->entries), compare_entries);
  return true;
}

static bool read_progress(struct pg_session *session, struct history *history,
                          struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql = "SELECT version, direction = 'down', statements_done, statement_running, "
                    "done_checksum FROM public.schema_migrations_progress";
  if (!pg_session_query(session, sql, 0, NULL, &rows, error)) return false;
  size_t count = pg_session_rows_count(rows);
  history->progress = calloc(count + 1, sizeof(*history->progress));
  if (!history->progress) return out_of_memory(error);
  for (size_t i = 0; i < count; i++) {
    struct history_progress *progress = &history->progress[i];
    if (!version_parse(str_from(pg_session_rows_text(rows, i, 0)), &progress->version))
      return error_set(error, ERROR_CONFLICT,
                       "public.schema_migrations_progress has the version '%s', which is no number",
                       pg_session_rows_text(rows, i, 0));
    progress->down = pg_session_rows_bool(rows, i, 1);
    progress->done = (size_t)pg_session_rows_integer(rows, i, 2);
    progress->running = pg_session_rows_bool(rows, i, 3);
    snprintf(progress->checksum, sizeof(progress->checksum), "%s",
             pg_session_rows_text(rows, i, 4));
    history->progress_count++;
  }
  return true;
}

/* --- The mark --- */

static void take_mark(struct history *history, const char *text) {
  struct version mark;
  if (!text || !version_parse_mark(str_from(text), &mark)) return;
  if (history->has_mark && version_compare(&mark, &history->mark) <= 0) return;
  history->mark = mark;
  history->has_mark = true;
}

/* What the database says of its last run: the latest of its rows, by time. There should be one row,
 * but some databases have more. */
static bool read_last_run(struct pg_session *session, struct history *history,
                          struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql = "SELECT last_successful_run FROM public.schema_information "
                    "ORDER BY id = 1 DESC NULLS LAST LIMIT 1000";
  if (!pg_session_query(session, sql, 0, NULL, &rows, error)) return false;
  for (size_t i = 0; i < pg_session_rows_count(rows); i++)
    take_mark(history, pg_session_rows_text(rows, i, 0));
  if (pg_session_rows_count(rows) > 0)
    history->last_successful_run =
        copy(history->has_mark ? history->mark.text : pg_session_rows_text(rows, 0, 0));
  return true;
}

/* What is later than every applied version was written by nobody but another runner. */
static void judge_mark(struct history *history) {
  const struct version *newest = history_newest(history);
  if (newest && history->has_mark && version_compare(&history->mark, newest) <= 0)
    history->has_mark = false;
}

static bool read_mark(struct pg_session *session, struct history *history, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql = "SELECT last_successful_run FROM public.schema_migrations_adopted LIMIT 1000";
  if (!pg_session_query(session, sql, 0, NULL, &rows, error)) return false;
  for (size_t i = 0; i < pg_session_rows_count(rows); i++)
    take_mark(history, pg_session_rows_text(rows, i, 0));
  history->keeps_mark = true;
  return true;
}

static bool load(struct pg_session *session, struct history *history, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql =
      "SELECT to_regclass('public.schema_migrations') IS NOT NULL, "
      "to_regclass('public.schema_information') IS NOT NULL, "
      "has_table_privilege(to_regclass('public.schema_migrations_adopted'), 'SELECT')";
  if (!pg_session_query(session, sql, 0, NULL, &rows, error)) return false;
  history->exists = pg_session_rows_bool(rows, 0, 0);
  if (pg_session_rows_bool(rows, 0, 1) && !read_last_run(session, history, error)) return false;
  if (!history->exists) return true;
  if (!read_entries(session, history, error) || !read_progress(session, history, error))
    return false;
  judge_mark(history);
  return !pg_session_rows_bool(rows, 0, 2) || read_mark(session, history, error);
}

bool history_load(struct pg_session *session, struct history *ret_history, struct error *error) {
  struct history history = {0};
  if (!load(session, &history, error)) {
    history_free(&history);
    return false;
  }
  *ret_history = history;
  return true;
}

void history_free(struct history *history) {
  for (size_t i = 0; i < history->count; i++) {
    struct history_entry *entry = &history->entries[i];
    free(entry->name);
    free(entry->checksum);
    free(entry->up_sql);
    free(entry->down_sql);
    free(entry->applied_at);
    free(entry->applied_by);
  }
  free(history->entries);
  free(history->progress);
  free(history->last_successful_run);
  *history = (struct history){0};
}

bool history_look_up(struct pg_session *session, const struct version *version,
                     struct history_mark *ret_mark, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql =
      "SELECT EXISTS (SELECT FROM public.schema_migrations WHERE version = $1), "
      "(SELECT statements_done FROM public.schema_migrations_progress WHERE version = $1)";
  const char *parameters[] = {version->text};
  if (!pg_session_query(session, sql, 1, parameters, &rows, error)) return false;
  *ret_mark = (struct history_mark){.applied = pg_session_rows_bool(rows, 0, 0),
                                    .begun = pg_session_rows_text(rows, 0, 1) != NULL,
                                    .statements_done = (size_t)pg_session_rows_integer(rows, 0, 1)};
  return true;
}

/* --- Looking --- */

const struct history_entry *history_find(const struct history *history,
                                         const struct version *version) {
  struct history_entry key = {.version = *version};
  if (history->count == 0) return NULL;
  return bsearch(&key, history->entries, history->count, sizeof(key), compare_entries);
}

const struct history_progress *history_find_progress(const struct history *history,
                                                     const struct version *version) {
  for (size_t i = 0; i < history->progress_count; i++)
    if (version_compare(&history->progress[i].version, version) == 0) return &history->progress[i];
  return NULL;
}

const struct version *history_newest(const struct history *history) {
  return history->count > 0 ? &history->entries[history->count - 1].version : NULL;
}

const struct version *history_last_run(const struct history *history,
                                       const struct version *newest) {
  assert(!history->has_mark || history->mark.text[0] != '\0');
  if (!history->has_mark) return newest;
  return newest && version_compare(newest, &history->mark) >= 0 ? newest : &history->mark;
}

/* --- Writing --- */

#define VALUES(...) ((const struct str[]){__VA_ARGS__})

/* Appends `text` with the next of `values`, quoted, in place of each '?'; NULL for one without
 * data. */
static void append_with_values(struct buffer *sql, const char *text, const struct str *values) {
  for (; *text; text++) {
    if (*text != '?') {
      buffer_append_char(sql, *text);
      continue;
    }
    if (values->data)
      pg_session_append_literal(sql, *values);
    else
      buffer_append_text(sql, "NULL");
    values++;
  }
}

static struct str down_text(const struct migration *migration) {
  return migration->down.present ? migration_section_text(migration, &migration->down)
                                 : (struct str){0};
}

void history_append_applied(struct buffer *sql, const struct migration *migration,
                            uint64_t duration_ms, const char *applied_by, bool adopted) {
  append_with_values(sql,
                     "INSERT INTO public.schema_migrations (version, name, checksum, up_sql, "
                     "down_sql, duration_ms, applied_by, adopted)\nVALUES (?, ?, ?, ?, ?, ",
                     VALUES(str_from(migration->version.text), str_from(migration->name),
                            str_from(migration->checksum),
                            migration_section_text(migration, &migration->up),
                            down_text(migration)));
  if (adopted)
    buffer_append_text(sql, "NULL, current_user");
  else
    buffer_append_format(sql, "%llu, current_user", (unsigned long long)duration_ms);
  if (applied_by) append_with_values(sql, " || ?", VALUES(str_from(applied_by)));
  buffer_append_text(sql, adopted ? ", true);\n" : ", false);\n");
}

void history_append_tables(struct buffer *sql) {
  buffer_append_text(sql, (const char *)HISTORY_SCHEMA_SQL);
}

void history_append_mark(struct buffer *sql, const struct version *mark) {
  buffer_append_text(sql, (const char *)ADOPTED_MARK_SQL);
  append_with_values(
      sql, "INSERT INTO public.schema_migrations_adopted (last_successful_run) VALUES (?);\n",
      VALUES(str_from(mark->text)));
}

void history_append_accepted(struct buffer *sql, const struct migration *migration,
                             const struct version *version) {
  append_with_values(sql,
                     "UPDATE public.schema_migrations SET name = ?, checksum = ?, up_sql = ?, "
                     "down_sql = ? WHERE version = ?;\n",
                     VALUES(str_from(migration->name), str_from(migration->checksum),
                            migration_section_text(migration, &migration->up), down_text(migration),
                            str_from(version->text)));
}

void history_append_rolled_back(struct buffer *sql, const struct version *version) {
  append_with_values(sql, "DELETE FROM public.schema_migrations WHERE version = ?;\n",
                     VALUES(str_from(version->text)));
}

void history_append_progress(struct buffer *sql, const struct migration *migration,
                             const struct section *section, const struct version *version,
                             size_t done, bool running) {
  char checksum[65];
  assert(done <= section->count);
  migration_section_checksum(migration, section, done, checksum);
  append_with_values(sql,
                     "INSERT INTO public.schema_migrations_progress AS p (version, name, "
                     "direction, statements_done, statement_running, done_checksum)\n"
                     "VALUES (?, ?",
                     VALUES(str_from(version->text), str_from(migration->name)));
  buffer_append_format(sql,
                       ", '%s', %zu, %s, '%s')\n"
                       "ON CONFLICT (version) DO UPDATE SET direction = excluded.direction, "
                       "statements_done = excluded.statements_done, statement_running = "
                       "excluded.statement_running, done_checksum = excluded.done_checksum, "
                       "updated_at = clock_timestamp();\n",
                       section == &migration->down ? "down" : "up", done,
                       running ? "true" : "false", checksum);
}

void history_append_progress_end(struct buffer *sql, const struct version *version) {
  append_with_values(sql, "DELETE FROM public.schema_migrations_progress WHERE version = ?;\n",
                     VALUES(str_from(version->text)));
}

void history_append_last_run(struct buffer *sql, const struct version *last_run) {
  append_with_values(sql,
                     "UPDATE public.schema_information SET last_successful_run = ? WHERE id = 1;\n",
                     VALUES(last_run ? str_from(last_run->text) : STR("0")));
}
