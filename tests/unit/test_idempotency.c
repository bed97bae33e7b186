/* test_idempotency.c: the check of an Idempotency-Key and the hash of a request. */
#include "routes/idempotency.h"
#include "unit.h"

static void printable_ascii_is_valid(void **state) {
  char key[IDEMPOTENCY_KEY_LIMIT + 1];
  memset(key, 'k', sizeof(key));
  assert_true(idempotency_key_is_valid(STR("k")));
  assert_true(idempotency_key_is_valid(STR("5f0c7a0e-2f3b-4f0e-9a55-0d6f6f1f6d2b")));
  assert_true(idempotency_key_is_valid(STR("a b \"c\" ~!")));
  assert_true(idempotency_key_is_valid((struct str){key, IDEMPOTENCY_KEY_LIMIT}));
}

static void anything_else_is_not(void **state) {
  char key[IDEMPOTENCY_KEY_LIMIT + 1];
  memset(key, 'k', sizeof(key));
  assert_false(idempotency_key_is_valid(STR("")));
  assert_false(idempotency_key_is_valid((struct str){key, sizeof(key)}));
  assert_false(idempotency_key_is_valid(STR("tab\there")));
  assert_false(idempotency_key_is_valid(STR("nul\0here")));
  assert_false(idempotency_key_is_valid(STR("\x7f")));
  assert_false(idempotency_key_is_valid(STR("\x80")));
  assert_false(idempotency_key_is_valid(STR("Zo\u00eb")));
}

struct parts {
  struct str route, parameter, body;
};

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
    assert_true(idempotency_hash(PARTS[i].route, PARTS[i].parameter, PARTS[i].body, hashes[i]));
    assert_true(idempotency_hash(PARTS[i].route, PARTS[i].parameter, PARTS[i].body, again));
    assert_memory_equal(hashes[i], again, sizeof(again));
    for (size_t j = 0; j < i; j++)
      assert_memory_not_equal(hashes[i], hashes[j], IDEMPOTENCY_HASH_SIZE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(printable_ascii_is_valid),
      cmocka_unit_test(anything_else_is_not),
      cmocka_unit_test(every_part_counts_in_the_hash),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
