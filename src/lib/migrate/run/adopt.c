/* adopt.c: see adopt.h. */
#include "lib/migrate/run/adopt.h"

#include "lib/migrate/run/lock.h"

/* The first one that is not there yet, which a run would begin with; else the first of all. */
static const struct version *first_to_run(const struct migration_set *set,
                                          const struct history *history) {
  for (size_t i = 0; i < set->count; i++)
    if (!history_find(history, &set->migrations[i]->version)) return &set->migrations[i]->version;
  return set->count > 0 ? &set->migrations[0]->version : NULL;
}

static bool ask_for_tables(struct migrate_session *session, bool *ret_there) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql = "SELECT to_regclass('public.schema_migrations') IS NOT NULL";
  if (!pg_session_query(session->pg, sql, 0, NULL, &rows, NULL)) return false;
  *ret_there = pg_session_rows_bool(rows, 0, 0);
  return true;
}

/* Only the database knows whether the commit came through. */
static void say_state_by_asking(struct migrate_session *session, const struct version *first) {
  struct error ignored;
  struct history_mark mark = {0};
  bool there = false;
  if (!migrate_session_reopen(session, &ignored) || !lock_acquire(session, &ignored) ||
      !ask_for_tables(session, &there) ||
      (there && first && !history_look_up(session->pg, first, &mark, &ignored)))
    report(session->reporter, SAY_ERROR,
           "state: the connection was lost and the database cannot be asked now; no migration was "
           "run; `cruddur status` will tell whether the history's own tables are there");
  else
    report(session->reporter, SAY_ERROR,
           "state: the connection was lost; asked over a new one, %s is %s; the history's own "
           "tables are %s",
           first ? first->text : "no migration", mark.applied ? "applied" : "not applied",
           there ? "there" : "not there");
}

static bool fail(struct migrate_session *session, const struct version *first,
                 struct error *error) {
  const struct pg_failure *failure = pg_session_failure(session->pg);
  error_prefix(error, "could not write the history of migrations");
  if (failure->connection_lost || failure->timed_out)
    say_state_by_asking(session, first);
  else if (pg_session_in_transaction(session->pg))
    pg_session_exec(session->pg, "ROLLBACK", NULL);
  return false;
}

bool adopt_database(struct migrate_session *session, const struct migration_set *set,
                    struct history *history, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  buffer_append_text(&sql, "BEGIN;\n");
  adoption_append(&sql, set, history);
  buffer_append_text(&sql, "COMMIT;\n");
  if (!migrate_session_send(session, &sql, error))
    return fail(session, first_to_run(set, history), error);
  history->exists = history->keeps_mark = true;
  if (history->count == 0) return true;
  report(session->reporter, SAY_NOTE,
         "this database has no history of migrations yet (last_successful_run is %s): adopting it",
         history->last_successful_run ? history->last_successful_run : "not there");
  for (size_t i = 0; i < history->count; i++)
    report(session->reporter, SAY_NOTE, "  %s_%s is there already",
           history->entries[i].version.text, history->entries[i].name);
  return true;
}
