/* fuzz_search_term.c: from a query to ILIKE patterns of a term: each pattern is whole, none holds
 * more than was typed, and there are as many as there are words. The input is the query. */
#include "fuzz.h"
#include "routes/search_term.h"

#include "lib/base/cleanup.h"
#include "lib/base/utf8.h"

/* Asserts that the pattern stands for a text between its two '%'; returns that text's length. */
static size_t check_pattern(struct str pattern) {
  size_t length = 0;
  assert(pattern.length >= 2 && pattern.data[0] == '%' && pattern.data[pattern.length - 1] == '%');
  for (size_t i = 1; i + 1 < pattern.length; i++, length++) {
    assert(pattern.data[i] != '%' && pattern.data[i] != '_');
    if (pattern.data[i] == '\\') i++;
    assert(i + 1 < pattern.length); /* the last '%' is not escaped */
  }
  return length;
}

static void check_term(struct str text) {
  struct search_term term;
  assert(search_term_read(text, &term));
  struct str rest = buffer_str(&term.all);
  size_t typed = 0;
  for (unsigned place = 0; rest.length > 0; place++) {
    struct str pattern = fuzz_cut(&rest, SEARCH_SEPARATOR);
    typed += check_pattern(pattern);
    assert(place < SEARCH_WORDS_MAX);
    if (place < SEARCH_PATTERNS) assert(str_equal(pattern, buffer_str(&term.words[place])));
  }
  assert(typed > 0 && typed <= text.length);
  if (term.handle.length > 0) assert(check_pattern(buffer_str(&term.handle)) <= text.length);
  search_term_free(&term);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  _cleanup_(buffer_free) struct buffer query = BUFFER_EMPTY, text = BUFFER_EMPTY;
  buffer_append_text(&query, "term=");
  buffer_append(&query, data, size);
  search_term_find(buffer_str(&query), &text);
  assert(text.length <= size);
  if (!search_term_fault(buffer_str(&text))) {
    assert(utf8_valid(buffer_str(&text)) && utf8_length(buffer_str(&text)) <= SEARCH_CHARS_MAX);
    check_term(buffer_str(&text));
  }
  return 0;
}
