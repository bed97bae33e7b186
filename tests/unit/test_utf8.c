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

static void blank_is_what_shows_nothing(void **state) {
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
      "\x1F",             /* a control that is no white space */
      "\xC2\xAD",         /* soft hyphen */
      "\xCC\x81",         /* an accent without a letter */
      "\xCD\x8F",         /* combining grapheme joiner */
      "\xE0\xA4\xBE",     /* a vowel sign without a consonant: Mc */
      "\xE1\x85\x9F",     /* Hangul choseong filler */
      "\xE1\xA0\x8E",     /* Mongolian vowel separator */
      "\xE2\x80\x8B",     /* zero width space */
      "\xE2\x80\x8D",     /* zero width joiner */
      "\xE2\x80\xAE",     /* right-to-left override */
      "\xE2\x81\xA0",     /* word joiner */
      "\xE2\xA0\x80",     /* Braille pattern without dots */
      "\xE3\x85\xA4",     /* Hangul filler */
      "\xEF\xB8\x8F",     /* variation selector */
      "\xEF\xBB\xBF",     /* byte order mark */
      "\xEF\xBE\xA0",     /* half-width Hangul filler */
      "\xF3\xA0\x80\xA0", /* tag space */
      "\xF3\xA0\x84\x80", /* variation selector 17 */
      " \xCC\x81\xE2\x80\x8B\n",
  };
  for (size_t i = 0; i < sizeof(BLANK) / sizeof(BLANK[0]); i++)
    assert_true(utf8_is_blank(str_from(BLANK[i])));
  assert_true(utf8_is_blank(STR("\0")));
}

static void anything_else_is_not_blank(void **state) {
  static const char *const VISIBLE[] = {
      "a",
      "  a  ",
      "0",
      "e\xCC\x81",        /* an accent on its letter */
      "\xE2\x80\x8B.",    /* zero width space, and a point */
      "\xE2\xA0\x81",     /* Braille pattern with a dot */
      "\xE3\x85\xA3",     /* the Hangul letter before the filler */
      "\xEF\xBF\xBD",     /* replacement character */
      "\xEE\x80\x80",     /* private use */
      "\xF0\x9F\x98\x80", /* an emoji */
  };
  for (size_t i = 0; i < sizeof(VISIBLE) / sizeof(VISIBLE[0]); i++)
    assert_false(utf8_is_blank(str_from(VISIBLE[i])));
}

static void the_table_of_the_invisible_is_whole(void **state) {
  unsigned count = 0;
  for (uint32_t c = 0; c <= 0x10FFFF; c++)
    count += invisible_has(c);
  assert_int_equal(count, 6446); /* of Unicode 15.0 */
}

static void assert_one_line(const char *text, const char *expected) {
  char output[128];
  size_t length = utf8_to_one_line(str_from(text), output);
  assert_int_equal(length, strlen(expected));
  assert_memory_equal(output, expected, length);
}

static void a_name_is_one_line_that_turns_nothing_around(void **state) {
  assert_one_line("", "");
  assert_one_line("Zoë 😀", "Zoë 😀");
  assert_one_line("  Al \n ", "  Al   ");
  assert_one_line("a\tb\r\nc\x7F"
                  "d",
                  "a b  c d");
  assert_one_line("a\xC2\x85"
                  "b\xE2\x80\xA8"
                  "c\xE2\x80\xA9"
                  "d",
                  "a b c d"); /* other line ends */
  assert_one_line("\xE2\x80\xAA\xE2\x80\xAB\xE2\x80\xACx\xE2\x80\xAD\xE2\x80\xAE", "x");
  assert_one_line("\xE2\x81\xA6\xE2\x81\xA7\xE2\x81\xA8x\xE2\x81\xA9", "x");
  assert_one_line("\xE2\x80\x8Fx\xE2\x80\x8D", "\xE2\x80\x8Fx\xE2\x80\x8D"); /* marks stay */
}

static void the_valid_prefix_ends_before_the_first_bad_byte(void **state) {
  assert_int_equal(utf8_valid_prefix(STR("")), 0);
  assert_int_equal(utf8_valid_prefix(STR("a longer text with only ASCII")), 29);
  assert_int_equal(utf8_valid_prefix(STR("eight123\xFFxxxxxxxxxxx")), 8);
  assert_int_equal(utf8_valid_prefix(STR("n\xC3\xA9 \xE2\x82")), 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_the_edges_of_each_length),
      cmocka_unit_test(refuses_what_rfc_3629_forbids),
      cmocka_unit_test(reads_no_byte_past_the_end),
      cmocka_unit_test(length_counts_code_points),
      cmocka_unit_test(blank_is_what_shows_nothing),
      cmocka_unit_test(anything_else_is_not_blank),
      cmocka_unit_test(the_table_of_the_invisible_is_whole),
      cmocka_unit_test(a_name_is_one_line_that_turns_nothing_around),
      cmocka_unit_test(the_valid_prefix_ends_before_the_first_bad_byte),
  };
  return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
