/* test_search_term.c: from a query to what a person typed, and from that to ILIKE patterns. */
#include "routes/search_term.h"
#include "unit.h"

#include "lib/base/cleanup.h"

#include <stdio.h>

/* The patterns of a term: the first words, then all of them, then the handle's; between them '|'.
 */
static const char *patterns(const char *text) {
  static char joined[1024];
  struct search_term term;
  _cleanup_(buffer_free) struct buffer all = BUFFER_EMPTY;
  assert_null(search_term_fault(str_from(text)));
  assert_true(search_term_read(str_from(text), &term));
  for (unsigned i = 0; i < SEARCH_PATTERNS; i++) {
    buffer_append_str(&all, buffer_str(&term.words[i]));
    buffer_append_char(&all, '|');
  }
  buffer_append_str(&all, buffer_str(&term.all));
  buffer_append_char(&all, '|');
  buffer_append_str(&all, buffer_str(&term.handle));
  snprintf(joined, sizeof(joined), "%s", buffer_text(&all));
  search_term_free(&term);
  return joined;
}

static void each_word_is_a_pattern(void **state) {
  assert_string_equal(patterns("cloud"), "%cloud%|%|%|%|%cloud%|%cloud%");
  assert_string_equal(patterns("  hello \t big  world "),
                      "%hello%|%world%|%big%|%|%hello%\001%world%\001%big%|%hello \t big  world%");
}

static void words_end_at_any_white_space(void **state) {
  assert_string_equal(patterns("one\u3000two\u00a0six\u2003ten\001and"),
                      "%one%|%two%|%six%|%ten%|%one%\001%two%\001%six%\001%ten%\001%and%|"
                      "%one\u3000two\u00a0six\u2003ten\001and%");
}

static void words_with_the_longest_rows_of_letters_come_first(void **state) {
  assert_string_equal(patterns("a b c d zzqxw"),
                      "%zzqxw%|%a%|%b%|%c%|%zzqxw%\001%a%\001%b%\001%c%\001%d%|%a b c d zzqxw%");
  assert_string_equal(
      patterns("\u2014\u2014\u2014\u2014\u2014 go"),
      "%go%|%\u2014\u2014\u2014\u2014\u2014%|%|%|"
      "%go%\001%\u2014\u2014\u2014\u2014\u2014%|%\u2014\u2014\u2014\u2014\u2014 go%");
  assert_string_equal(
      patterns("a-b-c-d \u6771\u4eac"),
      "%\u6771\u4eac%|%a-b-c-d%|%|%|%\u6771\u4eac%\001%a-b-c-d%|%a-b-c-d \u6771\u4eac%");
}

static void signs_of_like_are_escaped(void **state) {
  assert_string_equal(patterns("100%_\\"), "%100\\%\\_\\\\%|%|%|%|%100\\%\\_\\\\%|%100\\%\\_\\\\%");
}

static void an_at_sign_belongs_to_no_handle(void **state) {
  assert_string_equal(patterns(" @andrew "), "%@andrew%|%|%|%|%@andrew%|%andrew%");
  assert_string_equal(patterns("@"), "%@%|%|%|%|%@%|");
}

static const char *fault_of(const char *text, size_t length) {
  const char *fault = search_term_fault((struct str){text, length});
  return fault ? fault : "";
}

/* `count` times `text`. */
static const char *fault_of_many(const char *text, unsigned count) {
  _cleanup_(buffer_free) struct buffer many = BUFFER_EMPTY;
  for (unsigned i = 0; i < count; i++)
    buffer_append_text(&many, text);
  return fault_of(many.data, many.length);
}

static void a_term_that_breaks_a_rule_is_refused(void **state) {
  assert_string_equal(fault_of("", 0), "search_term_blank");
  assert_string_equal(fault_of(" \u3000\t", 5), "search_term_blank");
  assert_string_equal(fault_of("\001", 1), "search_term_blank");
  assert_string_equal(fault_of("a\0b", 3), "search_term_invalid");
  assert_string_equal(fault_of("\0", 1), "search_term_invalid");
  assert_string_equal(fault_of("\xff", 1), "search_term_invalid");
  assert_string_equal(fault_of_many("\U0001f600", SEARCH_CHARS_MAX), "");
  assert_string_equal(fault_of_many("\U0001f600", SEARCH_CHARS_MAX + 1),
                      "search_term_exceed_max_chars");
  assert_string_equal(fault_of_many("c ", SEARCH_WORDS_MAX), "");
  assert_string_equal(fault_of_many("c ", SEARCH_WORDS_MAX + 1), "search_term_exceed_max_chars");
}

static void the_first_term_of_a_query_is_read(void **state) {
  static const struct {
    const char *query, *text;
  } CASES[] = {
      {"", ""},
      {"term", ""},
      {"limit=3&term=a+b%20c", "a b c"},
      {"term=one&term=two", "one"},
      {"te%72m=x", "x"},
      {"%74%65%72%6D=x", "x"},
      {"Term=x&terms=y&ter=z", ""},
      {"term=100%", "100%"},
      {"term=100%&limit=1", "100%"},
      {"term=%4", "%4"},
      {"term=%zz%41", "%zzA"},
      {"term=%%41", "%A"},
      {"term=%25%20", "% "},
      {"term=a=b", "a=b"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
    search_term_find(str_from(CASES[i].query), &text);
    assert_true(str_equal(buffer_str(&text), str_from(CASES[i].text)));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_word_is_a_pattern),
      cmocka_unit_test(words_end_at_any_white_space),
      cmocka_unit_test(words_with_the_longest_rows_of_letters_come_first),
      cmocka_unit_test(signs_of_like_are_escaped),
      cmocka_unit_test(an_at_sign_belongs_to_no_handle),
      cmocka_unit_test(a_term_that_breaks_a_rule_is_refused),
      cmocka_unit_test(the_first_term_of_a_query_is_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
