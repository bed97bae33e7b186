/* runner.c: see runner.h. */
#include "lib/migrate/run/runner.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "lib/migrate/run/lock.h"

#include <pwd.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SLEEP_SLICE_MS = 50, WAIT_FIRST_MS = 400, WAIT_EVERY_MS = 1000 };

bool runner_interrupted(const struct runner *runner) {
  return runner->options->interrupt && *runner->options->interrupt;
}

void runner_sleep_ms(const struct runner *runner, uint64_t milliseconds) {
  uint64_t until = clock_monotonic_us() + milliseconds * 1000;
  while (!runner_interrupted(runner)) {
    uint64_t now = clock_monotonic_us();
    if (now >= until) return;
    uint64_t left_ms = (until - now + 999) / 1000;
    uint64_t slice = left_ms < SLEEP_SLICE_MS ? left_ms : SLEEP_SLICE_MS;
    nanosleep(&(struct timespec){.tv_nsec = (long)slice * 1000000}, NULL);
  }
}

static void set_applied_by(struct runner *runner) {
  char host[65] = "unknown";
  gethostname(host, sizeof(host) - 1);
  char strings[1024];
  struct passwd entry, *found = NULL;
  getpwuid_r(geteuid(), &entry, strings, sizeof(strings), &found);
  if (found)
    snprintf(runner->applied_by, sizeof(runner->applied_by), " (%.80s@%.80s)", entry.pw_name, host);
  else
    snprintf(runner->applied_by, sizeof(runner->applied_by), " (uid %ld@%.80s)", (long)geteuid(),
             host);
}

static void on_notice(const char *severity, const char *message, const char *detail,
                      void *argument) {
  struct runner *runner = argument;
  bool warning = strcmp(severity, "WARNING") == 0;
  report(runner->reporter, warning ? SAY_WARNING : SAY_NOTE, "%s: %s%s%s",
         warning ? "warning" : "notice", message, detail[0] ? "\n" : "", detail);
}

/* NOTICEs such as "already exists, skipping" are noise: only what a migration RAISEs at WARNING,
 * and Postgres's own warnings, come through. */
static bool prepare(struct runner *runner, struct error *error) {
  struct buffer sql = BUFFER_EMPTY;
  /* A session that only looks is one transaction, outside of which nothing is set. */
  const char *set = pg_session_in_transaction(runner->session) ? "SET LOCAL" : "SET";
  buffer_append_format(&sql,
                       "%s statement_timeout = 0; %s idle_in_transaction_session_timeout = 0; "
                       "%s client_min_messages = warning; %s standard_conforming_strings = on; "
                       "%s check_function_bodies = on; %s lock_timeout = %u;",
                       set, set, set, set, set, set, runner->options->lock_timeout_ms);
  if (pg_session_server_version(runner->session) >= 170000)
    buffer_append_format(&sql, "%s transaction_timeout = 0;", set);
  bool done = pg_session_exec(runner->session, buffer_text(&sql), error);
  buffer_free(&sql);
  return done;
}

static bool connect(struct runner *runner, enum runner_mode mode, struct error *error) {
  struct pg_session_options options = {.connection_url = runner->options->connection_url,
                                       .application_name = "cruddur migrate",
                                       .database = runner->options->database,
                                       .kind = mode == RUNNER_READ ? PG_SESSION_LOOK
                                                                   : PG_SESSION_PLAIN};
  if (!pg_session_open(&options, &runner->session, error)) return false;
  pg_session_set_interrupt(runner->session, runner->options->interrupt);
  pg_session_on_notice(runner->session, on_notice, runner);
  migrate_watch_start(&runner->watch, &options, pg_session_announced_pid(runner->session),
                      runner->reporter);
  return true;
}

/* Settings and the watch wait until the pooler is ruled out: settings would stay behind in a server
 * connection that others get next, and the watch might wait for one. */
static bool start_work(struct runner *runner, struct error *error) {
  pg_session_on_wait(runner->session, migrate_watch_look, &runner->watch, WAIT_FIRST_MS,
                     WAIT_EVERY_MS);
  return runner_reset_session(runner, error);
}

bool runner_connect(struct runner *runner, enum runner_mode mode, struct error *error) {
  set_applied_by(runner);
  if (!connect(runner, mode, error)) return error_prefix(error, "cannot connect to the database");
  if (mode == RUNNER_READ) return prepare(runner, error);
  if (!lock_refuse_pooler(runner, error)) return false;
  return start_work(runner, error);
}

bool runner_reconnect(struct runner *runner, struct error *error) {
  pg_session_close(runner->session);
  runner->session = NULL;
  migrate_watch_stop(&runner->watch);
  return connect(runner, RUNNER_WORK, error) && start_work(runner, error);
}

bool runner_reset_session(struct runner *runner, struct error *error) {
  return pg_session_reset(runner->session, error) && prepare(runner, error);
}

bool runner_load(struct runner *runner, struct error *error) {
  return migration_set_load(runner->options->dir, runner->reporter, &runner->set, error);
}

bool runner_plan(struct runner *runner, struct error *error) {
  migrate_plan_free(&runner->plan);
  history_free(&runner->history);
  if (!history_load(runner->session, &runner->set, &runner->history, error) ||
      !migrate_plan_make(&runner->set, &runner->history, &runner->plan, error))
    return false;
  const struct version *newest = history_newest(&runner->history);
  runner->any_applied = newest != NULL;
  if (newest) runner->newest = *newest;
  return true;
}

static bool adopt(struct runner *runner, struct error *error) {
  struct history *history = &runner->history;
  if (!history_adopt(runner->session, &runner->set, history, error)) return false;
  if (history->count == 0) return true;
  report(runner->reporter, SAY_NOTE,
         "this database has no history of migrations yet (last_successful_run is %s): adopting it",
         history->last_successful_run ? history->last_successful_run : "not there");
  for (size_t i = 0; i < history->count; i++)
    report(runner->reporter, SAY_NOTE, "  %s_%s is there already", history->entries[i].version.text,
           history->entries[i].name);
  return true;
}

bool runner_open(struct runner *runner, enum runner_mode mode, struct error *error) {
  if (!runner_load(runner, error) || !runner_connect(runner, mode, error)) return false;
  if (mode != RUNNER_READ && !lock_acquire(runner, error)) return false;
  if (!runner_plan(runner, error)) return false;
  if (mode != RUNNER_WORK || runner->history.exists) return true;
  return adopt(runner, error);
}

void runner_close(struct runner *runner) {
  migrate_plan_free(&runner->plan);
  history_free(&runner->history);
  migration_set_free(&runner->set);
  migrate_watch_stop(&runner->watch);
  pg_session_close(runner->session);
  runner->session = NULL;
}

void runner_append_position(const struct runner *runner, struct buffer *text) {
  if (runner->any_applied)
    buffer_append_format(text, "the newest applied migration is %s", runner->newest.text);
  else
    buffer_append_text(text, "no migration is applied");
  if (runner->done > 0)
    buffer_append_format(text, "; %zu of %zu were done in this run and stay", runner->done,
                         runner->wanted);
}
