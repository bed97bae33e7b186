/* runner.h: what every operation on a database shares: the session, the files, the history, the
 * plan, and the lock that lets one runner work at a time. Private to the room. */
#pragma once

#include "lib/migrate/engine.h"
#include "lib/migrate/run/migrate_watch.h"
#include "lib/migrate/state/migrate_plan.h"

struct runner {
  const struct migrate_options *options;
  const struct migrate_reporter *reporter;
  struct pg_session *session;
  struct migrate_watch watch;
  struct migration_set set;
  struct history history;
  struct migrate_plan plan;
  char applied_by[256];  /* what follows the role's name in the history: " (user@host)" */
  struct version newest; /* the newest applied version, kept in step */
  bool any_applied;
  size_t done, wanted; /* migrations of this run */
};

enum runner_mode {
  RUNNER_READ,     /* a read-only session; no lock */
  RUNNER_REHEARSE, /* pooler refused, lock held, the database is not adopted */
  RUNNER_WORK,     /* pooler refused, lock held, the database adopted */
};

/* Loads the files, connects, takes the lock (but for RUNNER_READ), reads the history (adopting the
 * database in RUNNER_WORK) and makes the plan. runner_close() is due either way. `runner` is
 * zero-initialised but for options and reporter. */
bool runner_open(struct runner *runner, enum runner_mode mode, struct error *error);
void runner_close(struct runner *runner);

/* Only the files: for what needs no database. */
bool runner_load(struct runner *runner, struct error *error);

/* Only the session: connected, pooler refused and prepared, without files, history or lock. */
bool runner_connect(struct runner *runner, enum runner_mode mode, struct error *error);

/* Reads the history again and makes the plan anew. */
bool runner_plan(struct runner *runner, struct error *error);

/* Puts the session's settings back to what the runner needs, whatever a migration set. */
bool runner_reset_session(struct runner *runner, struct error *error);

/* A new session in place of one that was lost. */
bool runner_reconnect(struct runner *runner, struct error *error);

bool runner_interrupted(const struct runner *runner);

/* Sleeps, unless or until interrupted. */
void runner_sleep_ms(const struct runner *runner, uint64_t milliseconds);

/* "VERSION (n of m done in this run)": where the database stands, for messages. */
void runner_append_position(const struct runner *runner, struct buffer *text);
