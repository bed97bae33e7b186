/* migrate_watch.h: looks, over a second session, at what the runner's statement waits for and how
 * far it is. It connects when a statement takes long enough to ask, and asks no more when it
 * cannot. That the statement still runs is said now and then all the same. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/migrate/report.h"
#include "lib/pg/pg_session.h"

struct migrate_watch {
  struct pg_session_options options;
  const struct migrate_reporter *reporter;
  int backend_pid; /* of the runner's session */
  struct pg_session *session;
  bool failed;            /* it could not connect, or ask: it asks no more */
  bool progress_shown;    /* the terminal's last line holds progress */
  uint64_t next_say_ms;   /* of the blockers, in the running statement's time */
  uint64_t next_beat_ms;  /* of the word that it still waits */
  struct buffer blockers; /* who blocked the statement when last looked; "" when nobody did */
};

/* Sets up; connects nothing. `options` are copied, the URL in them must outlive the watch. */
void migrate_watch_start(struct migrate_watch *watch, const struct pg_session_options *options,
                         int backend_pid, const struct migrate_reporter *reporter);
void migrate_watch_stop(struct migrate_watch *watch);

/* A pg_wait callback; `argument` is the watch. */
void migrate_watch_look(uint64_t waited_ms, void *argument);

/* To be called before each statement: forgets the blockers of the last, clears its progress. */
void migrate_watch_forget(struct migrate_watch *watch);

/* Who blocked the last statement, as far as was seen: one "pid 1, role …" after the other; "" when
 * nobody was seen. */
const char *migrate_watch_blockers(struct migrate_watch *watch);
