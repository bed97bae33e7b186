/* runner.h: what every operation on a database begins with: the files, the session, the lock, the
 * history and the plan. Private to the room. */
#pragma once

#include "lib/migrate/run/migrate_session.h"
#include "lib/migrate/state/migrate_plan.h"

struct runner {
  struct migrate_session session;
  struct migration_set set;
  struct history history;
  struct migrate_plan plan;
};

enum runner_mode {
  RUNNER_READ,     /* looks only: read-only, without the lock */
  RUNNER_REHEARSE, /* has the lock; a database without a history is left as it is */
  RUNNER_WORK,     /* has the lock; a database without a history is adopted */
};

/* A runner that has nothing but these; runner_close() is due whatever becomes of it. */
struct runner runner_new(const struct migrate_options *options,
                         const struct migrate_reporter *reporter);
void runner_close(struct runner *runner);

/* Loads the files, connects, takes the lock (not in RUNNER_READ), reads the history (adopting the
 * database in RUNNER_WORK) and makes the plan. */
bool runner_open(struct runner *runner, enum runner_mode mode, struct error *error);

/* As runner_open() in RUNNER_READ; without a connection URL it only loads the files, and the plan
 * is that of an empty database. */
bool runner_open_offline(struct runner *runner, struct error *error);

/* Due before anything is written: refuses a server that takes no writes, and keeps the mark of
 * another runner that was found in last_successful_run, which holds other values from then on. */
bool runner_prepare_writing(struct runner *runner, struct error *error);

/* Connects `session` for work: a pooler that would break the lock is refused, then the settings are
 * made. */
bool runner_connect(struct migrate_session *session, struct error *error);
