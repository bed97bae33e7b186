/* migrate_drift.c: see migrate_drift.h. */
#include "lib/migrate/migrate_drift.h"

#include "lib/migrate/run/scratch.h"
#include "lib/migrate/state/fingerprint.h"

#include <assert.h>

extern const unsigned char SCHEMA_SQL[]; /* db/schema.sql, embedded */

/* Names come out the same where the search_path is the same. */
static bool read_objects(struct migrate_session *session, struct pg_rows **ret_rows,
                         struct error *error) {
  return pg_session_exec(session->pg, "SET search_path = ''", error) &&
         fingerprint_read(session->pg, false, ret_rows, error);
}

static bool read_schema(struct scratch *scratch, struct pg_rows **ret_rows, struct error *error) {
  struct migrate_options options = *scratch->home.options;
  options.database = scratch_name(scratch);
  _cleanup_(migrate_session_close) struct migrate_session session = {
      .options = &options, .reporter = scratch->home.reporter};
  if (!migrate_session_open(&session, false, error) || !migrate_session_prepare(&session, error))
    return false;
  if (!pg_session_exec(session.pg, (const char *)SCHEMA_SQL, error))
    return error_prefix(error, "db/schema.sql");
  return read_objects(&session, ret_rows, error);
}

bool migrate_drift_find(const struct migrate_options *options,
                        const struct migrate_reporter *reporter, struct migrate_drift *ret_drift,
                        struct error *error) {
  _cleanup_(scratch_close) struct scratch scratch = {0};
  struct migrate_drift drift = {0};
  if (scratch_open(&scratch, options, "drift", reporter, error) &&
      read_objects(&scratch.home, &drift.here, error) &&
      read_schema(&scratch, &drift.there, error)) {
    *ret_drift = drift;
    return true;
  }
  migrate_drift_free(&drift);
  return false;
}

void migrate_drift_free(struct migrate_drift *drift) {
  pg_session_rows_free(drift->here);
  pg_session_rows_free(drift->there);
  *drift = (struct migrate_drift){0};
}

void migrate_drift_each(const struct migrate_drift *drift,
                        void (*found)(bool only_here, const char *object, void *argument),
                        void *argument) {
  assert(drift->here && drift->there && "found before it is told");
  size_t i = 0, j = 0;
  size_t here = pg_session_rows_count(drift->here), there = pg_session_rows_count(drift->there);
  while (i < here || j < there) {
    const char *a = i < here ? pg_session_rows_text(drift->here, i, 0) : NULL;
    const char *b = j < there ? pg_session_rows_text(drift->there, j, 0) : NULL;
    int order = !a ? 1 : !b ? -1 : strcmp(a, b);
    if (order != 0) found(order < 0, order < 0 ? a : b, argument);
    i += order <= 0;
    j += order >= 0;
  }
}
