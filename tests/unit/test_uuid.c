/* test_uuid.c: UUIDs in and out. */
#include "unit.h"

#include "lib/base/uuid.h"

static void parses_either_case_and_writes_lower(void **state) {
  struct uuid uuid;
  assert_true(uuid_parse(STR("F81D4FAE-7dec-11D0-A765-00A0C91E6BF6"), &uuid));
  static const unsigned char EXPECTED[UUID_SIZE] = {0xF8, 0x1D, 0x4F, 0xAE, 0x7D, 0xEC, 0x11, 0xD0,
                                                    0xA7, 0x65, 0x00, 0xA0, 0xC9, 0x1E, 0x6B, 0xF6};
  assert_memory_equal(uuid.bytes, EXPECTED, UUID_SIZE);
  char text[UUID_TEXT_LENGTH + 1] = {0};
  text[UUID_TEXT_LENGTH] = '!';
  uuid_format(uuid.bytes, text);
  assert_memory_equal(text, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6!", sizeof(text));
}

static void refuses_every_other_form(void **state) {
  static const char *const BAD[] = {
      "",
      "f81d4fae",
      "f81d4fae7dec11d0a76500a0c91e6bf6",
      "f81d4fae-7dec-11d0-a765-00a0c91e6bf",
      "f81d4fae-7dec-11d0-a765-00a0c91e6bf6a",
      "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
      "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
      " f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
      "f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
      "f81d4fae-7dec-11d0-a765 00a0c91e6bf6",
      "f81d4fae7-dec-11d0-a765-00a0c91e6bf6",
      "f81d4fae-7dec-11d0-a765-00a0c91e6b--",
      "--------------------------------------",
  };
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct uuid uuid = {.bytes = {42}};
    assert_false(uuid_parse(str_from(BAD[i]), &uuid));
    assert_int_equal(uuid.bytes[0], 42);
  }
  struct uuid uuid;
  assert_false(uuid_parse(STR("f81d4fae-7dec-11d0-a765-00a0c91e6b\0f"), &uuid));
}

static void random_ones_are_version_4_and_differ(void **state) {
  struct uuid last = uuid_random();
  for (int i = 0; i < 1000; i++) {
    struct uuid uuid = uuid_random();
    assert_int_equal(uuid.bytes[6] >> 4, 4);
    assert_int_equal(uuid.bytes[8] >> 6, 2);
    assert_memory_not_equal(uuid.bytes, last.bytes, UUID_SIZE);
    last = uuid;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parses_either_case_and_writes_lower),
      cmocka_unit_test(refuses_every_other_form),
      cmocka_unit_test(random_ones_are_version_4_and_differ),
  };
  return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
