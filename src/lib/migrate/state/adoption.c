/* adoption.c: see adoption.h. */
#include "lib/migrate/state/adoption.h"

#include <assert.h>
#include <stdlib.h>

/* Whether the schema holds what `migration` brings. */
static bool find_in_schema(struct pg_session *session, const struct migration *migration,
                           bool *ret_found, struct error *error) {
  if (!migration->applied_if) {
    *ret_found = false;
    return true;
  }
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_format(&sql, "SELECT (%s)::boolean", migration->applied_if);
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  bool asked = pg_session_query(session, buffer_text(&sql), 0, NULL, &rows, error);
  buffer_free(&sql);
  if (!asked) return error_prefix(error, "%s: migrate:applied-if", migration->path);
  if (pg_session_rows_count(rows) != 1)
    return error_set(error, ERROR_CONFLICT, "%s: migrate:applied-if does not yield one value",
                     migration->path);
  *ret_found = pg_session_rows_bool(rows, 0, 0);
  return true;
}

static bool add_adopted(struct history *history, const struct migration *migration,
                        struct error *error) {
  struct history_entry *entry = &history->entries[history->count++];
  entry->version = migration->version;
  entry->name = strdup(migration->name);
  entry->checksum = strdup(migration->checksum);
  struct str up = migration_section_text(migration, &migration->up);
  struct str down = migration_section_text(migration, &migration->down);
  entry->up_sql = strndup(up.data, up.length);
  entry->down_sql = migration->down.present ? strndup(down.data, down.length) : NULL;
  entry->applied_at = strdup("");
  entry->applied_by = strdup("");
  entry->duration_ms = -1;
  entry->adopted = true;
  if (entry->name && entry->checksum && entry->up_sql && entry->applied_at && entry->applied_by)
    return true;
  return error_set(error, ERROR_MEMORY, "out of memory");
}

/* What is missing before the newest that was found must not be taken for a late file. */
static void note_gaps(struct history *history, const struct migration_set *set) {
  const struct version *newest = history_newest(history);
  for (size_t i = 0; newest && i < set->count; i++) {
    const struct migration *migration = set->migrations[i];
    if (version_compare(&migration->version, newest) > 0) break;
    if (history_find(history, &migration->version)) continue;
    assert(history->progress_count + history->count < set->count + 1);
    struct history_progress *gap = &history->progress[history->progress_count++];
    *gap = (struct history_progress){.version = migration->version};
    migration_section_checksum(migration, &migration->up, 0, gap->checksum);
  }
}

static bool find_adopted(struct pg_session *session, const struct migration_set *set,
                         struct history *history, struct error *error) {
  history->entries = calloc(set->count + 1, sizeof(*history->entries));
  history->progress = calloc(set->count + 1, sizeof(*history->progress));
  if (!history->entries || !history->progress)
    return error_set(error, ERROR_MEMORY, "out of memory");
  for (size_t i = 0; i < set->count; i++) {
    bool found = false;
    if (!find_in_schema(session, set->migrations[i], &found, error)) return false;
    if (found && !add_adopted(history, set->migrations[i], error)) return false;
  }
  note_gaps(history, set);
  return true;
}

/* A migration without applied-if lines cannot be looked for. */
static bool find_absent(struct pg_session *session, const struct migration_set *set,
                        struct history *history, struct error *error) {
  for (size_t i = 0; i < history->count; i++) {
    struct history_entry *entry = &history->entries[i];
    const struct migration *migration = migration_set_find(set, &entry->version);
    if (!entry->adopted || !migration || !migration->applied_if) continue;
    bool found = false;
    if (!find_in_schema(session, migration, &found, error)) return false;
    entry->absent = !found;
  }
  return true;
}

bool adoption_examine(struct pg_session *session, const struct migration_set *set,
                      struct history *history, struct error *error) {
  return history->exists ? find_absent(session, set, history, error)
                         : find_adopted(session, set, history, error);
}

void adoption_append(struct buffer *sql, const struct migration_set *set,
                     const struct history *history) {
  assert(!history->exists && "adopted twice");
  history_append_tables(sql);
  if (history->has_mark) history_append_mark(sql, &history->mark);
  for (size_t i = 0; i < history->count; i++)
    history_append_applied(sql, migration_set_find(set, &history->entries[i].version), 0, NULL,
                           true);
  for (size_t i = 0; i < history->progress_count; i++) {
    const struct migration *gap = migration_set_find(set, &history->progress[i].version);
    history_append_progress(sql, gap, &gap->up, &gap->version, 0, false);
  }
  const struct version *last_run = history_last_run(history, history_newest(history));
  if (last_run) history_append_last_run(sql, last_run);
}

void adoption_append_repair(struct buffer *sql, const struct migration_set *set,
                            const struct history *history) {
  const struct version *newest = NULL;
  for (size_t i = 0; i < history->count; i++) {
    const struct history_entry *entry = &history->entries[i];
    if (!entry->absent) {
      newest = &entry->version;
      continue;
    }
    const struct migration *migration = migration_set_find(set, &entry->version);
    assert(migration && "what has no file is not looked for");
    history_append_rolled_back(sql, &entry->version);
    history_append_progress(sql, migration, &migration->up, &migration->version, 0, false);
  }
  history_append_last_run(sql, history_last_run(history, newest));
}
