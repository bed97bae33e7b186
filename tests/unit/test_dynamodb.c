/* test_dynamodb.c: operations by name and the loops of the batches; the pages of Cognito's users.
 */
#include "aws_bench.h"

#include "lib/aws/cognito.h"
#include "lib/aws/dynamodb.h"

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
    assert_int_equal(told.error.kind, ERROR_INTERNAL);
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
  struct told told = {0};
  bench_start(&bench, answer_writes);
  bench_open(&bench);
  json_t *requests =
      json_pack("[{s:i},{s:i},{s:i}]", "PutRequest", 1, "PutRequest", 2, "PutRequest", 3);
  assert_true(dynamodb_batch_write(bench.client, "t", requests, &BOUNDS, on_answer, &told));
  json_decref(requests);
  bench_run_until(&bench, &told.calls);
  assert_int_equal(told.error.kind, ERROR_NONE);
  assert_int_equal(told.tries, 3);
  json_decref(told.body);
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
    struct told told = {0};
    struct dynamodb_bounds bounds = {.deadline_ms = CASES[i].deadline_ms};
    bench_start(&bench, answer_same);
    bench_open(&bench);
    json_t *requests = json_pack("[{s:i}]", "PutRequest", 1);
    assert_true(dynamodb_batch_write(bench.client, "t", requests, &bounds, on_answer, &told));
    json_decref(requests);
    bench_run_until(&bench, &told.calls);
    assert_int_equal(told.error.kind, CASES[i].kind);
    if (told.tries > 0 && strstr(told.error.message, "no complete answer") == NULL)
      assert_string_equal(told.error.message, CASES[i].message);
    assert_null(told.body);
    bench_stop(&bench);
  }
}

static bool answer_denied_later(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number == 0) return answer_writes(bench, fd, 0, request);
  return web_write_answer(fd, "400 Bad Request", "{\"__type\":\"AccessDeniedException\"}");
}

static void a_round_that_fails_ends_the_batch(void **state) {
  struct bench bench = {0};
  struct told told = {0};
  bench_start(&bench, answer_denied_later);
  bench_open(&bench);
  json_t *requests = json_pack("[i,i]", 1, 2);
  assert_true(dynamodb_batch_write(bench.client, "t", requests, &BOUNDS, on_answer, &told));
  json_decref(requests);
  bench_run_until(&bench, &told.calls);
  assert_int_equal(told.error.kind, ERROR_DENIED);
  assert_string_equal(told.code, "AccessDeniedException");
  assert_int_equal(told.tries, 2);
  bench_stop(&bench);
}

static bool answer_gets(struct bench *bench, int fd, unsigned number, const char *request) {
  static const char *const ANSWERS[] = {
      "{\"Responses\":{\"t\":[{\"pk\":1}]},\"UnprocessedKeys\":{\"t\":{\"Keys\":[{\"pk\":2}]}}}",
      "{\"Responses\":{\"t\":[{\"pk\":2}]},\"UnprocessedKeys\":{}}"};
  (void)bench, (void)request;
  return web_write_answer(fd, "200 OK", ANSWERS[number]);
}

static void what_a_get_leaves_is_asked_for_again(void **state) {
  struct bench bench = {0};
  struct told told = {0};
  bench_start(&bench, answer_gets);
  bench_open(&bench);
  json_t *keys = json_pack("[{s:i},{s:i}]", "pk", 1, "pk", 2);
  assert_true(dynamodb_batch_get(bench.client, "t", keys, true, &BOUNDS, on_answer, &told));
  json_decref(keys);
  bench_run_until(&bench, &told.calls);
  assert_int_equal(told.error.kind, ERROR_NONE);
  char *text = json_dumps(told.body, JSON_COMPACT);
  assert_string_equal(text, "{\"Items\":[{\"pk\":1},{\"pk\":2}]}");
  free(text);
  json_decref(told.body);
  assert_string_equal(body_of(bench_request(&bench, 1)),
                      "{\"RequestItems\":{\"t\":{\"Keys\":[{\"pk\":2}],\"ConsistentRead\":true}}}");
  bench_stop(&bench);
}

static void closing_ends_a_batch(void **state) {
  struct bench bench = {.argument = "{\"UnprocessedItems\":{\"t\":[1]}}"};
  struct told told = {0};
  bench_start(&bench, answer_same);
  bench_open(&bench);
  json_t *requests = json_pack("[i]", 1);
  assert_true(dynamodb_batch_write(bench.client, "t", requests, &BOUNDS, on_answer, &told));
  json_decref(requests);
  while (bench_request_count(&bench) < 3)
    uv_run(loop_uv(bench.loop), UV_RUN_ONCE);
  aws_client_close(bench.client);
  bench.client = NULL;
  assert_int_equal(told.calls, 1);
  assert_int_equal(told.error.kind, ERROR_UNAVAILABLE);
  bench_stop(&bench);
}

/* Cognito's pages. */

struct listing {
  unsigned done;
  unsigned users;
  unsigned stop_after; /* 0: never */
  struct buffer seen;
  struct error error;
};

static bool on_user(const struct cognito_user *user, void *argument) {
  struct listing *listing = argument;
  buffer_append_str(&listing->seen, user->username);
  buffer_append_char(&listing->seen, '/');
  buffer_append_str(&listing->seen, user->sub);
  buffer_append_char(&listing->seen, '/');
  buffer_append_str(&listing->seen, user->preferred_username);
  buffer_append_char(&listing->seen, user->enabled ? '+' : '-');
  buffer_append_char(&listing->seen, ' ');
  return ++listing->users != listing->stop_after;
}

static void on_listed(const struct error *error, void *argument) {
  struct listing *listing = argument;
  listing->done++;
  if (error) listing->error = *error;
}

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

static struct listing list(struct bench *bench, unsigned stop_after) {
  struct listing listing = {.stop_after = stop_after};
  struct cognito_listing request = {.user_pool_id = "pool",
                                    .page_deadline_ms = AMPLE_MS,
                                    .user = on_user,
                                    .done = on_listed,
                                    .argument = &listing};
  assert_true(cognito_list_users(bench->client, &request));
  bench_run_until(bench, &listing.done);
  assert_int_equal(listing.done, 1);
  return listing;
}

static void every_page_of_users_is_listed(void **state) {
  struct bench bench = {0};
  bench_start(&bench, answer_users);
  bench_open(&bench);
  struct listing listing = list(&bench, 0);
  assert_int_equal(listing.error.kind, ERROR_NONE);
  assert_buffer_equal(&listing.seen, "a/s1/anna+ b//- //- ");
  buffer_free(&listing.seen);
  assert_string_equal(body_of(bench_request(&bench, 0)), "{\"UserPoolId\":\"pool\",\"Limit\":60}");
  assert_non_null(strstr(body_of(bench_request(&bench, 1)), "\"PaginationToken\":\"next+/=\""));
  listing = list(&bench, 1);
  assert_int_equal(listing.error.kind, ERROR_NONE);
  assert_buffer_equal(&listing.seen, "a/s1/anna+ ");
  buffer_free(&listing.seen);
  bench_stop(&bench);
}

static void a_listing_that_goes_in_circles_ends(void **state) {
  struct bench bench = {.argument = "circle"};
  bench_start(&bench, answer_users);
  bench_open(&bench);
  struct listing listing = list(&bench, 0);
  assert_int_equal(listing.error.kind, ERROR_INTERNAL);
  buffer_free(&listing.seen);
  bench_stop(&bench);
}

static void a_listing_fails_with_the_service(void **state) {
  static const char *const ANSWERS[] = {"{}", "[]", "nonsense", ""};
  for (size_t i = 0; i < 4; i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)ANSWERS[i]};
    bench_start(&bench, answer_same);
    bench_open(&bench);
    struct listing listing = list(&bench, 0);
    assert_int_equal(listing.error.kind, ERROR_INTERNAL);
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
      cmocka_unit_test(what_a_get_leaves_is_asked_for_again),
      cmocka_unit_test(closing_ends_a_batch),
      cmocka_unit_test(every_page_of_users_is_listed),
      cmocka_unit_test(a_listing_that_goes_in_circles_ends),
      cmocka_unit_test(a_listing_fails_with_the_service),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
