/* test_dynamodb.c: operations by name, the loop of a batch of writes, the pages of Cognito's users.
 */
#include "aws_bench.h"

#include "lib/aws/services/cognito.h"
#include "lib/aws/services/dynamodb.h"

#include <stdio.h>
#include <string.h>

struct told {
  unsigned calls;
  unsigned tries;
  char code[80];
  struct error error;
  json_t *body;
};

static void on_answer(const struct dynamodb_answer *answer, void *argument) {
  struct told *told = argument;
  told->calls++;
  told->tries = answer->tries;
  snprintf(told->code, sizeof(told->code), "%s", answer->code);
  if (answer->error) told->error = *answer->error;
  told->body = json_incref(answer->body);
}

static const struct dynamodb_bounds BOUNDS = {.deadline_ms = AMPLE_MS};

/* What waits for its answers drives the bench's loop. */
static struct aws_session session_of(struct bench *bench) {
  return (struct aws_session){bench->loop, bench->provider, bench->client};
}

static bool answer_item(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)number, (void)request;
  return web_write_answer(fd, "200 OK", bench->argument);
}

static struct told call(struct bench *bench) {
  struct told told = {0};
  json_t *input = json_pack("{s:s}", "TableName", "messages");
  assert_true(dynamodb_call(bench->client, "GetItem", input, &BOUNDS, on_answer, &told));
  json_decref(input);
  bench_run_until(bench, &told.calls);
  return told;
}

static void an_operation_is_called(void **state) {
  struct bench bench = {.argument =
                            "{\"Item\":{\"pk\":{\"S\":\"a\\u0000b\"},\"n\":{\"N\":\"1\"}}}"};
  char value[4096];
  bench_start(&bench, answer_item);
  bench_open(&bench);
  struct told told = call(&bench);
  assert_int_equal(told.error.kind, ERROR_NONE);
  json_t *item = json_object_get(told.body, "Item");
  struct str text = dynamodb_item_string(item, "pk");
  assert_int_equal(text.length, 3);
  assert_memory_equal(text.data, "a\0b", 3);
  assert_null(dynamodb_item_string(item, "n").data);
  assert_null(dynamodb_item_string(item, "none").data);
  assert_null(dynamodb_item_string(NULL, "pk").data);
  json_decref(told.body);
  const char *request = bench_request(&bench, 0);
  assert_string_equal(bench_header(request, "X-Amz-Target", value), "DynamoDB_20120810.GetItem");
  assert_non_null(strstr(request, "\r\n\r\n{\"TableName\":\"messages\"}"));
  bench_stop(&bench);
}

static void an_answer_that_makes_no_sense_is_an_error(void **state) {
  static const char *const BODIES[] = {"", "[]", "{", "<html>", "\xff"};
  for (size_t i = 0; i < sizeof(BODIES) / sizeof(BODIES[0]); i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)BODIES[i]};
    bench_start(&bench, answer_item);
    bench_open(&bench);
    struct told told = call(&bench);
    assert_int_equal(told.error.kind, ERROR_UNAVAILABLE);
    assert_null(told.body);
    bench_stop(&bench);
  }
}

static void strings_are_attribute_values(void **state) {
  json_t *value = dynamodb_string(STR("a\"b"));
  char *text = json_dumps(value, JSON_COMPACT);
  assert_string_equal(text, "{\"S\":\"a\\\"b\"}");
  free(text);
  json_decref(value);
  assert_null(dynamodb_string(STR("\xff")));
}

/* Batches. */

static const char *body_of(const char *request) {
  return strstr(request, "\r\n\r\n") + 4;
}

static bool answer_writes(struct bench *bench, int fd, unsigned number, const char *request) {
  static const char *const LEFT[] = {
      "{\"UnprocessedItems\":{\"t\":[{\"PutRequest\":2},{\"PutRequest\":3}]}}",
      "{\"UnprocessedItems\":{\"t\":[{\"PutRequest\":3}]}}", "{\"UnprocessedItems\":{}}"};
  (void)bench, (void)request;
  return web_write_answer(fd, "200 OK", LEFT[number]);
}

static void what_a_write_leaves_is_sent_again(void **state) {
  struct bench bench = {0};
  struct error error = {0};
  bench_start(&bench, answer_writes);
  bench_open(&bench);
  struct aws_session session = session_of(&bench);
  json_t *requests =
      json_pack("[{s:i},{s:i},{s:i}]", "PutRequest", 1, "PutRequest", 2, "PutRequest", 3);
  if (!dynamodb_batch_write(&session, "t", requests, &BOUNDS, &error))
    fail_msg("%s", error.message);
  json_decref(requests);
  assert_int_equal(bench_request_count(&bench), 3);
  assert_string_equal(
      body_of(bench_request(&bench, 0)),
      "{\"RequestItems\":{\"t\":[{\"PutRequest\":1},{\"PutRequest\":2},{\"PutRequest\":3}]}}");
  assert_string_equal(body_of(bench_request(&bench, 2)),
                      "{\"RequestItems\":{\"t\":[{\"PutRequest\":3}]}}");
  bench_stop(&bench);
}

static bool answer_same(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)number, (void)request;
  return web_write_answer(fd, "200 OK", bench->argument);
}

static void a_write_that_is_never_done_ends(void **state) {
  static const struct {
    const char *answer;
    uint64_t deadline_ms;
    enum error_kind kind;
    const char *message;
  } CASES[] = {
      {"{\"UnprocessedItems\":{\"t\":[{\"PutRequest\":1}]}}", 100, ERROR_UNAVAILABLE,
       "DynamoDB BatchWriteItem: throttled: parts of it were not done in time"},
      {"{\"UnprocessedItems\":{\"t\":[1,2,3]}}", AMPLE_MS, ERROR_INTERNAL,
       "DynamoDB BatchWriteItem: more is left undone than was asked for"},
  };
  for (size_t i = 0; i < 2; i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)CASES[i].answer};
    struct error error = {0};
    struct dynamodb_bounds bounds = {.deadline_ms = CASES[i].deadline_ms};
    bench_start(&bench, answer_same);
    bench_open(&bench);
    struct aws_session session = session_of(&bench);
    json_t *requests = json_pack("[{s:i}]", "PutRequest", 1);
    assert_false(dynamodb_batch_write(&session, "t", requests, &bounds, &error));
    json_decref(requests);
    assert_int_equal(error.kind, CASES[i].kind);
    /* The deadline may pass in a pause or while an answer is on its way. */
    if (CASES[i].kind == ERROR_INTERNAL || strstr(error.message, "throttled"))
      assert_string_equal(error.message, CASES[i].message);
    bench_stop(&bench);
  }
}

static bool answer_denied_later(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number == 0) return answer_writes(bench, fd, 0, request);
  return web_write_answer(fd, "400 Bad Request", "{\"__type\":\"AccessDeniedException\"}");
}

static void a_round_that_fails_ends_the_batch(void **state) {
  struct bench bench = {0};
  struct error error = {0};
  bench_start(&bench, answer_denied_later);
  bench_open(&bench);
  struct aws_session session = session_of(&bench);
  json_t *requests = json_pack("[i,i]", 1, 2);
  assert_false(dynamodb_batch_write(&session, "t", requests, &BOUNDS, &error));
  json_decref(requests);
  assert_int_equal(error.kind, ERROR_DENIED);
  assert_non_null(strstr(error.message, "AccessDeniedException"));
  assert_int_equal(bench_request_count(&bench), 2);
  bench_stop(&bench);
}

/* Cognito's pages. */

static bool answer_users(struct bench *bench, int fd, unsigned number, const char *request) {
  static const char FIRST[] =
      "{\"Users\":[{\"Username\":\"a\",\"Enabled\":true,\"Attributes\":[{\"Name\":\"sub\","
      "\"Value\":\"s1\"},{\"Name\":\"preferred_username\",\"Value\":\"anna\"}]}],"
      "\"PaginationToken\":\"next+/=\"}";
  static const char SECOND[] = "{\"Users\":[{\"Username\":\"b\",\"Attributes\":[7]},{}]}";
  static const char AGAIN[] = "{\"Users\":[],\"PaginationToken\":\"next+/=\"}";
  (void)number;
  bool first = !strstr(request, "PaginationToken");
  if (bench->argument && !first) return web_write_answer(fd, "200 OK", AGAIN);
  return web_write_answer(fd, "200 OK", first ? FIRST : SECOND);
}

/* The users as "handle/sub+ " ("-": not enabled), or the error. */
static struct buffer list(struct bench *bench, struct error *error) {
  struct cognito_users list;
  struct buffer seen = BUFFER_EMPTY;
  bench->config.cognito_user_pool_id = "pool";
  if (!cognito_load_users(&bench->config, &list, error)) return seen;
  for (size_t i = 0; i < list.count; i++)
    buffer_append_format(&seen, "%s/%s%c ", list.users[i].handle, list.users[i].sub,
                         list.users[i].enabled ? '+' : '-');
  cognito_free_users(&list);
  return seen;
}

static void every_page_of_users_is_listed(void **state) {
  struct bench bench = {0};
  struct error error = {0};
  bench_start(&bench, answer_users);
  struct buffer seen = list(&bench, &error);
  assert_string_equal(error.message, "");
  assert_buffer_equal(&seen, "anna/s1+ /- /- ");
  buffer_free(&seen);
  assert_string_equal(body_of(bench_request(&bench, 0)), "{\"UserPoolId\":\"pool\",\"Limit\":60}");
  assert_non_null(strstr(body_of(bench_request(&bench, 1)), "\"PaginationToken\":\"next+/=\""));
  bench_stop(&bench);
}

static void a_listing_that_goes_in_circles_ends(void **state) {
  struct bench bench = {.argument = "circle"};
  struct error error = {0};
  bench_start(&bench, answer_users);
  struct buffer seen = list(&bench, &error);
  assert_int_equal(error.kind, ERROR_INTERNAL);
  buffer_free(&seen);
  bench_stop(&bench);
}

static void a_listing_fails_with_the_service(void **state) {
  static const struct {
    const char *answer;
    enum error_kind kind;
  } CASES[] = {
      {"{}", ERROR_INTERNAL},
      {"<html>log in</html>", ERROR_UNAVAILABLE}, /* not the service's */
      {"{\"Users\":[{\"Attributes\":[{\"Name\":\"sub\",\"Value\":\"a\\u0000b\"}]}]}",
       ERROR_UNAVAILABLE},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)CASES[i].answer};
    struct error error = {0};
    bench_start(&bench, answer_same);
    struct buffer seen = list(&bench, &error);
    assert_int_equal(error.kind, CASES[i].kind);
    buffer_free(&seen);
    bench_stop(&bench);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_operation_is_called),
      cmocka_unit_test(an_answer_that_makes_no_sense_is_an_error),
      cmocka_unit_test(strings_are_attribute_values),
      cmocka_unit_test(what_a_write_leaves_is_sent_again),
      cmocka_unit_test(a_write_that_is_never_done_ends),
      cmocka_unit_test(a_round_that_fails_ends_the_batch),
      cmocka_unit_test(every_page_of_users_is_listed),
      cmocka_unit_test(a_listing_that_goes_in_circles_ends),
      cmocka_unit_test(a_listing_fails_with_the_service),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
