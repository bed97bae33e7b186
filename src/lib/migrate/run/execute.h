/* execute.h: runs scripts: each step is tried again while it gets no lock, and what holds is said
 * after its commit. Private to the room. */
#pragma once

#include "lib/migrate/run/migrate_session.h"
#include "lib/migrate/run/script.h"

struct execution {
  struct migrate_session *session;
  bool rehearsal; /* inside one transaction of the caller's, without COMMIT, tried once */
  const struct version *newest; /* the newest applied version, kept in step; NULL: none */
  size_t done, wanted;          /* scripts of this run */
};

/* Runs one script to its end. Everything that happens is said. When it fails, the place, the
 * reason, the state of the database and what to do are said too, and a transaction is rolled back:
 * CONFLICT, or UNAVAILABLE when the connection was lost. The session is of use afterwards unless
 * `error` is UNAVAILABLE. */
bool execute_script(struct execution *execution, struct script *script, struct error *error);

/* Runs all of them in order; `wanted` becomes their number. CONFLICT when interrupted in between.
 */
bool execute_scripts(struct execution *execution, struct script_list *list, struct error *error);
