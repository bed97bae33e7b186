/* test_search_term.c: from what a person typed to ILIKE patterns. */
#include "routes/search_term.h"
#include "unit.h"

#include <stdio.h>

/* The patterns of a term: the words, then what is past the fourth, then the handle's; between them
 * '|'. */
static const char *patterns(const char *text, bool *ret_has_trigram) {
  static char joined[512];
  struct search_term term;
  struct buffer all = BUFFER_EMPTY;
  assert_true(search_term_read(str_from(text), &term));
  for (unsigned i = 0; i < SEARCH_PATTERNS; i++) {
    buffer_append_str(&all, buffer_str(&term.words[i]));
    buffer_append_char(&all, '|');
  }
  buffer_append_str(&all, buffer_str(&term.more));
  buffer_append_char(&all, '|');
  buffer_append_str(&all, buffer_str(&term.handle));
  snprintf(joined, sizeof(joined), "%s", buffer_text(&all));
  *ret_has_trigram = term.has_trigram;
  buffer_free(&all);
  search_term_free(&term);
  return joined;
}

static void each_word_is_a_pattern(void **state) {
  bool has_trigram;
  assert_string_equal(patterns("cloud", &has_trigram), "%cloud%|%|%|%||%cloud%");
  assert_string_equal(patterns("  hello \t big  world ", &has_trigram),
                      "%hello%|%big%|%world%|%||%hello \t big  world%");
}

static void words_past_the_fourth_share_a_pattern(void **state) {
  bool has_trigram;
  assert_string_equal(patterns("a b c d e f", &has_trigram),
                      "%a%|%b%|%c%|%d%|%e%\001%f%|%a b c d e f%");
}

static void signs_of_like_are_escaped(void **state) {
  bool has_trigram;
  assert_string_equal(patterns("100%_\\", &has_trigram), "%100\\%\\_\\\\%|%|%|%||%100\\%\\_\\\\%");
}

static void an_at_sign_belongs_to_no_handle(void **state) {
  bool has_trigram;
  assert_string_equal(patterns(" @andrew ", &has_trigram), "%@andrew%|%|%|%||%andrew%");
  assert_string_equal(patterns("@", &has_trigram), "%@%|%|%|%||");
}

static void a_trigram_is_three_letters_or_digits_in_a_row(void **state) {
  static const struct {
    const char *text;
    bool has_trigram;
  } CASES[] = {
      {"ab", false},    {"abc", true},           {"a1b", true},
      {"ab-cd", false}, {"ab cd", false},        {"x abc", true},
      {"a b c", false}, {"\u00e9\u00e9", false}, {"\u00e9\u00e9\u00e9", true},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    bool has_trigram;
    patterns(CASES[i].text, &has_trigram);
    assert_int_equal(has_trigram, CASES[i].has_trigram);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_word_is_a_pattern),
      cmocka_unit_test(words_past_the_fourth_share_a_pattern),
      cmocka_unit_test(signs_of_like_are_escaped),
      cmocka_unit_test(an_at_sign_belongs_to_no_handle),
      cmocka_unit_test(a_trigram_is_three_letters_or_digits_in_a_row),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
