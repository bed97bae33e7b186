/* test_aws_client.c: calls of services against a server that answers well and badly. */
#include "aws_bench.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const char OK[] = "{\"done\":true}";
static const char THROTTLED[] =
    "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException\","
    "\"message\":\"slower\"}";

static bool answer_ok(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)bench, (void)number, (void)request;
  return web_write_answer(fd, "200 OK", OK);
}

static void a_request_is_signed(void **state) {
  struct bench bench = {0};
  char value[4096];
  bench_start(&bench, answer_ok);
  bench.config.aws.session_token = "session-token";
  bench_open(&bench);
  struct aws_request put = bench_put();
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_NONE);
  assert_int_equal(outcome.status, 200);
  assert_int_equal(outcome.tries, 1);
  assert_string_equal(outcome.code, "");
  assert_buffer_equal(&outcome.body, OK);
  const char *request = bench_request(&bench, 0);
  assert_non_null(strstr(request, "POST / HTTP/1.1\r\n"));
  assert_string_equal(bench_header(request, "X-Amz-Target", value), "DynamoDB_20120810.PutItem");
  assert_string_equal(bench_header(request, "Content-Type", value), "application/x-amz-json-1.0");
  assert_string_equal(bench_header(request, "X-Amz-Security-Token", value), "session-token");
  assert_string_equal(bench_header(request, "X-Amz-Content-Sha256", value), "");
  assert_int_equal(strlen(bench_header(request, "X-Amz-Date", value)), 16);
  bench_header(request, "Authorization", value);
  assert_non_null(strstr(value, "AWS4-HMAC-SHA256 Credential=AKIDTEST/"));
  assert_non_null(strstr(value,
                         "/ca-central-1/dynamodb/aws4_request, SignedHeaders="
                         "content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "));
  assert_null(strstr(request, "the-secret-key"));
  assert_non_null(strstr(request, "\r\n\r\n{\"TableName\":\"messages\"}"));
  outcome_free(&outcome);
  bench_stop(&bench);
}

static bool answer_etag(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)bench, (void)number, (void)request;
  return web_write(fd, "HTTP/1.1 200 OK\r\nETag:  \"abc\" \r\nContent-Length: 0\r\n\r\n");
}

static void s3_is_addressed_by_path_and_keeps_odd_keys(void **state) {
  struct bench bench = {0};
  char value[4096];
  bench_start(&bench, answer_etag);
  bench_open(&bench);
  struct sigv4_parameter query[] = {{STR("z"), STR("1")}, {STR("a"), STR("b c")}};
  struct sigv4_header headers[] = {{STR("Content-Type"), STR("text/html")}};
  struct aws_request put = {.service = AWS_S3,
                            .method = "PUT",
                            .bucket = STR("cruddur"),
                            .path = STR("/a//../b c/\xc3\xa4+.html"),
                            .query = query,
                            .query_count = 2,
                            .headers = headers,
                            .header_count = 1,
                            .body = STR("<html>"),
                            .body_borrowed = true,
                            .deadline_ms = AMPLE_MS};
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_NONE);
  assert_buffer_equal(&outcome.etag, "\"abc\"");
  const char *request = bench_request(&bench, 0);
  assert_non_null(
      strstr(request, "PUT /cruddur/a//../b%20c/%C3%A4%2B.html?a=b%20c&z=1 HTTP/1.1\r\n"));
  assert_string_equal(bench_header(request, "Content-Type", value), "text/html");
  assert_int_equal(strlen(bench_header(request, "X-Amz-Content-Sha256", value)), 64);
  assert_non_null(strstr(request, "\r\n\r\n<html>"));
  outcome_free(&outcome);
  bench_stop(&bench);
}

static bool answer_error_twice(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 2) return answer_ok(bench, fd, number, request);
  return web_write_answer(fd, "400 Bad Request", bench->argument);
}

static void what_was_not_done_is_tried_again(void **state) {
  static const char *const ERRORS[] = {THROTTLED, "{\"__type\":\"x#TransactionConflictException\"}",
                                       "{\"__type\":\"x#ReplicatedWriteConflictException\"}",
                                       "{\"__type\":\"x#LimitExceededException\"}"};
  for (size_t i = 0; i < sizeof(ERRORS) / sizeof(ERRORS[0]); i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)ERRORS[i]};
    bench_start(&bench, answer_error_twice);
    bench_open(&bench);
    struct aws_request put = bench_put();
    struct outcome outcome = bench_call(&bench, &put);
    assert_int_equal(outcome.error.kind, ERROR_NONE);
    assert_int_equal(outcome.tries, 3);
    assert_int_equal(web_connections(bench.web), 1); /* one connection serves all tries */
    outcome_free(&outcome);
    bench_stop(&bench);
  }
}

static bool answer_throttled(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)bench, (void)number, (void)request;
  return web_write_answer(fd, "400 Bad Request", THROTTLED);
}

static void what_is_throttled_to_the_end_is_unavailable(void **state) {
  struct bench bench = {0};
  bench_start(&bench, answer_throttled);
  bench_open(&bench);
  struct aws_request put = bench_put();
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_UNAVAILABLE);
  assert_int_equal(outcome.tries, 10);
  assert_string_equal(outcome.code, "ProvisionedThroughputExceededException");
  assert_string_equal(outcome.error.message, "DynamoDB PutItem: status 400, "
                                             "ProvisionedThroughputExceededException: slower");
  outcome_free(&outcome);
  bench_stop(&bench);
}

static void a_short_deadline_ends_the_tries(void **state) {
  struct bench bench = {0};
  bench_start(&bench, answer_throttled);
  bench_open(&bench);
  struct aws_request put = bench_put();
  put.deadline_ms = 100;
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_UNAVAILABLE);
  outcome_free(&outcome);
  bench_stop(&bench);
}

static bool answer_500_once(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 1) return answer_ok(bench, fd, number, request);
  return web_write_answer(fd, "500 Internal Server Error", "<html>oops");
}

static bool answer_reset_once(struct bench *bench, int fd, unsigned number, const char *request) {
  return number >= 1 && answer_ok(bench, fd, number, request);
}

static bool answer_late_once(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 1) return answer_ok(bench, fd, number, request);
  web_wait_for_end(fd);
  return false;
}

static bool answer_half_once(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 1) return answer_ok(bench, fd, number, request);
  web_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"do");
  return false;
}

static bool answer_408_once(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 1) return answer_ok(bench, fd, number, request);
  return web_write_answer(fd, "408 Request Timeout", "");
}

static bool answer_moved_once(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 1) return answer_ok(bench, fd, number, request);
  return web_write_answer(fd, "301 Moved Permanently", "<html>log in</html>");
}

static bool answer_html_once(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 1) return answer_ok(bench, fd, number, request);
  return web_write_answer(fd, "200 OK", "<html>log in</html>");
}

static bool answer_empty_once(struct bench *bench, int fd, unsigned number, const char *request) {
  if (number >= 1) return answer_ok(bench, fd, number, request);
  return web_write_answer(fd, "200 OK", "");
}

static bool answer_altered_once(struct bench *bench, int fd, unsigned number, const char *request) {
  /* The checksum is that of {"done":true}. */
  return web_write(fd,
                   "HTTP/1.1 200 OK\r\nx-amz-crc32: 1051432146\r\nContent-Length: 13\r\n\r\n") &&
         web_write(fd, number >= 1 ? OK : "{\"done\":trve}");
}

enum { LATE = 2, WITHOUT_COUNT = 9 };

static bench_answer *const WITHOUT_AN_ANSWER[WITHOUT_COUNT] = {
    answer_500_once,  answer_reset_once, [LATE] = answer_late_once,
    answer_half_once, answer_408_once,   answer_moved_once,
    answer_html_once, answer_empty_once, answer_altered_once};

static void only_the_repeatable_is_repeated(void **state) {
  for (size_t i = 0; i < 2 * WITHOUT_COUNT; i++) {
    struct bench bench = {0};
    bool repeatable = i >= WITHOUT_COUNT;
    bench_start(&bench, WITHOUT_AN_ANSWER[i % WITHOUT_COUNT]);
    bench_open(&bench);
    struct aws_request put = bench_put();
    put.repeatable = repeatable;
    put.try_timeout_ms = i % WITHOUT_COUNT == LATE ? 50 : 0;
    struct outcome outcome = bench_call(&bench, &put);
    assert_int_equal(outcome.error.kind, repeatable ? ERROR_NONE : ERROR_UNAVAILABLE);
    assert_int_equal(outcome.tries, repeatable ? 2 : 1);
    assert_int_equal(bench_request_count(&bench), repeatable ? 2 : 1);
    outcome_free(&outcome);
    bench_stop(&bench);
  }
}

struct error_case {
  const char *status_line, *body, *code;
  enum error_kind kind;
  const char *message;
};

static const struct error_case ERROR_CASES[] = {
    {"400 Bad Request", "{\"__type\":\"a.b#ValidationException\",\"message\":\"bad key\"}",
     "ValidationException", ERROR_INVALID,
     "DynamoDB PutItem: status 400, ValidationException: bad key"},
    {"400 Bad Request", "{\"__type\":\"ConditionalCheckFailedException\",\"Message\":\"no\"}",
     "ConditionalCheckFailedException", ERROR_CONFLICT,
     "DynamoDB PutItem: status 400, ConditionalCheckFailedException: no"},
    {"400 Bad Request", "{\"__type\":\"x#ResourceNotFoundException\"}", "ResourceNotFoundException",
     ERROR_NOT_FOUND, "DynamoDB PutItem: status 400, ResourceNotFoundException"},
    {"400 Bad Request",
     "{\"__type\":\"x#InvalidSignatureException\",\"message\":\"x-amz-security-token:SECRET\"}",
     "InvalidSignatureException", ERROR_DENIED,
     "DynamoDB PutItem: status 400, InvalidSignatureException"},
    {"403 Forbidden", "{\"__type\":\"AccessDeniedException\",\"message\":\"not\\nallowed\"}",
     "AccessDeniedException", ERROR_DENIED,
     "DynamoDB PutItem: status 403, AccessDeniedException: not allowed"},
    {"404 Not Found",
     "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>a &lt;b&gt;</Message></Error>",
     "NoSuchKey", ERROR_NOT_FOUND, "DynamoDB PutItem: status 404, NoSuchKey: a <b>"},
    {"412 Precondition Failed", "<Error><Code>PreconditionFailed</Code></Error>",
     "PreconditionFailed", ERROR_CONFLICT, "DynamoDB PutItem: status 412, PreconditionFailed"},
    {"401 Unauthorized", "", "", ERROR_DENIED, "DynamoDB PutItem: status 401"},
    /* What no JSON service says. */
    {"418 Teapot", "\xff\xfe garbage <Code", "", ERROR_UNAVAILABLE, "DynamoDB PutItem: status 418"},
    {"400 Bad Request", "{\"__type\":17,\"message\":[1]}", "", ERROR_UNAVAILABLE,
     "DynamoDB PutItem: status 400"},
    {"302 Found", "", "", ERROR_UNAVAILABLE, "DynamoDB PutItem: status 302"},
    {"404 Not Found", "<html>no such page</html>", "", ERROR_UNAVAILABLE,
     "DynamoDB PutItem: status 404"},
    {"409 Conflict", "", "", ERROR_UNAVAILABLE, "DynamoDB PutItem: status 409"},
    {"408 Request Timeout", "", "", ERROR_UNAVAILABLE, "DynamoDB PutItem: status 408"},
    {"503 Unavailable", "{}", "", ERROR_UNAVAILABLE, "DynamoDB PutItem: status 503"},
};

static bool answer_error(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)request, (void)number;
  const struct error_case *error_case = bench->argument;
  return web_write_answer(fd, error_case->status_line, error_case->body);
}

static void errors_are_read(void **state) {
  for (size_t i = 0; i < sizeof(ERROR_CASES) / sizeof(ERROR_CASES[0]); i++) {
    struct bench bench = {.argument = (void *)(uintptr_t)&ERROR_CASES[i]};
    bench_start(&bench, answer_error);
    bench_open(&bench);
    struct aws_request put = bench_put();
    struct outcome outcome = bench_call(&bench, &put);
    char expected[sizeof(outcome.error.message)];
    bool refused = ERROR_CASES[i].kind == ERROR_DENIED;
    snprintf(expected, sizeof(expected), "%s%s", ERROR_CASES[i].message,
             refused ? " (the keys came from: environment)" : "");
    assert_string_equal(outcome.error.message, expected);
    assert_string_equal(outcome.code, ERROR_CASES[i].code);
    assert_int_equal(outcome.error.kind, ERROR_CASES[i].kind);
    assert_int_equal(outcome.tries, 1);
    outcome_free(&outcome);
    bench_stop(&bench);
  }
}

static bool answer_long(struct bench *bench, int fd, unsigned number, const char *request) {
  (void)bench, (void)number, (void)request;
  return web_write_answer(fd, "200 OK", "0123456789012345678901234567890123456789");
}

static void an_answer_over_the_limit_is_an_error(void **state) {
  struct bench bench = {0};
  bench_start(&bench, answer_long);
  bench_open(&bench);
  struct aws_request put = bench_put();
  put.response_limit = 39;
  put.repeatable = true;
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_MEMORY);
  assert_int_equal(outcome.tries, 1);
  outcome_free(&outcome);
  bench_stop(&bench);
}

/* A container endpoint at /credentials and a service at /. */

struct vault {
  atomic_uint handed_out;
  atomic_uint served;
  const char *service_error; /* the service answers so to the first keys */
  bool hang;
};

static bool answer_vault(struct bench *bench, int fd, unsigned number, const char *request) {
  struct vault *vault = bench->argument;
  char body[512];
  (void)number;
  if (strncmp(request, "GET /credentials ", 17) == 0) {
    if (vault->hang) {
      web_wait_for_end(fd);
      return false;
    }
    unsigned key = atomic_fetch_add(&vault->handed_out, 1) + 1;
    snprintf(body, sizeof(body),
             "{\"AccessKeyId\":\"AKID%u\",\"SecretAccessKey\":\"secret%u\",\"Token\":\"token%u\","
             "\"Expiration\":\"2999-01-01T00:00:00Z\"}",
             key, key, key);
    return web_write_answer(fd, "200 OK", body);
  }
  atomic_fetch_add(&vault->served, 1);
  if (vault->service_error && strstr(request, "Credential=AKID1/"))
    return web_write_answer(fd, "400 Bad Request", vault->service_error);
  return web_write_answer(fd, "200 OK", OK);
}

static void bench_start_vault(struct bench *bench, struct vault *vault, char url[256]) {
  bench->argument = vault;
  bench_start(bench, answer_vault);
  snprintf(url, 256, "%s", web_url(bench->web, "/credentials"));
  bench->config.aws.access_key_id = NULL;
  bench->config.aws.container_full_uri = url;
}

static void many_calls_wait_for_one_fetch(void **state) {
  enum { CALLS = 50 };
  struct vault vault = {0};
  struct bench bench = {0};
  char url[256];
  static struct outcome outcomes[CALLS];
  memset(outcomes, 0, sizeof(outcomes));
  bench_start_vault(&bench, &vault, url);
  bench_open(&bench);
  struct aws_request put = bench_put();
  for (size_t i = 0; i < CALLS; i++)
    assert_true(aws_client_call(bench.client, &put, bench_done, &outcomes[i], NULL));
  for (size_t i = 0; i < CALLS; i++) {
    bench_run_until(&bench, &outcomes[i].calls);
    assert_int_equal(outcomes[i].error.kind, ERROR_NONE);
    outcome_free(&outcomes[i]);
  }
  assert_int_equal(vault.handed_out, 1);
  assert_int_equal(vault.served, CALLS);
  bench_stop(&bench);
}

static void keys_are_renewed_once(const char *service_error) {
  struct vault vault = {.service_error = service_error};
  struct aws_provider_timing timing = AWS_PROVIDER_TIMING;
  struct bench bench = {0};
  char url[256];
  timing.failure_ms = 0; /* the keys are as fresh as can be */
  bench_start_vault(&bench, &vault, url);
  bench_open_timed(&bench, &timing);
  struct aws_request put = bench_put();
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_NONE);
  assert_int_equal(outcome.tries, 2);
  assert_int_equal(vault.handed_out, 2);
  outcome_free(&outcome);
  bench_stop(&bench);
}

static void expired_and_revoked_keys_are_renewed_once(void **state) {
  keys_are_renewed_once("{\"__type\":\"x#ExpiredTokenException\"}");
  keys_are_renewed_once("{\"__type\":\"x#UnrecognizedClientException\"}");
  keys_are_renewed_once("<Error><Code>InvalidClientTokenId</Code></Error>");
  keys_are_renewed_once("<Error><Code>InvalidAccessKeyId</Code></Error>");
}

static void keys_that_stay_expired_are_refused(void **state) {
  struct error_case expired = {"403 Forbidden", "<Error><Code>ExpiredToken</Code></Error>", "", 0,
                               ""};
  struct aws_provider_timing timing = AWS_PROVIDER_TIMING;
  struct bench bench = {.argument = &expired};
  timing.failure_ms = 0;
  bench_start(&bench, answer_error);
  bench_open_timed(&bench, &timing);
  struct aws_request put = bench_put();
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_DENIED);
  assert_string_equal(outcome.code, "ExpiredToken");
  assert_int_equal(outcome.tries, 2);
  outcome_free(&outcome);
  bench_stop(&bench);
}

static void without_credentials_it_is_denied(void **state) {
  struct bench bench = {0};
  bench_start(&bench, answer_ok);
  bench.config.aws.access_key_id = NULL;
  bench_open(&bench);
  struct aws_request put = bench_put();
  for (int i = 0; i < 2; i++) { /* while it is looked for, and when it is known */
    struct outcome outcome = bench_call(&bench, &put);
    assert_int_equal(outcome.error.kind, ERROR_DENIED);
    assert_int_equal(outcome.tries, 0);
    assert_non_null(strstr(outcome.error.message, "DynamoDB PutItem: no AWS credentials"));
    outcome_free(&outcome);
  }
  assert_int_equal(bench_request_count(&bench), 0);
  bench_stop(&bench);
}

static void the_wait_for_credentials_is_bounded(void **state) {
  struct vault vault = {.hang = true};
  struct bench bench = {0};
  char url[256];
  bench_start_vault(&bench, &vault, url);
  bench_open(&bench);
  struct aws_request put = bench_put();
  put.deadline_ms = 50;
  struct outcome outcome = bench_call(&bench, &put);
  assert_int_equal(outcome.error.kind, ERROR_UNAVAILABLE);
  assert_string_equal(outcome.error.message,
                      "DynamoDB PutItem: AWS credentials did not come in time");
  outcome_free(&outcome);
  bench_stop(&bench);
}

/* A service that never answers, throttles, or has keys that never come: closing ends the calls. */
static void closing_ends_every_call_once(void **state) {
  static struct outcome outcomes[3];
  for (int round = 0; round < 3; round++) {
    struct vault vault = {.hang = true};
    struct bench bench = {.argument = &vault};
    char url[256];
    memset(outcomes, 0, sizeof(outcomes));
    bench_start(&bench, round == 0 ? answer_late_once : answer_throttled);
    snprintf(url, sizeof(url), "%s", web_url(bench.web, "/credentials"));
    if (round == 2) {
      bench.answer = answer_vault;
      bench.config.aws.access_key_id = NULL;
      bench.config.aws.container_full_uri = url;
    }
    bench_open(&bench);
    struct aws_request put = bench_put();
    put.pause_ms = round == 1 ? AMPLE_MS / 2 : 0;
    assert_true(aws_client_call(bench.client, &put, bench_done, &outcomes[0], NULL));
    while (round != 1 && bench_request_count(&bench) == 0)
      uv_run(loop_uv(bench.loop), UV_RUN_NOWAIT);
    struct aws_client *client = bench.client;
    aws_client_close(client);
    bench.client = NULL;
    assert_int_equal(outcomes[0].calls, 1);
    assert_int_equal(outcomes[0].error.kind, ERROR_UNAVAILABLE);
    assert_false(aws_client_call(client, &put, bench_done, &outcomes[1], NULL));
    bench_stop(&bench);
    assert_int_equal(outcomes[0].calls, 1);
    assert_int_equal(outcomes[1].calls, 0);
    outcome_free(&outcomes[0]);
  }
}

static void close_client(const struct aws_response *response, void *argument) {
  struct outcome *outcome = argument;
  bench_done(response, argument);
  aws_client_close(outcome->bench->client);
  outcome->bench->client = NULL;
}

static void a_callback_may_close_the_client(void **state) {
  struct bench bench = {0};
  struct outcome first = {.bench = &bench}, second = {0};
  bench_start(&bench, answer_ok);
  bench_open(&bench);
  struct aws_request put = bench_put(), late = bench_put();
  late.pause_ms = AMPLE_MS / 2;
  assert_true(aws_client_call(bench.client, &put, close_client, &first, NULL));
  assert_true(aws_client_call(bench.client, &late, bench_done, &second, NULL));
  bench_run_until(&bench, &first.calls);
  assert_int_equal(first.error.kind, ERROR_NONE);
  assert_int_equal(second.calls, 1);
  assert_int_equal(second.error.kind, ERROR_UNAVAILABLE);
  outcome_free(&first);
  outcome_free(&second);
  bench_stop(&bench);
}

static void too_many_calls_are_refused(void **state) {
  static struct outcome outcomes[1001];
  struct bench bench = {0};
  memset(outcomes, 0, sizeof(outcomes));
  bench_start(&bench, answer_ok);
  bench_open(&bench);
  struct aws_request put = bench_put();
  put.pause_ms = AMPLE_MS / 2;
  for (size_t i = 0; i < 1000; i++)
    assert_true(aws_client_call(bench.client, &put, bench_done, &outcomes[i], NULL));
  assert_false(aws_client_call(bench.client, &put, bench_done, &outcomes[1000], NULL));
  aws_client_close(bench.client);
  bench.client = NULL;
  for (size_t i = 0; i < 1000; i++) {
    assert_int_equal(outcomes[i].calls, 1);
    outcome_free(&outcomes[i]);
  }
  bench_stop(&bench);
}

struct setting_case {
  const char *region, *endpoint, *message;
};

static void bad_settings_are_named(void **state) {
  static const struct setting_case CASES[] = {
      {NULL, "http://127.0.0.1", "AWS_DEFAULT_REGION is not set"},
      {"r", "127.0.0.1:80", "AWS_ENDPOINT_URL_DYNAMODB must be an http: or https: URL"},
      {"r", "ftp://x", "AWS_ENDPOINT_URL_DYNAMODB must be"},
      {"r", "http://", "AWS_ENDPOINT_URL_DYNAMODB must be"},
      {"r", "http://a b/", "AWS_ENDPOINT_URL_DYNAMODB must be"},
      {"r", "http://user@host/", "AWS_ENDPOINT_URL_DYNAMODB must be"},
      {"r", "http://host/?query", "AWS_ENDPOINT_URL_DYNAMODB must be"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct bench bench = {0};
    struct error error = {0};
    bench_start(&bench, answer_ok);
    bench.config.aws_region = CASES[i].region;
    bench.config.aws.endpoint_dynamodb = CASES[i].endpoint;
    bench.provider = aws_provider_new(bench.loop, &bench.config, &error);
    assert_null(aws_client_new(bench.loop, bench.provider, &bench.config, &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    if (!strstr(error.message, CASES[i].message)) fail_msg("%s", error.message);
    bench_stop(&bench);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request_is_signed),
      cmocka_unit_test(s3_is_addressed_by_path_and_keeps_odd_keys),
      cmocka_unit_test(what_was_not_done_is_tried_again),
      cmocka_unit_test(what_is_throttled_to_the_end_is_unavailable),
      cmocka_unit_test(a_short_deadline_ends_the_tries),
      cmocka_unit_test(only_the_repeatable_is_repeated),
      cmocka_unit_test(errors_are_read),
      cmocka_unit_test(an_answer_over_the_limit_is_an_error),
      cmocka_unit_test(many_calls_wait_for_one_fetch),
      cmocka_unit_test(expired_and_revoked_keys_are_renewed_once),
      cmocka_unit_test(keys_that_stay_expired_are_refused),
      cmocka_unit_test(without_credentials_it_is_denied),
      cmocka_unit_test(the_wait_for_credentials_is_bounded),
      cmocka_unit_test(closing_ends_every_call_once),
      cmocka_unit_test(a_callback_may_close_the_client),
      cmocka_unit_test(too_many_calls_are_refused),
      cmocka_unit_test(bad_settings_are_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
