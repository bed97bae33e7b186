/* fuzz_search_term.c: from what a person typed to ILIKE patterns: each is whole, and undoing the
 * escapes gives back what was typed. */
#include "fuzz.h"
#include "routes/search_term.h"

/* What the pattern stands for, between its two '%'. */
static void append_meant(struct buffer *meant, struct str pattern) {
  assert(pattern.length >= 2 && pattern.data[0] == '%' && pattern.data[pattern.length - 1] == '%');
  for (size_t i = 1; i + 1 < pattern.length; i++) {
    char byte = pattern.data[i];
    assert(byte != '%' && byte != '_');
    if (byte == '\\') byte = pattern.data[++i];
    assert(i + 1 < pattern.length); /* the last '%' is not escaped */
    buffer_append_char(meant, byte);
  }
}

static void append_words(struct buffer *words, struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (!strchr(" \t\n\v\f\r", text.data[i]) || text.data[i] == '\0')
      buffer_append_char(words, text.data[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size);
  struct search_term term;
  struct buffer meant = BUFFER_EMPTY, words = BUFFER_EMPTY;
  assert(search_term_read(text, &term));
  bool ended = false;
  for (unsigned i = 0; i < SEARCH_PATTERNS; i++) {
    ended = str_equal(buffer_str(&term.words[i]), STR("%"));
    if (!ended) append_meant(&meant, buffer_str(&term.words[i]));
  }
  assert(!ended || term.more.length == 0);
  struct str rest = buffer_str(&term.more);
  if (rest.length == 0 && !memchr(text.data, SEARCH_SEPARATOR, text.length)) {
    append_words(&words, text);
    assert(str_equal(buffer_str(&meant), buffer_str(&words)));
  }
  if (!memchr(text.data, SEARCH_SEPARATOR, text.length))
    while (rest.length > 0)
      append_meant(&meant, fuzz_cut(&rest, SEARCH_SEPARATOR));
  if (term.handle.length > 0) append_meant(&meant, buffer_str(&term.handle));
  search_term_free(&term);
  buffer_free(&meant);
  buffer_free(&words);
  return 0;
}
