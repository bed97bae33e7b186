/* test_otlp.c: spans as OTLP's JSON. */
#include "unit.h"

#include "lib/telemetry/otlp.h"

#include <stdio.h>

#define BEGIN "{\"traceId\":\"01020304050607080910111213141516\",\"spanId\":\"a1a2a3a4a5a6a7a8\","
#define TIMES                                                                                      \
  "\"startTimeUnixNano\":\"1684626299123456000\",\"endTimeUnixNano\":\"1684626299500000000\","

static struct span span_of(enum span_kind kind, const char *name) {
  struct span span = {
      .context = {.trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 18, 19, 20, 21, 22},
                  .span_id = {0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8}},
      .kind = kind,
      .start_unix_us = 1684626299123456,
      .end_unix_us = 1684626299500000,
  };
  snprintf(span.name, sizeof(span.name), "%s", name);
  return span;
}

static void assert_text(const struct span *span, const char *expected) {
  struct buffer body = BUFFER_EMPTY;
  otlp_append_span(&body, span);
  assert_buffer_equal(&body, expected);
  buffer_free(&body);
}

#define TEXT(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define INT(key, value)  "{\"key\":\"" key "\",\"value\":{\"intValue\":\"" value "\"}}"

/* The same with a list of attributes, which ends with NULL, between `head` and `tail`. */
static void assert_attributes(const struct span *span, const char *head,
                              const char *const *attributes, const char *tail) {
  struct buffer expected = BUFFER_EMPTY;
  buffer_append_text(&expected, head);
  for (size_t i = 0; attributes[i]; i++)
    buffer_append_format(&expected, "%s%s", i ? "," : "\"attributes\":[", attributes[i]);
  buffer_append_text(&expected, tail);
  assert_text(span, buffer_text(&expected));
  buffer_free(&expected);
}

static void a_request(void **state) {
  static const char *const ATTRIBUTES[] = {
      TEXT("http.request.method", "GET"),
      TEXT("url.path", "/api/users/@REDACTED/short"),
      TEXT("url.scheme", "https"),
      TEXT("http.route", "/api/users/@:handle/short"),
      TEXT("server.address", "api.test"),
      INT("server.port", "443"),
      TEXT("request.id", "req-1"),
      INT("http.response.status_code", "200"),
      NULL,
  };
  struct span span = span_of(SPAN_SERVER, "GET /api/users/@:handle/short");
  span.parent_id[7] = 0xff;
  span.context.state = STR("vendor=\"x\"");
  span.route = "/api/users/@:handle/short";
  strcpy(span.path, "/api/users/@REDACTED/short");
  strcpy(span.method, "GET");
  strcpy(span.request_id, "req-1");
  trace_set_authority(&span, STR("api.test"));
  span.secure = true;
  span.status = 200;
  assert_attributes(&span,
                    BEGIN
                    "\"parentSpanId\":\"00000000000000ff\",\"traceState\":\"vendor=\\\"x\\\"\","
                    "\"name\":\"GET /api/users/@:handle/short\",\"kind\":2," TIMES,
                    ATTRIBUTES, "]}");
}

static void a_request_for_no_route(void **state) {
  static const char *const ATTRIBUTES[] = {
      TEXT("http.request.method", "_OTHER"),
      TEXT("url.path", "/REDACTED"),
      TEXT("url.scheme", "http"),
      TEXT("error.type", "500"),
      INT("http.response.status_code", "500"),
      NULL,
  };
  struct span span = span_of(SPAN_SERVER, "HTTP");
  strcpy(span.path, "/REDACTED");
  strcpy(span.method, "_OTHER");
  strcpy(span.error, "500");
  span.status = 500;
  span.failed = true;
  assert_attributes(&span, BEGIN "\"name\":\"HTTP\",\"kind\":2," TIMES, ATTRIBUTES,
                    "],\"status\":{\"code\":2}}");
}

static void statements(void **state) {
  struct span span = span_of(SPAN_CLIENT, "postgres users/by_sub+users/short");
  strcpy(span.system, "postgresql");
  strcpy(span.operation, "users/by_sub+users/short");
  strcpy(span.host, "db.test");
  strcpy(span.space, "cruddur");
  strcpy(span.code, "57014");
  strcpy(span.error, "57014");
  span.port = 5432;
  span.statements = 2;
  span.failed = true;
  assert_text(
      &span, BEGIN
      "\"name\":\"postgres users/by_sub+users/short\",\"kind\":3," TIMES
      "\"attributes\":[" TEXT("db.system.name", "postgresql") "," TEXT("db.namespace", "cruddur") "," TEXT(
          "db.operation.name",
          "users/by_sub+users/short") "," INT("db.operation.batch.size",
                                              "2") "," TEXT("db.response.status_code",
                                                            "57014") "," TEXT("server.address",
                                                                              "db.test") "," INT("s"
                                                                                                 "e"
                                                                                                 "r"
                                                                                                 "v"
                                                                                                 "e"
                                                                                                 "r"
                                                                                                 "."
                                                                                                 "p"
                                                                                                 "o"
                                                                                                 "r"
                                                                                                 "t",
                                                                                                 "5"
                                                                                                 "4"
                                                                                                 "3"
                                                                                                 "2") "," TEXT("error.type",
                                                                                                               "57014") "],\"status\":{\"code\":2}}");
}

static void a_statement_that_was_not_sent(void **state) {
  struct span span = span_of(SPAN_CLIENT, "postgres activities/home");
  strcpy(span.system, "postgresql");
  strcpy(span.operation, "activities/home");
  span.statements = 1;
  assert_text(&span, BEGIN "\"name\":\"postgres activities/home\",\"kind\":3," TIMES
                           "\"attributes\":[" TEXT("db.system.name", "postgresql") "," TEXT(
                               "db.operation.name", "activities/home") "]}");
}

static void an_operation_of_dynamodb_that_was_repeated_and_failed(void **state) {
  struct span span = span_of(SPAN_CLIENT, "DynamoDB Query");
  strcpy(span.system, "dynamodb");
  strcpy(span.method, "POST");
  trace_set_authority(&span, STR("dynamodb.test:8000"));
  strcpy(span.operation, "Query");
  strcpy(span.space, "cruddur-messages");
  strcpy(span.region, "ca-central-1");
  strcpy(span.request_id, "AWS1");
  strcpy(span.error, "ThrottlingException");
  span.tries = 3;
  span.status = 400;
  span.failed = true;
  assert_text(
      &span,
      BEGIN "\"name\":\"DynamoDB Query\",\"kind\":3," TIMES "\"attributes\":[" TEXT(
          "db.system.name",
          "aws.dynamodb") "," TEXT("db.operation.name",
                                   "Query") "," TEXT("db.collection.name",
                                                     "cruddur-messages") ","
                                                                         "{\"key\":\"aws.dynamodb."
                                                                         "table_names\",\"value\":{"
                                                                         "\"arrayValue\":"
                                                                         "{\"values\":[{"
                                                                         "\"stringValue\":"
                                                                         "\"cruddur-"
                                                                         "messages\"}]}}}," TEXT(
                                                                             "rpc.system.name", "aw"
                                                                                                "s-"
                                                                                                "ap"
                                                                                                "i") "," TEXT("rpc.method",
                                                                                                              "Query") "," TEXT("cloud.region", "ca-central-1") "," TEXT("aws.request_id", "AWS1") "," TEXT("http.request.method", "POST") "," TEXT("url.full", "http://"
                                                                                                                                                                                                                                                                "dynamodb."
                                                                                                                                                                                                                                                                "test:8000/") "," TEXT("server.address", "dynamodb.test") "," INT("server.port", "8000") "," INT("http.request.resend_count", "2") "," TEXT("error.type",
                                                                                                                                                                                                                                                                                                                                                                                                            "ThrottlingException") "," INT("http.response.status_code", "400") "],\"status\":{\"code\":2}}");
}

static void a_fetch_from_an_address(void **state) {
  struct span span = span_of(SPAN_CLIENT, "GET jwks");
  strcpy(span.system, "http");
  strcpy(span.method, "GET");
  strcpy(span.path, "/pool/\"keys\"");
  trace_set_authority(&span, STR("[::1]:8443"));
  span.secure = true;
  assert_text(
      &span, BEGIN
      "\"name\":\"GET jwks\",\"kind\":3," TIMES
      "\"attributes\":[" TEXT("http.request.method", "GET") "," TEXT(
          "url.full", "https://[::1]:8443/pool/\\\"keys\\\"") "," TEXT("server.address",
                                                                       "::1") "," INT("server.port",
                                                                                      "8443") "]}");
}

static void a_span_that_another_one_did_the_work_of(void **state) {
  struct span span = span_of(SPAN_INTERNAL, "say \"no\"");
  memset(span.link_trace_id, 0xab, TRACE_ID_SIZE);
  memset(span.link_span_id, 0xcd, SPAN_ID_SIZE);
  assert_text(&span,
              BEGIN "\"name\":\"say \\\"no\\\"\",\"kind\":1," TIMES "\"attributes\":[],\"links\":["
                    "{\"traceId\":\"abababababababababababababababab\","
                    "\"spanId\":\"cdcdcdcdcdcdcdcd\"}]}");
}

static void a_request_body_has_a_head_and_a_tail(void **state) {
  struct buffer body = BUFFER_EMPTY;
  otlp_append_head(&body, "back\"end", "");
  buffer_append_str(&body, OTLP_TAIL);
  assert_buffer_equal(
      &body, "{\"resourceSpans\":[{\"resource\":{\"attributes\":["
             "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"back\\\"end\"}},"
             "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" CRUDDUR_VERSION "\"}}"
             "]},\"scopeSpans\":[{\"scope\":{\"name\":\"cruddur\",\"version\":\"" CRUDDUR_VERSION
             "\"},\"spans\":[]}]}]}");
  buffer_free(&body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_request),
      cmocka_unit_test(a_request_for_no_route),
      cmocka_unit_test(statements),
      cmocka_unit_test(a_statement_that_was_not_sent),
      cmocka_unit_test(a_fetch_from_an_address),
      cmocka_unit_test(an_operation_of_dynamodb_that_was_repeated_and_failed),
      cmocka_unit_test(a_span_that_another_one_did_the_work_of),
      cmocka_unit_test(a_request_body_has_a_head_and_a_tail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
