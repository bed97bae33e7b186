/* test_idempotency.c: the Idempotency-Key of a request: which keys are good, what the hash of a
 * request tells apart, and the answer to a key that is reused. What the code calls of http is
 * defined here, so that http's own is not linked. */
#include "routes/idempotency.h"
#include "unit.h"

#include "lib/pg/batch_inside.h"

/* A request, and what it was answered with: "400 idempotency_key_invalid". */
struct http_request {
  unsigned key_count;
  struct str key, body;
  struct idempotency memory;
  char answer[64];
};

unsigned http_request_header_count(const struct http_request *request, const char *name) {
  assert_string_equal(name, "Idempotency-Key");
  return request->key_count;
}

struct str http_request_header(const struct http_request *request, const char *name) {
  return request->key;
}

struct str http_request_body(const struct http_request *request) {
  return request->body;
}

void *http_request_alloc(struct http_request *request, size_t size) {
  assert_int_equal(size, sizeof(request->memory));
  return &request->memory;
}

void http_answer_error(struct http_request *request, enum http_status status, const char *code) {
  snprintf(request->answer, sizeof(request->answer), "%d %s", status, code);
}

void http_answer_internal_error(struct http_request *request, const char *reason) {
  fail_msg("%s", reason);
}

static bool is_good(struct str key) {
  struct http_request request = {.key_count = 1, .key = key};
  const struct idempotency *once;
  bool good = idempotency_read(&request, STR("POST /a"), STR(""), &once);
  assert_string_equal(request.answer, good ? "" : "400 idempotency_key_invalid");
  assert_true(good == (once != NULL));
  return good;
}

static void printable_ascii_is_valid(void **state) {
  char key[IDEMPOTENCY_KEY_LIMIT + 1];
  memset(key, 'k', sizeof(key));
  assert_true(is_good(STR("k")));
  assert_true(is_good(STR("5f0c7a0e-2f3b-4f0e-9a55-0d6f6f1f6d2b")));
  assert_true(is_good(STR("a b \"c\" ~!")));
  assert_true(is_good((struct str){key, IDEMPOTENCY_KEY_LIMIT}));
}

static void anything_else_is_not(void **state) {
  char key[IDEMPOTENCY_KEY_LIMIT + 1];
  memset(key, 'k', sizeof(key));
  assert_false(is_good(STR("")));
  assert_false(is_good((struct str){key, sizeof(key)}));
  assert_false(is_good(STR("tab\there")));
  assert_false(is_good(STR("nul\0here")));
  assert_false(is_good(STR("\x7f")));
  assert_false(is_good(STR("\x80")));
  assert_false(is_good(STR("Zo\u00eb")));
}

static void a_request_has_one_key_or_none(void **state) {
  struct http_request request = {.key = STR("key")};
  const struct idempotency *once;
  assert_true(idempotency_read(&request, STR("POST /a"), STR(""), &once));
  assert_null(once);
  request.key_count = 2;
  assert_false(idempotency_read(&request, STR("POST /a"), STR(""), &once));
  assert_null(once);
  assert_string_equal(request.answer, "400 idempotency_key_invalid");
}

struct parts {
  struct str route, parameter, body;
};

static void hash(const struct parts *parts, unsigned char hash[IDEMPOTENCY_HASH_SIZE]) {
  struct http_request request = {.key_count = 1, .key = STR("key"), .body = parts->body};
  const struct idempotency *once;
  assert_true(idempotency_read(&request, parts->route, parts->parameter, &once));
  struct str text = idempotency_hash_str(once);
  assert_int_equal(text.length, IDEMPOTENCY_HASH_SIZE);
  memcpy(hash, text.data, text.length);
}

static void every_part_counts_in_the_hash(void **state) {
  const struct parts PARTS[] = {
      {STR("POST /a"), STR(""), STR("{}")},  {STR("POST /b"), STR(""), STR("{}")},
      {STR("POST /a"), STR("1"), STR("{}")}, {STR("POST /a"), STR("1{"), STR("}")},
      {STR("POST /a"), STR(""), STR("{} ")}, {STR("POST /a1"), STR(""), STR("{}")},
      {STR("POST /"), STR("a"), STR("{}")},
  };
  enum { COUNT = sizeof(PARTS) / sizeof(PARTS[0]) };
  unsigned char hashes[COUNT][IDEMPOTENCY_HASH_SIZE], again[IDEMPOTENCY_HASH_SIZE];
  for (size_t i = 0; i < COUNT; i++) {
    hash(&PARTS[i], hashes[i]);
    hash(&PARTS[i], again);
    assert_memory_equal(hashes[i], again, sizeof(again));
    for (size_t j = 0; j < i; j++)
      assert_memory_not_equal(hashes[i], hashes[j], IDEMPOTENCY_HASH_SIZE);
  }
}

static void key_and_hash_are_the_last_parameters(void **state) {
  static const struct idempotency ONCE = {.key = {"key", 3}, .hash = {1, 2, 3}};
  struct pg_batch *batch = batch_new(NULL, NULL, NULL);
  pg_batch_add(batch, PG_ACTIVITIES_CREATE_ONCE);
  pg_batch_bind_text(batch, STR("sub"));
  pg_batch_bind_text(batch, STR("message"));
  pg_batch_bind_int(batch, 3600);
  idempotency_bind(batch, &ONCE);
  assert_true(batch_has_all_parameters(batch));
  assert_int_equal(batch->lock, PG_LOCK_UNKNOWN); /* the key's row */
  assert_memory_equal(batch->calls[0].values[3], "key", 3);
  assert_memory_equal(batch->calls[0].values[4], ONCE.hash, IDEMPOTENCY_HASH_SIZE);
  batch_free(batch);
}

/* A result whose one row, where it has one, says whether the key is another request's. */
static PGresult *result_with(bool row, bool reused) {
  enum { BOOL = 16 };
  PGresAttDesc column = {.name = (char *)"_reused", .typid = BOOL, .format = 1};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  assert_int_equal(PQsetResultAttrs(result, 1, &column), 1);
  if (row) assert_int_equal(PQsetvalue(result, 0, 0, (char *)"\1", reused ? 1 : -1), 1);
  return result;
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(printable_ascii_is_valid),
      cmocka_unit_test(anything_else_is_not),
      cmocka_unit_test(a_request_has_one_key_or_none),
      cmocka_unit_test(every_part_counts_in_the_hash),
      cmocka_unit_test(key_and_hash_are_the_last_parameters),
      cmocka_unit_test(a_key_of_another_request_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
