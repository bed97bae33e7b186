/* user_import.h: rows for users of the Cognito pool who have none: those whom an administrator made
 * or imported never trigger the post-confirmation function, and a confirmation may have been lost.
 */
#pragma once

#include "lib/aws/services/cognito.h"
#include "lib/pg/pg_session.h"

enum user_import_verdict {
  USER_IMPORT_ADDED,
  USER_IMPORT_KNOWN,       /* the sub has its row */
  USER_IMPORT_UNCONFIRMED, /* or disabled: cannot sign in, so needs no row yet */
  USER_IMPORT_INCOMPLETE,  /* lacks what a row needs: name, handle, email or sub */
  USER_IMPORT_TAKEN,       /* the handle belongs to a row with another sub */
};

struct user_import_summary {
  size_t added, known, unconfirmed, undecided;
};

/* Told once for each user of the pool, in its order. */
typedef void (*user_import_tell)(enum user_import_verdict verdict, const struct cognito_user *user,
                                 void *argument);

/* Adds the rows one by one, as the post-confirmation function does; whatever was added stays when a
 * later one fails. `dry_run`: each is added and rolled back. */
bool user_import_run(struct pg_session *session, const struct cognito_users *list, bool dry_run,
                     user_import_tell tell, void *argument, struct user_import_summary *ret_summary,
                     struct error *error);
