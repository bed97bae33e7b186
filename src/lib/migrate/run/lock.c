/* lock.c: one runner at a time.
 *
 * The lock is an advisory lock of the database: Postgres gives it up when the session ends, however
 * it ends, so a runner that was killed locks nobody out. It is asked for again and again instead of
 * being waited for: a statement that waits would hold a snapshot, and a concurrent index build
 * waits for every snapshot. Only a session that keeps its backend can hold it, hence the look for a
 * pooler.
 */
#include "lib/migrate/run/lock.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"

/* The key spells "cruddur!". pg_locks shows it as classid and objid. */
#define LOCK_CLASS  "1668445540"
#define LOCK_OBJECT "1685418529"
#define LOCK_KEY    "((" LOCK_CLASS "::bigint << 32) | " LOCK_OBJECT "::bigint)"

enum {
  POLL_MIN_MS = 100,
  POLL_JITTER_MS = 200,
  HEARTBEAT_MS = 5000,
  POOLER_LIMIT_MS = 3000, /* a pooler with one server connection keeps the second one waiting */
};

static const char HOLDER_SQL[] =
    "SELECT a.pid, coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), '?'), "
    "coalesce(host(a.client_addr), 'local'), "
    "coalesce(round(extract(epoch FROM clock_timestamp() - a.query_start))::text, '?'), "
    "a.state, coalesce(nullif(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120), ''), '?') "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    "AND l.classid = " LOCK_CLASS " AND l.objid = " LOCK_OBJECT " "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

static void name_holder(struct migrate_session *session, uint64_t waited_ms) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(session->pg, HOLDER_SQL, 0, NULL, &rows, NULL)) return;
  if (pg_session_rows_count(rows) == 0) return; /* it has just gone */
  report(session->reporter, SAY_WAITING,
         "waiting for another runner (%llu s so far): pid %s, role %s, from %s, '%s', %s for %s s: "
         "%s",
         (unsigned long long)waited_ms / 1000, pg_session_rows_text(rows, 0, 0),
         pg_session_rows_text(rows, 0, 1), pg_session_rows_text(rows, 0, 3),
         pg_session_rows_text(rows, 0, 2),
         pg_session_rows_text(rows, 0, 5) ? pg_session_rows_text(rows, 0, 5) : "?",
         pg_session_rows_text(rows, 0, 4), pg_session_rows_text(rows, 0, 6));
}

static bool try_lock(struct migrate_session *session, bool *ret_locked, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(session->pg, "SELECT pg_try_advisory_lock(" LOCK_KEY ")", 0, NULL, &rows,
                        error))
    return false;
  *ret_locked = pg_session_rows_bool(rows, 0, 0);
  return true;
}

bool lock_acquire(struct migrate_session *session, struct error *error) {
  uint64_t started = clock_monotonic_us(), next_heartbeat_ms = 0;
  for (;;) {
    bool locked = false;
    if (!try_lock(session, &locked, error)) return false;
    if (locked) return true;
    uint64_t waited_ms = (clock_monotonic_us() - started) / 1000;
    if (waited_ms >= next_heartbeat_ms) {
      name_holder(session, waited_ms);
      next_heartbeat_ms = waited_ms + HEARTBEAT_MS;
    }
    if (waited_ms >= session->options->wait_ms)
      return error_set(
          error, ERROR_UNAVAILABLE,
          "another runner holds this database's migration lock; nothing was done; run it "
          "again when that one is through, or give --wait a longer time");
    migrate_session_sleep_ms(session,
                             POLL_MIN_MS + random_backoff_ms(0, POLL_JITTER_MS, POLL_JITTER_MS));
    if (migrate_session_is_interrupted(session))
      return error_set(error, ERROR_CONFLICT, "interrupted while waiting; nothing was done");
  }
}

/* --- Poolers --- */

static bool backend_pid(struct pg_session *pg, int64_t *ret_pid) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  if (!pg_session_query(pg, "SELECT pg_backend_pid()", 0, NULL, &rows, NULL)) return false;
  *ret_pid = pg_session_rows_integer(rows, 0, 0);
  return true;
}

/* While a second session holds the backend that the first one had last, in a transaction, the first
 * one gets another backend (or none) behind a pooler in transaction mode. */
static bool backend_is_shared(struct migrate_session *session, int64_t first_pid) {
  _cleanup_(pg_session_close_p) struct pg_session *other = NULL;
  struct pg_session_options options = {.connection_url = session->options->connection_url,
                                       .database = session->options->database,
                                       .application_name = "cruddur migrate: pooler check",
                                       .kind = PG_SESSION_PLAIN,
                                       .limit_ms = POOLER_LIMIT_MS};
  if (!pg_session_open(&options, &other, NULL)) return true;
  int64_t other_pid = 0, second_pid = 0;
  if (!pg_session_exec(other, "BEGIN", NULL) || !backend_pid(other, &other_pid)) return true;
  pg_session_set_limit_ms(session->pg, POOLER_LIMIT_MS);
  bool answered = backend_pid(session->pg, &second_pid);
  pg_session_set_limit_ms(session->pg, 0);
  return !answered || other_pid == first_pid || second_pid != first_pid;
}

bool lock_refuse_pooler(struct migrate_session *session, struct error *error) {
  int64_t pid = 0;
  if (!backend_pid(session->pg, &pid))
    return error_set(error, ERROR_UNAVAILABLE, "the connection was lost: %s",
                     pg_session_failure(session->pg)->message);
  if (pid == pg_session_announced_pid(session->pg)) return true; /* nobody in between */
  session->watch.backend_pid = (int)pid;
  if (!backend_is_shared(session, pid)) return true; /* a pooler in session mode */
  return error_set(
      error, ERROR_REFUSED,
      "this connection goes through a pooler in transaction mode: its statements come to "
      "different backends, so that the migration lock would protect nothing; connect to "
      "Postgres itself, or to a pool in session mode; nothing was done");
}
