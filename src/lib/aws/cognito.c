/* cognito.c: see cognito.h. */
#include "lib/aws/cognito.h"

#include <jansson.h>
#include <stdlib.h>

enum { PAGE_SIZE_LIMIT = 4 * 1024 * 1024 };

struct run {
  struct cognito_listing listing;
  struct aws_client *client;
  json_t *token; /* of the next page; NULL: the first */
  unsigned pages;
};

static void run_end(struct run *run, const struct error *error) {
  run->listing.done(error, run->listing.argument);
  json_decref(run->token);
  free(run);
}

static void run_fail(struct run *run, enum error_kind kind, const char *sentence) {
  struct error error;
  error_set(&error, kind, "%s", sentence);
  run_end(run, &error);
}

static struct str text_of(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return (struct str){json_string_value(value), json_string_length(value)};
}

static void read_attribute(const json_t *attribute, struct cognito_user *user) {
  struct str name = text_of(attribute, "Name"), value = text_of(attribute, "Value");
  if (str_equal(name, STR("sub"))) user->sub = value;
  if (str_equal(name, STR("preferred_username"))) user->preferred_username = value;
  if (str_equal(name, STR("email"))) user->email = value;
  if (str_equal(name, STR("name"))) user->name = value;
}

/* False: the listing is to end. */
static bool tell_user(const struct run *run, const json_t *object) {
  struct cognito_user user = {
      .username = text_of(object, "Username"),
      .status = text_of(object, "UserStatus"),
      .enabled = json_is_true(json_object_get(object, "Enabled")),
  };
  size_t i;
  json_t *attribute;
  json_array_foreach(json_object_get(object, "Attributes"), i, attribute)
      read_attribute(attribute, &user);
  return run->listing.user(&user, run->listing.argument);
}

static bool ask_page(struct run *run);

static void on_page(struct run *run, const json_t *page) {
  json_t *users = json_object_get(page, "Users"), *user;
  if (!json_is_array(users)) {
    run_fail(run, ERROR_INTERNAL, "Cognito ListUsers: the answer has no Users");
    return;
  }
  size_t i;
  json_array_foreach(users, i, user) {
    if (tell_user(run, user)) continue;
    run_end(run, NULL);
    return;
  }
  json_t *token = json_object_get(page, "PaginationToken");
  if (!json_is_string(token)) {
    run_end(run, NULL);
  } else if (run->token && json_equal(token, run->token)) {
    run_fail(run, ERROR_INTERNAL, "Cognito ListUsers: the same page comes again and again");
  } else {
    json_decref(run->token);
    run->token = json_incref(token);
    if (!ask_page(run))
      run_fail(run, ERROR_MEMORY, "Cognito ListUsers: no more requests can start");
  }
}

static void on_response(const struct aws_response *response, void *argument) {
  struct run *run = argument;
  if (response->error) {
    run_end(run, response->error);
    return;
  }
  struct str body = response->body;
  json_t *page = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  on_page(run, page);
  json_decref(page);
}

static bool ask_page(struct run *run) {
  if (run->pages++ >= COGNITO_PAGES_LIMIT) return false;
  json_t *input = json_pack("{s:s,s:i}", "UserPoolId", run->listing.user_pool_id, "Limit",
                            (int)COGNITO_PAGE_LIMIT);
  if (input && run->token) json_object_set(input, "PaginationToken", run->token);
  char *text = json_dumps(input, JSON_COMPACT);
  struct aws_request request = {
      .service = AWS_COGNITO,
      .operation = "ListUsers",
      .body = str_from(text),
      .deadline_ms = run->listing.page_deadline_ms,
      .response_limit = PAGE_SIZE_LIMIT,
      .repeatable = true,
  };
  bool started = text && aws_call(run->client, &request, on_response, run);
  free(text);
  json_decref(input);
  return started;
}

bool cognito_list_users(struct aws_client *client, const struct cognito_listing *listing) {
  struct run *run = calloc(1, sizeof(*run));
  if (!run) return false;
  run->listing = *listing;
  run->client = client;
  if (ask_page(run)) return true;
  free(run);
  return false;
}
