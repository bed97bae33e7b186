/* test_answers.c: answers that the resources share: from an outcome of Postgres, from a row, to an
 * Idempotency-Key. What the code calls of http is defined here, so that http's own is not linked.
 */
#include "routes/answers.h"
#include "routes/idempotency.h"
#include "unit.h"

#include <libpq-fe.h>

/* A request, and what it was answered with: "200 {…}", "422 user_not_found". */
struct http_request {
  unsigned key_count;
  struct str key;
  struct idempotency memory;
  char answer[256];
};

unsigned http_request_header_count(const struct http_request *request, const char *name) {
  assert_string_equal(name, "Idempotency-Key");
  return request->key_count;
}

struct str http_request_header(const struct http_request *request, const char *name) {
  return request->key;
}

struct str http_request_body(const struct http_request *request) {
  return STR("{}");
}

struct str http_request_id(const struct http_request *request) {
  return STR("some-id");
}

void *http_request_alloc(struct http_request *request, size_t size) {
  assert_int_equal(size, sizeof(request->memory));
  return &request->memory;
}

void http_answer_json(struct http_request *request, enum http_status status, struct buffer *body) {
  snprintf(request->answer, sizeof(request->answer), "%d %s", status, buffer_text(body));
  buffer_free(body);
}

void http_answer_error(struct http_request *request, enum http_status status, const char *code) {
  snprintf(request->answer, sizeof(request->answer), "%d %s", status, code);
}

void http_answer_unavailable(struct http_request *request) {
  strcpy(request->answer, "503");
}

void http_answer_internal_error(struct http_request *request, const char *reason) {
  snprintf(request->answer, sizeof(request->answer), "500 %s", reason);
}

static void an_outcome_that_is_not_done_is_answered(void **state) {
  struct http_request request = {0};
  const struct error error = {.kind = ERROR_UNAVAILABLE, .message = "the queue is full"};
  assert_false(answers_failure(&request, PG_DONE, &error));
  assert_string_equal(request.answer, "");
  assert_true(answers_failure(&request, PG_UNAVAILABLE, &error));
  assert_string_equal(request.answer, "503");
  assert_true(answers_failure(&request, PG_FAILED, &error));
  assert_string_equal(request.answer, "500 the queue is full");
}

/* A result with a column "n" and a column "_reused", and one row of both or none. */
static PGresult *result_with(bool row, bool reused) {
  enum { BOOL = 16, INT2 = 21 };
  PGresAttDesc columns[] = {{.name = (char *)"n", .typid = INT2, .format = 1},
                            {.name = (char *)"_reused", .typid = BOOL, .format = 1}};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  assert_int_equal(PQsetResultAttrs(result, 2, columns), 1);
  if (row) {
    assert_int_equal(PQsetvalue(result, 0, 0, (char *)"\0\7", 2), 1);
    assert_int_equal(PQsetvalue(result, 0, 1, reused ? (char *)"\1" : NULL, reused ? 1 : -1), 1);
  }
  return result;
}

static void a_row_is_an_object_and_no_row_an_error(void **state) {
  struct http_request request = {0};
  PGresult *row = result_with(true, false), *none = result_with(false, false);
  answers_row(&request, row);
  assert_string_equal(request.answer, "200 {\"n\":7}");
  answers_row_or(&request, none, HTTP_NOT_FOUND, "user_not_found");
  assert_string_equal(request.answer, "404 user_not_found");
  answers_row_or(&request, row, HTTP_NOT_FOUND, "user_not_found");
  assert_string_equal(request.answer, "200 {\"n\":7}");
  PQclear(row);
  PQclear(none);
}

static void a_key_of_another_request_is_refused(void **state) {
  struct http_request request = {0};
  PGresult *ours = result_with(true, false), *none = result_with(false, false);
  PGresult *reused = result_with(true, true);
  assert_false(idempotency_answers_reuse(&request, ours));
  assert_false(idempotency_answers_reuse(&request, none));
  assert_string_equal(request.answer, "");
  assert_true(idempotency_answers_reuse(&request, reused));
  assert_string_equal(request.answer, "422 idempotency_key_reused");
  PQclear(ours);
  PQclear(none);
  PQclear(reused);
}

static void a_key_is_read_once_or_refused(void **state) {
  struct http_request request = {0};
  const struct idempotency *once;
  assert_true(idempotency_read(&request, STR("POST /a"), STR(""), &once));
  assert_null(once);
  request.key_count = 1;
  request.key = STR("key");
  assert_true(idempotency_read(&request, STR("POST /a"), STR(""), &once));
  assert_non_null(once);
  assert_str_equal(once->key, "key");
  assert_int_equal(idempotency_hash_str(once).length, IDEMPOTENCY_HASH_SIZE);
  request.key_count = 2;
  assert_false(idempotency_read(&request, STR("POST /a"), STR(""), &once));
  assert_string_equal(request.answer, "400 idempotency_key_invalid");
  assert_null(once);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_outcome_that_is_not_done_is_answered),
      cmocka_unit_test(a_row_is_an_object_and_no_row_an_error),
      cmocka_unit_test(a_key_of_another_request_is_refused),
      cmocka_unit_test(a_key_is_read_once_or_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
