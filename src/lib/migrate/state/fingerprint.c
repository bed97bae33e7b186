/* fingerprint.c: see fingerprint.h. */
#include "lib/migrate/state/fingerprint.h"

extern const unsigned char FINGERPRINT_SQL[]; /* fingerprint.sql, embedded */

bool fingerprint_read(struct pg_session *session, bool rights, struct pg_rows **ret_rows,
                      struct error *error) {
  const char *parameters[] = {rights ? "true" : "false"};
  return pg_session_query(session, (const char *)FINGERPRINT_SQL, 1, parameters, ret_rows, error);
}

bool fingerprint_append(struct pg_session *session, struct buffer *lines, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!fingerprint_read(session, true, &rows, error)) return false;
  for (size_t i = 0; i < pg_session_rows_count(rows); i++) {
    buffer_append_text(lines, pg_session_rows_text(rows, i, 0));
    buffer_append_char(lines, '\n');
  }
  return !lines->failed || error_set(error, ERROR_MEMORY, "out of memory");
}
