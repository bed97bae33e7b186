/* migrate_session.c: the connection that migrations run over.
 *
 * Two kinds: one that only looks is a single read-only transaction with SET LOCAL, which leaves no
 * trace behind a pooler. One that works is connected, then checked for a pooler (lock.c), and only
 * then set up. Its watch (migrate_watch.c) has a connection of its own, which it opens when a
 * statement takes long. Everything runs on the caller's thread. */
#include "lib/migrate/run/migrate_session.h"

#include "lib/base/clock.h"

#include <assert.h>
#include <time.h>

enum { SLEEP_SLICE_MS = 50, WATCH_FIRST_MS = 400, WATCH_EVERY_MS = 1000 };

bool migrate_session_is_interrupted(const struct migrate_session *session) {
  return session->options->interrupt && *session->options->interrupt;
}

void migrate_session_sleep_ms(const struct migrate_session *session, uint64_t milliseconds) {
  uint64_t until = clock_monotonic_us() + milliseconds * 1000;
  while (!migrate_session_is_interrupted(session)) {
    uint64_t now = clock_monotonic_us();
    if (now >= until) return;
    uint64_t left_ms = (until - now + 999) / 1000;
    uint64_t slice = left_ms < SLEEP_SLICE_MS ? left_ms : SLEEP_SLICE_MS;
    nanosleep(&(struct timespec){.tv_nsec = (long)slice * 1000000}, NULL);
  }
}

static void on_notice(const char *severity, const char *message, const char *detail,
                      void *argument) {
  struct migrate_session *session = argument;
  bool warning = strcmp(severity, "WARNING") == 0;
  report(session->reporter, warning ? SAY_WARNING : SAY_NOTE, "%s: %s%s%s",
         warning ? "warning" : "notice", message, detail[0] ? "\n" : "", detail);
}

/* A runner that sleeps (SIGSTOP, a paused machine) or is cut off must not keep others out: Postgres
 * ends its session. A shorter time of the operator's stays. */
static void append_idle_limit(struct buffer *sql, bool local) {
  buffer_append_format(
      sql,
      "SELECT set_config(name, CASE WHEN current_setting(name)::interval BETWEEN '1 ms' AND '10 s' "
      "THEN current_setting(name) ELSE '10s' END, %s)\n"
      "FROM (VALUES ('idle_in_transaction_session_timeout')) setting (name);\n",
      local ? "true" : "false");
}

/* What ends the session of a runner that does not answer any more. It holds the advisory lock, also
 * outside of transactions. */
static void append_limits_of_silence(struct buffer *sql, const char *set, int server_version) {
  if (server_version >= 140000)
    buffer_append_format(sql, "%s idle_session_timeout = '60s';\n", set);
  if (server_version >= 120000) buffer_append_format(sql, "%s tcp_user_timeout = '30s';\n", set);
  buffer_append_format(sql,
                       "%s tcp_keepalives_idle = 10;\n%s tcp_keepalives_interval = 5;\n"
                       "%s tcp_keepalives_count = 4;\n",
                       set, set, set);
}

/* NOTICEs such as "already exists, skipping" are noise: only what a migration RAISEs at WARNING,
 * and Postgres's own warnings, come through. */
static void append_settings(struct buffer *sql, bool local, int server_version,
                            unsigned lock_timeout_ms) {
  const char *set = local ? "SET LOCAL" : "SET";
  buffer_append_format(sql,
                       "%s statement_timeout = 0;\n%s client_min_messages = warning;\n"
                       "%s standard_conforming_strings = on;\n%s check_function_bodies = on;\n"
                       "%s lock_timeout = %u;\n",
                       set, set, set, set, set, lock_timeout_ms);
  if (server_version >= 170000) buffer_append_format(sql, "%s transaction_timeout = 0;\n", set);
  append_idle_limit(sql, local);
  append_limits_of_silence(sql, set, server_version);
}

void migrate_session_append_settings(struct buffer *sql, int server_version,
                                     unsigned lock_timeout_ms) {
  pg_session_append_reset(sql, server_version);
  append_settings(sql, false, server_version, lock_timeout_ms);
}

bool migrate_session_send(struct migrate_session *session, struct buffer *sql,
                          struct error *error) {
  assert(session->pg && "sent before the session was opened");
  bool done = true;
  if (sql->failed) {
    done = error_set(error, ERROR_MEMORY, "out of memory");
  } else if (sql->length > 0) {
    migrate_watch_forget(&session->watch);
    done = pg_session_exec(session->pg, buffer_text(sql), error);
  }
  buffer_free(sql);
  return done;
}

bool migrate_session_prepare(struct migrate_session *session, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  pg_session_on_wait(session->pg, migrate_watch_look, &session->watch, WATCH_FIRST_MS,
                     WATCH_EVERY_MS);
  migrate_session_append_settings(&sql, pg_session_server_version(session->pg),
                                  session->options->lock_timeout_ms);
  return migrate_session_send(session, &sql, error);
}

bool migrate_session_refuse_read_only(struct migrate_session *session, struct error *error) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = NULL;
  const char *sql = "SELECT current_setting('transaction_read_only')::boolean";
  if (!pg_session_query(session->pg, sql, 0, NULL, &rows, error)) return false;
  if (!pg_session_rows_bool(rows, 0, 0)) return true;
  return error_set(error, ERROR_UNAVAILABLE,
                   "this server is a standby or read-only; nothing was done; name the server that "
                   "takes writes in CONNECTION_URL (with several hosts, "
                   "target_session_attrs=read-write finds it)");
}

static bool connect_session(struct migrate_session *session, bool read_only, struct error *error) {
  struct pg_session_options options = {.connection_url = session->options->connection_url,
                                       .application_name = "cruddur migrate",
                                       .database = session->options->database,
                                       .kind = read_only ? PG_SESSION_LOOK : PG_SESSION_PLAIN};
  if (!pg_session_open(&options, &session->pg, error))
    return error_prefix(error, "cannot connect to the database");
  if (!pg_session_check_encoding(session->pg, error)) return false;
  pg_session_set_interrupt(session->pg, session->options->interrupt);
  pg_session_on_notice(session->pg, on_notice, session);
  migrate_watch_start(&session->watch, &options, pg_session_announced_pid(session->pg),
                      session->reporter);
  return true;
}

bool migrate_session_open(struct migrate_session *session, bool read_only, struct error *error) {
  assert(!session->pg && "opened twice");
  if (!connect_session(session, read_only, error)) return false;
  if (!read_only) return true;
  struct buffer sql = BUFFER_EMPTY;
  append_settings(&sql, true, pg_session_server_version(session->pg),
                  session->options->lock_timeout_ms);
  return migrate_session_send(session, &sql, error);
}

bool migrate_session_reopen(struct migrate_session *session, struct error *error) {
  migrate_session_close(session);
  return connect_session(session, false, error) && migrate_session_prepare(session, error);
}

void migrate_session_close(struct migrate_session *session) {
  pg_session_close(session->pg);
  session->pg = NULL;
  migrate_watch_stop(&session->watch);
}

const char *migrate_session_host(const struct migrate_session *session) {
  const char *host = pg_session_host(session->pg);
  return host[0] ? host : "this machine";
}
