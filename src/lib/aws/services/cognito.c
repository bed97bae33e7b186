/* cognito.c: see cognito.h. */
#include "lib/aws/services/cognito.h"

#include "lib/aws/aws_session.h"
#include "lib/base/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum {
  PAGE_USERS = 60, /* the service's bound */
  PAGE_DEADLINE_MS = 30000,
  PAGE_SIZE_LIMIT = 4 * 1024 * 1024,
  PAGES_LIMIT = 100000,
};

/* The memory of `name`'s text in `object`, "" where there is none; NULL when memory is out. */
static char *copy_text(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return strdup(text ? text : "");
}

/* The value of the attribute `name` of a user, as copy_text(); of several the last one. */
static char *copy_attribute(const json_t *attributes, const char *name) {
  const json_t *found = NULL;
  for (size_t i = 0; i < json_array_size(attributes); i++) {
    const json_t *attribute = json_array_get(attributes, i);
    const char *its_name = json_string_value(json_object_get(attribute, "Name"));
    if (its_name && strcmp(its_name, name) == 0) found = attribute;
  }
  return copy_text(found, "Value");
}

static bool copy_user(const json_t *object, struct cognito_user *user) {
  const json_t *attributes = json_object_get(object, "Attributes");
  *user = (struct cognito_user){
      .handle = copy_attribute(attributes, "preferred_username"),
      .sub = copy_attribute(attributes, "sub"),
      .email = copy_attribute(attributes, "email"),
      .name = copy_attribute(attributes, "name"),
      .status = copy_text(object, "UserStatus"),
      .enabled = json_is_true(json_object_get(object, "Enabled")),
  };
  return user->handle && user->sub && user->email && user->name && user->status;
}

static bool append_page(struct cognito_users *list, const json_t *page, struct error *error) {
  const json_t *users = json_object_get(page, "Users");
  if (!json_is_array(users))
    return error_set(error, ERROR_INTERNAL, "Cognito ListUsers: the answer has no Users");
  size_t count = json_array_size(users);
  struct cognito_user *grown = reallocarray(list->users, list->count + count + 1, sizeof(*grown));
  if (!grown) return error_set(error, ERROR_MEMORY, "out of memory for the pool's users");
  list->users = grown;
  for (size_t i = 0; i < count; i++)
    if (!copy_user(json_array_get(users, i), &list->users[list->count++]))
      return error_set(error, ERROR_MEMORY, "out of memory for the pool's users");
  return true;
}

/* Appends a page and puts the token of the next one into `*token`, the caller's; NULL: it was the
 * last. */
static bool load_page(const struct aws_session *session, const char *pool_id, json_t **token,
                      struct cognito_users *list, struct error *error) {
  static const struct aws_request LIST_USERS = {.service = AWS_COGNITO,
                                                .operation = "ListUsers",
                                                .deadline_ms = PAGE_DEADLINE_MS,
                                                .response_limit = PAGE_SIZE_LIMIT,
                                                .repeatable = true};
  json_t *input = json_pack("{s:s,s:i,s:O*}", "UserPoolId", pool_id, "Limit", (int)PAGE_USERS,
                            "PaginationToken", *token);
  json_t *page = aws_session_json(session, &LIST_USERS, input, error);
  bool done = page && append_page(list, page, error);
  json_t *next = json_object_get(page, "PaginationToken");
  if (!json_is_string(next)) next = NULL;
  if (done && next && *token && json_equal(next, *token))
    done =
        error_set(error, ERROR_INTERNAL, "Cognito ListUsers: the same page comes again and again");
  json_incref(next);
  json_decref(*token);
  *token = next;
  json_decref(page);
  return done;
}

static bool load_pages(const struct aws_session *session, const char *pool_id,
                       struct cognito_users *list, struct error *error) {
  json_t *token = NULL;
  bool done = load_page(session, pool_id, &token, list, error);
  for (unsigned pages = 1; done && token; pages++)
    done = pages < PAGES_LIMIT
               ? load_page(session, pool_id, &token, list, error)
               : error_set(error, ERROR_MEMORY, "Cognito ListUsers: the pool has too many pages");
  json_decref(token);
  return done;
}

bool cognito_load_users(const struct config *config, struct cognito_users *ret_users,
                        struct error *error) {
  if (!config->cognito_user_pool_id)
    return error_set(error, ERROR_INVALID,
                     "AWS_COGNITO_USER_POOL_ID is not set (Cognito user pool that signs the "
                     "tokens), for example AWS_COGNITO_USER_POOL_ID=ca-central-1_AbCdEfGhI");
  _cleanup_(aws_session_close) struct aws_session session = {0};
  struct cognito_users list = {0};
  if (aws_session_open(&session, config, error) &&
      load_pages(&session, config->cognito_user_pool_id, &list, error)) {
    *ret_users = list;
    return true;
  }
  cognito_free_users(&list);
  return false;
}

void cognito_free_users(struct cognito_users *users) {
  for (size_t i = 0; i < users->count; i++) {
    free(users->users[i].handle);
    free(users->users[i].sub);
    free(users->users[i].email);
    free(users->users[i].name);
    free(users->users[i].status);
  }
  free(users->users);
  *users = (struct cognito_users){0};
}
