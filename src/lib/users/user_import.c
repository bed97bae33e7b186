/* user_import.c: see user_import.h. */
#include "lib/users/user_import.h"

#include "lib/users/confirmation.h"

#include <string.h>

static bool can_sign_in(const struct cognito_user *user) {
  return user->enabled && strcmp(user->status, "UNCONFIRMED") != 0;
}

static bool judge(struct pg_session *session, const struct cognito_user *user, bool dry_run,
                  enum user_import_verdict *ret_verdict, struct error *error) {
  const struct confirmation_user row = {user->name, user->handle, user->email, user->sub};
  enum confirmation_outcome outcome = CONFIRMATION_KNOWN;
  struct error problem = {0};
  if (!can_sign_in(user)) {
    *ret_verdict = USER_IMPORT_UNCONFIRMED;
  } else if (confirmation_add_user(session, &row, dry_run, &outcome, &problem)) {
    *ret_verdict = outcome == CONFIRMATION_ADDED ? USER_IMPORT_ADDED : USER_IMPORT_KNOWN;
  } else if (outcome == CONFIRMATION_TAKEN) {
    *ret_verdict = USER_IMPORT_TAKEN;
  } else if (problem.kind == ERROR_INVALID) {
    *ret_verdict = USER_IMPORT_INCOMPLETE;
  } else {
    *error = problem;
    return false;
  }
  return true;
}

static void count(struct user_import_summary *summary, enum user_import_verdict verdict) {
  switch (verdict) {
  case USER_IMPORT_ADDED: summary->added++; break;
  case USER_IMPORT_KNOWN: summary->known++; break;
  case USER_IMPORT_UNCONFIRMED: summary->unconfirmed++; break;
  case USER_IMPORT_INCOMPLETE:
  case USER_IMPORT_TAKEN: summary->undecided++; break;
  }
}

bool user_import_run(struct pg_session *session, const struct cognito_users *list, bool dry_run,
                     user_import_tell tell, void *argument, struct user_import_summary *ret_summary,
                     struct error *error) {
  struct user_import_summary summary = {0};
  for (size_t i = 0; i < list->count; i++) {
    enum user_import_verdict verdict;
    if (!judge(session, &list->users[i], dry_run, &verdict, error)) return false;
    count(&summary, verdict);
    tell(verdict, &list->users[i], argument);
  }
  *ret_summary = summary;
  return true;
}
