/* test_json_writer.c: JSON strings and numbers. */
#include "unit.h"

#include "lib/base/json_writer.h"

#include <limits.h>

static void plain_text_is_quoted(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  json_append_string(&buffer, STR(""));
  assert_buffer_equal(&buffer, "\"\"");
  json_append_string(&buffer, (struct str){NULL, 0});
  assert_buffer_equal(&buffer, "\"\"");
  json_append_string(&buffer, STR("Crud, né 😀 / <b>"));
  assert_buffer_equal(&buffer, "\"Crud, né 😀 / <b>\"");
  buffer_free(&buffer);
}

static void what_json_forbids_is_escaped(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  json_append_string(&buffer, STR("say \"hi\"\\"));
  assert_buffer_equal(&buffer, "\"say \\\"hi\\\"\\\\\"");
  json_append_string(&buffer, STR("a\nb\rc\td"));
  assert_buffer_equal(&buffer, "\"a\\nb\\rc\\td\"");
  json_append_string(&buffer, STR("\x01\x1F\x08\x0C"));
  assert_buffer_equal(&buffer, "\"\\u0001\\u001f\\u0008\\u000c\"");
  json_append_string(&buffer, STR("\0end"));
  assert_buffer_equal(&buffer, "\"\\u0000end\"");
  json_append_string(&buffer, STR("\x7F"));
  assert_buffer_equal(&buffer, "\"\x7F\"");
  buffer_free(&buffer);
}

static void numbers_to_both_ends(void **state) {
  static const struct {
    long long number;
    const char *text;
  } CASES[] = {{0, "0"},
               {-1, "-1"},
               {1234567890, "1234567890"},
               {LLONG_MAX, "9223372036854775807"},
               {LLONG_MIN, "-9223372036854775808"}};
  struct buffer buffer = BUFFER_EMPTY;
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    json_append_int(&buffer, CASES[i].number);
    assert_buffer_equal(&buffer, CASES[i].text);
  }
  buffer_free(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_text_is_quoted),
      cmocka_unit_test(what_json_forbids_is_escaped),
      cmocka_unit_test(numbers_to_both_ends),
  };
  return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
