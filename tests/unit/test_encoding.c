/* test_encoding.c: hexadecimal, base64url, percent-encoding. */
#include "unit.h"

#include "lib/base/encoding.h"

static void hex_digits(void **state) {
  assert_int_equal(encoding_hex_value('0'), 0);
  assert_int_equal(encoding_hex_value('9'), 9);
  assert_int_equal(encoding_hex_value('a'), 10);
  assert_int_equal(encoding_hex_value('F'), 15);
  static const char OTHERS[] = {'/', ':', '@', 'G', '`', 'g', ' ', '\0', '\xFF'};
  for (size_t i = 0; i < sizeof(OTHERS); i++)
    assert_int_equal(encoding_hex_value(OTHERS[i]), -1);
}

static void hex_is_lower_case(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  encoding_hex_append(&buffer, "\x00\x0F\xF0\xAB", 4);
  assert_buffer_equal(&buffer, "000ff0ab");
  buffer_free(&buffer);
}

/* RFC 4648, section 10, without the padding. */
static const struct {
  const char *plain, *encoded;
} VECTORS[] = {
    {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
    {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xFB\xEF\xFF", "--__"}};

static void base64url_both_ways(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
    encoding_base64url_append(&buffer, VECTORS[i].plain, strlen(VECTORS[i].plain));
    assert_buffer_equal(&buffer, VECTORS[i].encoded);
    char bytes[16];
    size_t length = 99;
    assert_true(
        encoding_base64url_decode(str_from(VECTORS[i].encoded), bytes, sizeof(bytes), &length));
    assert_str_equal(((struct str){bytes, length}), VECTORS[i].plain);
  }
  buffer_free(&buffer);
}

static void base64url_refuses_everything_else(void **state) {
  static const char *const BAD[] = {
      "Zg==",  /* padding */
      "Z",     /* six bits are no byte */
      "Zm9vY", /* likewise at the end */
      "Zh",    /* left-over bits that are not zero */
      "Zm9",   /* likewise */
      "Zm8+",  /* the other alphabet */
      "Zm8/",  /* likewise */
      "Zm 9v", "Zm9v\n", "Zm9v\x80",
  };
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    char bytes[16];
    size_t length = 99;
    assert_false(encoding_base64url_decode(str_from(BAD[i]), bytes, sizeof(bytes), &length));
    assert_int_equal(length, 99);
  }
}

static void base64url_keeps_to_the_capacity(void **state) {
  char bytes[4] = {0, 0, 0, '!'};
  size_t length = 0;
  assert_false(encoding_base64url_decode(STR("Zm9vYg"), bytes, 3, &length));
  assert_int_equal(bytes[3], '!');
  assert_true(encoding_base64url_decode(STR("Zm9v"), bytes, 3, &length));
  assert_int_equal(length, 3);
}

static void assert_decoded(struct str text, bool plus_is_space, const char *expected) {
  char output[64];
  size_t length = 0;
  assert_true(encoding_percent_decode(text, plus_is_space, output, &length));
  assert_str_equal(((struct str){output, length}), expected);
}

static void percent_decodes_once(void **state) {
  assert_decoded(STR("andrewbrown"), false, "andrewbrown");
  assert_decoded(STR("%61ndrew%42rown"), false, "andrewBrown");
  assert_decoded(STR("%2540"), false, "%40");
  assert_decoded(STR("%C3%a9"), false, "é");
  assert_decoded(STR("a+b%2Bc"), true, "a b+c");
  assert_decoded(STR("a+b"), false, "a+b");
  assert_decoded(STR("%2F%2e%2E"), false, "/..");
  assert_decoded(STR(""), true, "");
}

static void percent_decode_refuses_tricks(void **state) {
  static const char *const BAD[] = {"%",         "%4",  "x%",    "x%4",  "%zz", "%4z",
                                    "%z4",       "%00", "a%00b", "%%41", "%C3", "%c0%80",
                                    "%ED%A0%80", "%ff", "\x80",  "%-1",  "%+1"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    char output[64];
    size_t length = 99;
    assert_false(encoding_percent_decode(str_from(BAD[i]), false, output, &length));
    assert_int_equal(length, 99);
  }
}

static void percent_decodes_in_place_without_reading_on(void **state) {
  char text[] = {'%', '4', '1', '%', '4', '2', '%', '4'};
  size_t length = 0;
  assert_false(encoding_percent_decode((struct str){text, sizeof(text)}, false, text, &length));
  memcpy(text, "%41%42xy", sizeof(text));
  assert_true(encoding_percent_decode((struct str){text, sizeof(text)}, false, text, &length));
  assert_str_equal(((struct str){text, length}), "ABxy");
}

static void percent_encodes_all_but_the_unreserved(void **state) {
  struct buffer buffer = BUFFER_EMPTY;
  encoding_percent_append(&buffer, STR("AZaz09-._~"));
  assert_buffer_equal(&buffer, "AZaz09-._~");
  encoding_percent_append(&buffer, STR("a b/c?d&é+%"));
  assert_buffer_equal(&buffer, "a%20b%2Fc%3Fd%26%C3%A9%2B%25");
  encoding_percent_append(&buffer, STR("\0"));
  assert_buffer_equal(&buffer, "%00");
  buffer_free(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hex_digits),
      cmocka_unit_test(hex_is_lower_case),
      cmocka_unit_test(base64url_both_ways),
      cmocka_unit_test(base64url_refuses_everything_else),
      cmocka_unit_test(base64url_keeps_to_the_capacity),
      cmocka_unit_test(percent_decodes_once),
      cmocka_unit_test(percent_decode_refuses_tricks),
      cmocka_unit_test(percent_decodes_in_place_without_reading_on),
      cmocka_unit_test(percent_encodes_all_but_the_unreserved),
  };
  return cmocka_run_group_tests_name("encoding", tests, NULL, NULL);
}
