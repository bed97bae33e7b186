/* user_list.c: see user_list.h. */
#include "lib/aws/user_list.h"

#include "lib/aws/cognito.h"
#include "lib/aws/session.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_DEADLINE_MS = 30000, USERS_LIMIT = 5000000 };

struct loading {
  struct user_list list;
  size_t capacity;
  bool failed; /* out of memory, or over the limit */
  bool done;
  struct error error;
};

static char *copy_text(struct str text) {
  return strndup(text.data ? text.data : "", text.length);
}

static bool grow(struct loading *loading) {
  if (loading->list.count < loading->capacity) return true;
  size_t capacity = loading->capacity ? 2 * loading->capacity : 64;
  if (capacity > USERS_LIMIT) return false;
  struct listed_user *users = realloc(loading->list.users, capacity * sizeof(*users));
  if (!users) return false;
  loading->list.users = users;
  loading->capacity = capacity;
  return true;
}

static bool on_user(const struct cognito_user *user, void *argument) {
  struct loading *loading = argument;
  loading->failed = !grow(loading);
  if (loading->failed) return false;
  struct listed_user *listed = &loading->list.users[loading->list.count++];
  *listed = (struct listed_user){.handle = copy_text(user->preferred_username),
                                 .sub = copy_text(user->sub),
                                 .email = copy_text(user->email),
                                 .name = copy_text(user->name),
                                 .status = copy_text(user->status),
                                 .enabled = user->enabled};
  loading->failed =
      !listed->handle || !listed->sub || !listed->email || !listed->name || !listed->status;
  return !loading->failed;
}

static void on_done(const struct error *error, void *argument) {
  struct loading *loading = argument;
  if (error)
    loading->error = *error;
  else if (loading->failed)
    error_set(&loading->error, ERROR_MEMORY, "the pool has more users than memory holds");
  loading->done = true;
}

bool user_list_load(const struct config *config, struct user_list *ret_list, struct error *error) {
  if (!config->cognito_user_pool_id)
    return error_set(error, ERROR_INVALID,
                     "AWS_COGNITO_USER_POOL_ID is not set (Cognito user pool that signs the "
                     "tokens), for example AWS_COGNITO_USER_POOL_ID=ca-central-1_AbCdEfGhI");
  _cleanup_(aws_session_close_p) struct aws_session *session = NULL;
  if (!aws_session_open(config, &session, error)) return false;
  struct loading loading = {0};
  struct cognito_listing listing = {.user_pool_id = config->cognito_user_pool_id,
                                    .page_deadline_ms = PAGE_DEADLINE_MS,
                                    .user = on_user,
                                    .done = on_done,
                                    .argument = &loading};
  if (!cognito_list_users(aws_session_client(session), &listing))
    return error_set(error, ERROR_MEMORY, "out of memory");
  aws_session_wait(session, &loading.done);
  if (loading.error.kind == ERROR_NONE) {
    *ret_list = loading.list;
    return true;
  }
  user_list_free(&loading.list);
  *error = loading.error;
  return false;
}

void user_list_free(struct user_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    free(list->users[i].handle);
    free(list->users[i].sub);
    free(list->users[i].email);
    free(list->users[i].name);
    free(list->users[i].status);
  }
  free(list->users);
  *list = (struct user_list){0};
}
