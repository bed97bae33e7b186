/* test_json_writer.c: JSON strings and numbers. */
#include "unit.h"

#include "lib/base/json_writer.h"

#include <limits.h>

static void plain_text_is_quoted(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  json_writer_string(&buffer, STR(""));
  assert_buffer_equal(&buffer, "\"\"");
  json_writer_string(&buffer, (struct str){NULL, 0});
  assert_buffer_equal(&buffer, "\"\"");
  json_writer_string(&buffer, STR("Crud, né 😀 / <b>"));
  assert_buffer_equal(&buffer, "\"Crud, né 😀 / <b>\"");
  buffer_free(&buffer);
}

static void what_json_forbids_is_escaped(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  json_writer_string(&buffer, STR("say \"hi\"\\"));
  assert_buffer_equal(&buffer, "\"say \\\"hi\\\"\\\\\"");
  json_writer_string(&buffer, STR("a\nb\rc\td"));
  assert_buffer_equal(&buffer, "\"a\\nb\\rc\\td\"");
  json_writer_string(&buffer, STR("\x01\x1F\x08\x0C"));
  assert_buffer_equal(&buffer, "\"\\u0001\\u001f\\u0008\\u000c\"");
  json_writer_string(&buffer, STR("\0end"));
  assert_buffer_equal(&buffer, "\"\\u0000end\"");
  json_writer_string(&buffer, STR("\x7F"));
  assert_buffer_equal(&buffer, "\"\x7F\"");
  buffer_free(&buffer);
}

/* The plainest writer that can be: a byte at a time. */
static void append_slowly(struct buffer *buffer, const unsigned char *bytes, size_t length) {
  buffer_append_char(buffer, '"');
  for (size_t i = 0; i < length; i++) {
    static const char SPECIAL[] = "\"\\\n\r\t", LETTERS[] = "\"\\nrt";
    const char *special = bytes[i] ? strchr(SPECIAL, bytes[i]) : NULL;
    if (special)
      buffer_append_format(buffer, "\\%c", LETTERS[special - SPECIAL]);
    else if (bytes[i] < 0x20)
      buffer_append_format(buffer, "\\u%04x", bytes[i]);
    else
      buffer_append_char(buffer, (char)bytes[i]);
  }
  buffer_append_char(buffer, '"');
}

/* The bytes lie in a block of exactly their length, so that the address sanitizer sees what is read
 * beyond it, and come after others in a buffer, so that they lie at every alignment. */
static void assert_as_the_slow_writer(const unsigned char *bytes, size_t length) {
  unsigned char *exact = malloc(length ? length : 1);
  assert_non_null(exact);
  memcpy(exact, bytes, length);
  struct buffer slow = BUFFER_EMPTY, fast = BUFFER_EMPTY;
  append_slowly(&slow, exact, length);
  buffer_append(&fast, bytes, length % 9);
  json_writer_string(&fast, (struct str){(const char *)exact, length});
  assert_int_equal(fast.length, length % 9 + slow.length);
  assert_memory_equal(fast.data + length % 9, slow.data, slow.length);
  buffer_free(&slow);
  buffer_free(&fast);
  free(exact);
}

static uint32_t random_number(uint32_t *seed) {
  *seed = *seed * 1664525 + 1013904223;
  return *seed >> 8;
}

/* Mostly plain bytes, so that words without an escape come before those with one. */
static void random_bytes_are_written_as_by_a_slow_writer(void **state) {
  static const unsigned char EDGES[] = {0,    1,    0x1F, 0x20, 0x21, '"',  0x23, 0x5B, '\\',
                                        0x5D, 0x7F, 0x80, 0x9F, 0xA0, 0xA2, 0xDC, 0xFF};
  uint32_t seed = 1;
  for (int round = 0; round < 50000; round++) {
    unsigned char bytes[64];
    size_t length = random_number(&seed) % (sizeof(bytes) + 1);
    unsigned odd = random_number(&seed) % 64; /* of 64 bytes, so many are not plain */
    for (size_t i = 0; i < length; i++) {
      if (random_number(&seed) % 64 >= odd)
        bytes[i] = (unsigned char)('a' + random_number(&seed) % 26);
      else if (random_number(&seed) % 2)
        bytes[i] = EDGES[random_number(&seed) % sizeof(EDGES)];
      else
        bytes[i] = (unsigned char)random_number(&seed);
    }
    assert_as_the_slow_writer(bytes, length);
  }
}

static void each_byte_at_each_place_is_written_as_by_a_slow_writer(void **state) {
  for (size_t length = 1; length <= 20; length++) {
    for (size_t place = 0; place < length; place++) {
      for (unsigned byte = 0; byte < 256; byte++) {
        unsigned char bytes[20];
        memset(bytes, 'a', sizeof(bytes));
        bytes[place] = (unsigned char)byte;
        assert_as_the_slow_writer(bytes, length);
      }
    }
  }
}

static void numbers_to_both_ends(void **state) {
  static const struct {
    long long number;
    const char *text;
  } CASES[] = {{0, "0"},
               {-1, "-1"},
               {9, "9"},
               {10, "10"},
               {1234567890, "1234567890"},
               {LLONG_MAX, "9223372036854775807"},
               {LLONG_MIN, "-9223372036854775808"}};
  struct buffer buffer = BUFFER_EMPTY;
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    json_writer_int(&buffer, CASES[i].number);
    assert_buffer_equal(&buffer, CASES[i].text);
  }
  buffer_free(&buffer);
}

static void members_have_commas_between_them(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  buffer_append_text(&buffer, "{\"inner\":{");
  json_writer_append_member(&buffer, "first", STR("say \"no\""));
  json_writer_append_member(&buffer, "second", STR("{"));
  buffer_append_char(&buffer, '}');
  json_writer_append_member(&buffer, "third", STR(""));
  json_writer_append_member(&buffer, "fourth", (struct str){0});
  assert_buffer_equal(&buffer, "{\"inner\":{\"first\":\"say \\\"no\\\"\",\"second\":\"{\"}"
                               ",\"third\":\"\",\"fourth\":null");
  buffer_free(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_text_is_quoted),
      cmocka_unit_test(what_json_forbids_is_escaped),
      cmocka_unit_test(random_bytes_are_written_as_by_a_slow_writer),
      cmocka_unit_test(each_byte_at_each_place_is_written_as_by_a_slow_writer),
      cmocka_unit_test(numbers_to_both_ends),
      cmocka_unit_test(members_have_commas_between_them),
  };
  return cmocka_run_group_tests_name("json_writer", tests, NULL, NULL);
}
