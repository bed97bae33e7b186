/* confirmation.h: Cognito's post-confirmation event becomes a row of public.users, once. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"
#include "lib/pg/pg_session.h"

enum { CONFIRMATION_EVENT_LIMIT = 16 * 1024 * 1024 }; /* Lambda's bound is 6 MiB */

enum confirmation_outcome {
  CONFIRMATION_ADDED, /* there is a new row */
  CONFIRMATION_KNOWN, /* the sub had its row before: nothing was done */
  CONFIRMATION_TAKEN, /* the handle belongs to another sub: nothing was done */
};

/* What a row needs. */
struct confirmation_user {
  const char *name, *handle, *email, *sub;
};

/* Adds a user once. `dry_run`: it is rolled back. Fails as CONFLICT with the outcome TAKEN, as
 * INVALID when the user lacks something, and as pg_session does; the session is then inside of a
 * transaction. */
bool confirmation_add_user(struct pg_session *session, const struct confirmation_user *user,
                           bool dry_run, enum confirmation_outcome *ret_outcome,
                           struct error *error);

/* A connection that is kept from one event to the next. */
struct confirmer {
  const char *connection_url;
  struct pg_session *session; /* NULL: not connected */

  /* Finds out where the database is now, within `limit_ms`, and sets `connection_url`. False: that
   * is not known better than before. NULL: it does not move. */
  bool (*look_again)(struct confirmer *confirmer, unsigned limit_ms);
};

/* Records the user of `event` within about `limit_ms`; connects first where needed. When the kept
 * connection turns out to be dead, or hangs for a second, or a new one cannot be made, the database
 * may have moved: once an event it is looked for again, and connected to. Kinds of error: INVALID
 * (the event), CONFLICT (the handle belongs to another sub), those of pg_session. No message holds
 * the user's name or address. */
bool confirmation_record(struct confirmer *confirmer, struct str event, unsigned limit_ms,
                         enum confirmation_outcome *ret_outcome, struct error *error);
void confirmation_close(struct confirmer *confirmer);
