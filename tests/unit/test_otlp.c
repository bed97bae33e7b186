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

static void a_request(void **state) {
  struct span span = span_of(SPAN_SERVER, "GET /api/activities/home");
  span.parent_id[7] = 0xff;
  strcpy(span.method, "GET");
  strcpy(span.request_id, "req-1");
  span.status = 200;
  assert_text(&span,
              BEGIN "\"parentSpanId\":\"00000000000000ff\",\"name\":\"GET /api/activities/home\","
                    "\"kind\":2," TIMES "\"attributes\":["
                    "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"GET\"}},"
                    "{\"key\":\"http.route\",\"value\":{\"stringValue\":\"/api/activities/home\"}},"
                    "{\"key\":\"request.id\",\"value\":{\"stringValue\":\"req-1\"}},"
                    "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"200\"}}]}");
}

static void a_statement(void **state) {
  struct span span = span_of(SPAN_CLIENT, "postgres activities/home");
  strcpy(span.system, "postgresql");
  span.tries = 1;
  assert_text(&span,
              BEGIN "\"name\":\"postgres activities/home\",\"kind\":3," TIMES "\"attributes\":["
                    "{\"key\":\"peer.service\",\"value\":{\"stringValue\":\"postgresql\"}},"
                    "{\"key\":\"db.system\",\"value\":{\"stringValue\":\"postgresql\"}}]}");
}

static void an_operation_of_dynamodb_that_was_repeated_and_failed(void **state) {
  struct span span = span_of(SPAN_CLIENT, "DynamoDB Query");
  strcpy(span.system, "dynamodb");
  strcpy(span.method, "POST");
  strcpy(span.host, "dynamodb.test");
  strcpy(span.operation, "Query");
  strcpy(span.request_id, "AWS1");
  strcpy(span.error, "ThrottlingException");
  span.tries = 3;
  span.status = 400;
  span.failed = true;
  assert_text(&span,
              BEGIN "\"name\":\"DynamoDB Query\",\"kind\":3," TIMES "\"attributes\":["
                    "{\"key\":\"peer.service\",\"value\":{\"stringValue\":\"dynamodb\"}},"
                    "{\"key\":\"db.system\",\"value\":{\"stringValue\":\"dynamodb\"}},"
                    "{\"key\":\"http.request.method\",\"value\":{\"stringValue\":\"POST\"}},"
                    "{\"key\":\"server.address\",\"value\":{\"stringValue\":\"dynamodb.test\"}},"
                    "{\"key\":\"rpc.system\",\"value\":{\"stringValue\":\"aws-api\"}},"
                    "{\"key\":\"rpc.method\",\"value\":{\"stringValue\":\"Query\"}},"
                    "{\"key\":\"aws.request_id\",\"value\":{\"stringValue\":\"AWS1\"}},"
                    "{\"key\":\"http.request.resend_count\",\"value\":{\"intValue\":\"2\"}},"
                    "{\"key\":\"error.type\",\"value\":{\"stringValue\":\"ThrottlingException\"}},"
                    "{\"key\":\"http.response.status_code\",\"value\":{\"intValue\":\"400\"}}],"
                    "\"status\":{\"code\":2}}");
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
      cmocka_unit_test(a_statement),
      cmocka_unit_test(an_operation_of_dynamodb_that_was_repeated_and_failed),
      cmocka_unit_test(a_span_that_another_one_did_the_work_of),
      cmocka_unit_test(a_request_body_has_a_head_and_a_tail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
