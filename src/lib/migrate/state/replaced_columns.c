/* replaced_columns.c: see replaced_columns.h. */
#include "lib/migrate/state/replaced_columns.h"

extern const unsigned char REPLACED_COLUMNS_SQL[]; /* replaced_columns.sql, embedded */

enum { COLUMN_NAME, COLUMN_OBJECT, COLUMN_BLOCKS, COLUMN_DROP, COLUMN_CREATE };

/* The statement up to where the expression about `here` belongs, which it ends with. */
static void append_question(const struct migrate_plan *plan, struct buffer *sql) {
  bool any = false;
  for (size_t i = 0; i < plan->count; i++) {
    const struct migrate_plan_item *item = &plan->items[i];
    if (!migrate_plan_item_is_pending(item) || !item->migration->replaces) continue;
    if (!any)
      buffer_append_text(sql, "WITH replaced AS (SELECT * FROM pg_attribute here WHERE "
                              "NOT here.attisdropped AND here.attnum > 0 AND (");
    buffer_append_format(sql, "%s%s", any ? " OR " : "", item->migration->replaces);
    any = true;
  }
  if (!any) return;
  buffer_append_text(sql, ")), ");
  buffer_append_text(sql, (const char *)REPLACED_COLUMNS_SQL);
}

/* The statements come in the order of dropping; recreating goes the other way. */
static void say(const struct pg_rows *rows, const struct migrate_reporter *reporter) {
  size_t count = pg_session_rows_count(rows);
  struct buffer text = BUFFER_EMPTY;
  buffer_append_text(&text, "error: pending migrations drop columns and make them again, and other "
                            "objects stand on these:");
  for (size_t i = 0; i < count; i++)
    buffer_append_format(&text, "\n  %s on %s %s", pg_session_rows_text(rows, i, COLUMN_OBJECT),
                         pg_session_rows_text(rows, i, COLUMN_NAME),
                         pg_session_rows_bool(rows, i, COLUMN_BLOCKS)
                             ? "stops the migration"
                             : "would disappear with the column");
  buffer_append_text(&text, "\nnext: before `cruddur migrate` run");
  for (size_t i = 0; i < count; i++)
    buffer_append_format(&text, "\n  %s", pg_session_rows_text(rows, i, COLUMN_DROP));
  buffer_append_text(&text, "\nand behind it, as far as they fit the new columns and their types");
  for (size_t i = count; i-- > 0;)
    buffer_append_format(&text, "\n  %s", pg_session_rows_text(rows, i, COLUMN_CREATE));
  report(reporter, SAY_ERROR, "%s", buffer_text(&text));
  buffer_free(&text);
}

bool replaced_columns_check(const struct migrate_plan *plan, struct pg_session *session,
                            const struct migrate_reporter *reporter, struct error *error) {
  _cleanup_(buffer_free) struct buffer sql = BUFFER_EMPTY;
  append_question(plan, &sql);
  if (sql.length == 0) return true;
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(session, buffer_text(&sql), 0, NULL, &rows, error))
    return error_prefix(error, "migrate:replaces");
  size_t count = pg_session_rows_count(rows);
  if (count == 0) return true;
  say(rows, reporter);
  return error_set(error, ERROR_REFUSED,
                   "%zu object%s on columns that pending migrations replace; nothing was done; the "
                   "statements above drop and recreate %s",
                   count, count == 1 ? " stands" : "s stand", count == 1 ? "it" : "them");
}
