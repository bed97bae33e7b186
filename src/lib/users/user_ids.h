/* user_ids.h: gives the rows of public.users the subs of a Cognito pool: by preferred_username, all
 * in one transaction. */
#pragma once

#include "lib/aws/services/cognito.h"
#include "lib/pg/pg_session.h"

/* What is told of a user, in this order of importance. */
enum user_ids_verdict {
  USER_IDS_CHANGED,     /* `before` became `sub` */
  USER_IDS_SAME,        /* the row has the sub already */
  USER_IDS_NO_ROW,      /* the pool knows the handle, the table does not */
  USER_IDS_NO_USER,     /* the table knows the handle, the pool does not */
  USER_IDS_NO_HANDLE,   /* a user of the pool without preferred_username or sub */
  USER_IDS_UNCONFIRMED, /* who has not shown that the address is theirs gets no row */
  USER_IDS_TWO_USERS,   /* several users of the pool have this handle: none was taken */
  USER_IDS_TWO_ROWS,    /* several rows have this handle: none was changed */
  USER_IDS_TAKEN, /* the row's sub is another user's, or the user's sub another row's: kept so */
};

typedef void (*user_ids_tell)(enum user_ids_verdict verdict, const char *handle, const char *before,
                              const char *sub, void *argument);

struct user_ids_summary {
  size_t changed, same;
  size_t missing;   /* NO_ROW, NO_USER, NO_HANDLE, UNCONFIRMED */
  size_t ambiguous; /* TWO_USERS, TWO_ROWS, TAKEN: somebody must decide */
};

/* Reads and locks the rows, tells every verdict, then writes and commits; with `dry_run` it writes
 * nothing. After an error nothing was written. */
bool user_ids_update(struct pg_session *session, const struct cognito_users *list, bool dry_run,
                     user_ids_tell tell, void *argument, struct user_ids_summary *ret_summary,
                     struct error *error);
