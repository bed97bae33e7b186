/* test_utf8.c: UTF-8: what is well-formed, how long it is, what counts as blank. */
#include "unit.h"

#include "lib/base/utf8.h"

static void accepts_the_edges_of_each_length(void **state) {
  static const char *const WELL_FORMED[] = {
      "",
      "plain",
      "\x7F",
      "\xC2\x80",         /* U+0080 */
      "\xDF\xBF",         /* U+07FF */
      "\xE0\xA0\x80",     /* U+0800 */
      "\xED\x9F\xBF",     /* U+D7FF, the last before the surrogates */
      "\xEE\x80\x80",     /* U+E000, the first behind them */
      "\xEF\xBF\xBF",     /* U+FFFF */
      "\xF0\x90\x80\x80", /* U+10000 */
      "\xF4\x8F\xBF\xBF", /* U+10FFFF */
  };
  for (size_t i = 0; i < sizeof(WELL_FORMED) / sizeof(WELL_FORMED[0]); i++)
    assert_true(utf8_valid(str_from(WELL_FORMED[i])));
  assert_true(utf8_valid((struct str){NULL, 0}));
  assert_true(utf8_valid(STR("a\0b")));
}

static void refuses_what_rfc_3629_forbids(void **state) {
  static const char *const ILL_FORMED[] = {
      "\x80",             /* a continuation byte alone */
      "\xBF",             /* likewise */
      "\xC0\x80",         /* overlong NUL */
      "\xC1\xBF",         /* overlong U+007F */
      "\xE0\x9F\xBF",     /* overlong U+07FF */
      "\xF0\x8F\xBF\xBF", /* overlong U+FFFF */
      "\xED\xA0\x80",     /* U+D800 */
      "\xED\xBF\xBF",     /* U+DFFF */
      "\xF4\x90\x80\x80", /* U+110000 */
      "\xF5\x80\x80\x80", /* beyond any code point */
      "\xFF",             /* never a byte of UTF-8 */
      "\xC3",             /* cut short */
      "\xE2\x82",         /* cut short */
      "\xF0\x9F\x98",     /* cut short */
      "\xC3(",            /* no continuation */
      "\xE2\x82(",        /* likewise */
      "fine until \xFE",
  };
  for (size_t i = 0; i < sizeof(ILL_FORMED) / sizeof(ILL_FORMED[0]); i++)
    assert_false(utf8_valid(str_from(ILL_FORMED[i])));
}

static void reads_no_byte_past_the_end(void **state) {
  char bytes[] = "\xF0\x9F\x98\x80";
  for (size_t length = 1; length < 4; length++) {
    char *exact = malloc(length); /* a sanitizer sees a read beyond it */
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    assert_false(utf8_valid((struct str){exact, length}));
    free(exact);
  }
}

static void length_counts_code_points(void **state) {
  assert_int_equal(utf8_length(STR("")), 0);
  assert_int_equal(utf8_length(STR("abc")), 3);
  assert_int_equal(utf8_length(STR("é")), 1);
  assert_int_equal(utf8_length(STR("e\xCC\x81")), 2); /* e and a combining accent */
  assert_int_equal(utf8_length(STR("€uro")), 4);
  assert_int_equal(utf8_length(STR("😀😀")), 2);
  assert_int_equal(utf8_length(STR("👨‍👩‍👧")),
                   5); /* a family: three people, two joiners */
}

static void blank_is_any_unicode_white_space(void **state) {
  static const char *const BLANK[] = {
      "",
      " ",
      " \t\r\n\v\f",
      "\xC2\x85",     /* next line */
      "\xC2\xA0",     /* no-break space */
      "\xE1\x9A\x80", /* ogham space mark */
      "\xE2\x80\x80", /* en quad */
      "\xE2\x80\x8A", /* hair space */
      "\xE2\x80\xA8", /* line separator */
      "\xE2\x80\xA9", /* paragraph separator */
      "\xE2\x80\xAF", /* narrow no-break space */
      "\xE2\x81\x9F", /* medium mathematical space */
      "\xE3\x80\x80", /* ideographic space */
      " \xC2\xA0 \xE3\x80\x80 ",
  };
  for (size_t i = 0; i < sizeof(BLANK) / sizeof(BLANK[0]); i++)
    assert_true(utf8_is_blank(str_from(BLANK[i])));
}

static void anything_else_is_not_blank(void **state) {
  static const char *const VISIBLE[] = {
      "a",
      "  a  ",
      "0",
      "\xE2\x80\x8B", /* zero width space: White_Space=no */
      "\xEF\xBB\xBF", /* byte order mark: White_Space=no */
      "\x1F",         /* a control that is no white space */
  };
  for (size_t i = 0; i < sizeof(VISIBLE) / sizeof(VISIBLE[0]); i++)
    assert_false(utf8_is_blank(str_from(VISIBLE[i])));
  assert_false(utf8_is_blank(STR("\0")));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_the_edges_of_each_length),
      cmocka_unit_test(refuses_what_rfc_3629_forbids),
      cmocka_unit_test(reads_no_byte_past_the_end),
      cmocka_unit_test(length_counts_code_points),
      cmocka_unit_test(blank_is_any_unicode_white_space),
      cmocka_unit_test(anything_else_is_not_blank),
  };
  return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
