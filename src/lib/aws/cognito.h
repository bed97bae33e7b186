/* cognito.h: the users of a Cognito user pool, by ListUsers, page by page. */
#pragma once

#include "lib/aws/client.h"

enum { COGNITO_PAGE_LIMIT = 60, COGNITO_PAGES_LIMIT = 100000 };

/* Borrowed for the time of the call; what Cognito did not tell is empty. */
struct cognito_user {
  struct str username;
  struct str sub;
  struct str preferred_username;
  struct str email;
  struct str name;
  struct str status; /* "CONFIRMED", … */
  bool enabled;
};

struct cognito_listing {
  const char *user_pool_id;
  uint64_t page_deadline_ms;
  /* Called for each user, in Cognito's order; returning false ends the listing without an error. */
  bool (*user)(const struct cognito_user *user, void *argument);
  /* Called exactly once, on the loop; `error` is NULL when all pages were read. */
  void (*done)(const struct error *error, void *argument);
  void *argument;
};

/* Lists all users of the pool; `listing` is copied, its pool id must stay until `done`. Returns
 * false (and never calls back) when memory is out or the client is closing. */
bool cognito_list_users(struct aws_client *client, const struct cognito_listing *listing);
