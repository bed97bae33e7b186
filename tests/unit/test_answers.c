/* test_answers.c: answers that the resources share: from an outcome of Postgres, from a row.
 * What the code calls of http is defined here, so that http's own is not linked.
 */
#include "routes/answers.h"
#include "unit.h"

#include <libpq-fe.h>

/* A request, and what it was answered with: "200 {…}", "422 user_not_found". */
struct http_request {
  char answer[256];
};

struct str http_request_id(const struct http_request *request) {
  return STR("some-id");
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

/* A result with a column "n", and one row or none. */
static PGresult *result_with(bool row) {
  enum { INT2 = 21 };
  PGresAttDesc column = {.name = (char *)"n", .typid = INT2, .format = 1};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  assert_int_equal(PQsetResultAttrs(result, 1, &column), 1);
  if (row) assert_int_equal(PQsetvalue(result, 0, 0, (char *)"\0\7", 2), 1);
  return result;
}

static void a_row_is_an_object_and_no_row_an_error(void **state) {
  struct http_request request = {0};
  PGresult *row = result_with(true), *none = result_with(false);
  answers_row(&request, row);
  assert_string_equal(request.answer, "200 {\"n\":7}");
  answers_row_or(&request, none, HTTP_NOT_FOUND, "user_not_found");
  assert_string_equal(request.answer, "404 user_not_found");
  answers_row_or(&request, row, HTTP_NOT_FOUND, "user_not_found");
  assert_string_equal(request.answer, "200 {\"n\":7}");
  PQclear(row);
  PQclear(none);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_outcome_that_is_not_done_is_answered),
      cmocka_unit_test(a_row_is_an_object_and_no_row_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
