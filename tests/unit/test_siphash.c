/* test_siphash.c: SipHash-2-4 against the vectors of its reference implementation. */
#include "unit.h"

#include "lib/base/siphash.h"

/* Secret 00 01 … 0f, input 00 01 … of each length. */
static uint64_t hash_of(size_t length) {
  unsigned char secret[SIPHASH_SECRET_SIZE];
  char input[64];
  for (size_t i = 0; i < sizeof(secret); i++)
    secret[i] = (unsigned char)i;
  for (size_t i = 0; i < sizeof(input); i++)
    input[i] = (char)i;
  return siphash(secret, (struct str){input, length});
}

static void the_vectors(void **state) {
  assert_true(hash_of(0) == 0x726fdb47dd0e0e31);
  assert_true(hash_of(1) == 0x74f839c593dc67fd);
  assert_true(hash_of(7) == 0xab0200f58b01d137);
  assert_true(hash_of(8) == 0x93f5f5799a932462);
  assert_true(hash_of(15) == 0xa129ca6149be45e5);
  assert_true(hash_of(63) == 0x958a324ceb064572);
}

static void the_secret_matters(void **state) {
  unsigned char secret[SIPHASH_SECRET_SIZE] = {1};
  assert_true(siphash(secret, STR("")) != hash_of(0));
  assert_true(siphash(secret, STR("ab")) != siphash(secret, STR("ba")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_vectors),
      cmocka_unit_test(the_secret_matters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
