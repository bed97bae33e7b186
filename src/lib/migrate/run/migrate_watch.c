/* migrate_watch.c: what the runner's statement waits for.
 *
 * pg_session calls migrate_watch_look() on the runner's own thread while a statement takes long.
 * The watch then asks over a second session, which it opens at the first call and keeps. When that
 * session cannot be opened or fails, `failed` is set and the watch stays quiet: it only informs. */
#include "lib/migrate/run/migrate_watch.h"

#include <stdio.h>

enum {
  CONNECT_TIMEOUT_S = 2,
  QUERY_LIMIT_MS = 2000,
  SAY_EVERY_MS = 5000,
  BEAT_FIRST_MS = 10000, /* then each time as long again as it has run, up to: */
  BEAT_MOST_MS = 60000,
};

static const char BLOCKERS_SQL[] =
    "SELECT a.pid, coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), '?'), "
    "coalesce(a.state, '?'), "
    "coalesce(round(extract(epoch FROM clock_timestamp() - a.xact_start))::text, '?'), "
    "coalesce(nullif(left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120), ''), '?') "
    "FROM pg_stat_activity a "
    "WHERE a.pid = ANY (pg_blocking_pids($1::integer)) ORDER BY a.xact_start LIMIT 10";

static const char PROGRESS_SQL[] =
    "SELECT coalesce(index_relid::regclass::text, 'index'), phase, "
    "CASE WHEN blocks_total > 0 THEN round(100.0 * blocks_done / blocks_total) "
    "     WHEN tuples_total > 0 THEN round(100.0 * tuples_done / tuples_total) END, "
    "lockers_done, lockers_total, nullif(current_locker_pid, 0) "
    "FROM pg_stat_progress_create_index WHERE pid = $1::integer";

void migrate_watch_start(struct migrate_watch *watch, const struct pg_session_options *options,
                         int backend_pid, const struct migrate_reporter *reporter) {
  *watch =
      (struct migrate_watch){.options = *options, .backend_pid = backend_pid, .reporter = reporter};
  watch->options.application_name = "cruddur migrate: watch";
  watch->options.kind = PG_SESSION_WORK; /* in one transaction the statistics would stand still */
  watch->options.connect_timeout_s = CONNECT_TIMEOUT_S;
  watch->options.limit_ms = QUERY_LIMIT_MS;
  watch->next_beat_ms = BEAT_FIRST_MS;
}

void migrate_watch_stop(struct migrate_watch *watch) {
  pg_session_close(watch->session);
  buffer_free(&watch->blockers);
  *watch = (struct migrate_watch){.failed = true};
}

void migrate_watch_forget(struct migrate_watch *watch) {
  watch->blockers.length = 0;
  watch->next_say_ms = 0;
  watch->next_beat_ms = BEAT_FIRST_MS;
  if (watch->progress_shown) report(watch->reporter, SAY_PROGRESS, "%s", "");
  watch->progress_shown = false;
}

const char *migrate_watch_blockers(struct migrate_watch *watch) {
  return buffer_text(&watch->blockers);
}

static struct pg_rows *ask(struct migrate_watch *watch, const char *sql) {
  char pid[16];
  snprintf(pid, sizeof(pid), "%d", watch->backend_pid);
  const char *parameters[] = {pid};
  struct pg_rows *rows = NULL;
  if (!pg_session_query(watch->session, sql, 1, parameters, &rows, NULL)) watch->failed = true;
  return rows;
}

static void look_at_blockers(struct migrate_watch *watch, uint64_t waited_ms) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = ask(watch, BLOCKERS_SQL);
  if (!rows || pg_session_rows_count(rows) == 0)
    return; /* whoever blocked it last is still worth naming */
  watch->blockers.length = 0;
  for (size_t i = 0; i < pg_session_rows_count(rows); i++)
    buffer_append_format(&watch->blockers,
                         "%spid %s (role %s, '%s', %s, transaction open %s s): %s", i ? "\n" : "",
                         pg_session_rows_text(rows, i, 0), pg_session_rows_text(rows, i, 1),
                         pg_session_rows_text(rows, i, 2), pg_session_rows_text(rows, i, 3),
                         pg_session_rows_text(rows, i, 4), pg_session_rows_text(rows, i, 5));
  if (waited_ms < watch->next_say_ms) return;
  watch->next_say_ms = waited_ms + SAY_EVERY_MS;
  report(watch->reporter, SAY_WAITING, "waiting for a lock, blocked by %s",
         buffer_text(&watch->blockers));
}

static void look_at_progress(struct migrate_watch *watch) {
  _cleanup_(pg_session_rows_free_p) struct pg_rows *rows = ask(watch, PROGRESS_SQL);
  if (!rows || pg_session_rows_count(rows) == 0) return;
  const char *percent = pg_session_rows_text(rows, 0, 2),
             *locker = pg_session_rows_text(rows, 0, 5);
  struct buffer line = BUFFER_EMPTY;
  buffer_append_format(&line, "%s: %s", pg_session_rows_text(rows, 0, 0),
                       pg_session_rows_text(rows, 0, 1));
  if (percent) buffer_append_format(&line, " %s %%", percent);
  if (locker)
    buffer_append_format(&line, ", waiting for pid %s (%s of %s)", locker,
                         pg_session_rows_text(rows, 0, 3), pg_session_rows_text(rows, 0, 4));
  report(watch->reporter, SAY_PROGRESS, "%s", buffer_text(&line));
  watch->progress_shown = true;
  buffer_free(&line);
}

/* Nobody should look at a screen that says nothing, least of all when the network is gone. */
static void say_that_it_waits(struct migrate_watch *watch, uint64_t waited_ms) {
  if (waited_ms < watch->next_beat_ms) return;
  watch->next_beat_ms = waited_ms + (waited_ms < BEAT_MOST_MS ? waited_ms : BEAT_MOST_MS);
  report(watch->reporter, SAY_WAITING, "the statement has been running for %llu s%s",
         (unsigned long long)waited_ms / 1000,
         watch->failed ? "; the database does not answer over a second connection" : "");
}

static bool connect_to_look(struct migrate_watch *watch) {
  if (!watch->failed && !watch->session && !pg_session_open(&watch->options, &watch->session, NULL))
    watch->failed = true;
  return !watch->failed;
}

void migrate_watch_look(uint64_t waited_ms, void *argument) {
  struct migrate_watch *watch = argument;
  if (connect_to_look(watch)) look_at_blockers(watch, waited_ms);
  if (!watch->failed) look_at_progress(watch);
  say_that_it_waits(watch, waited_ms);
}
