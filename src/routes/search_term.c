/* search_term.c: splits what a person typed into words and makes ILIKE patterns of them. */
#include "routes/search_term.h"

#include <ctype.h>

enum { TRIGRAM = 3 };

static void append_escaped(struct buffer *pattern, struct str text) {
  for (size_t i = 0; i < text.length; i++) {
    if (strchr("\\%_", text.data[i])) buffer_append_char(pattern, '\\');
    buffer_append_char(pattern, text.data[i]);
  }
}

/* Bytes of other scripts count as letters, as in pg_trgm. */
static bool has_trigram(struct str word) {
  size_t run = 0;
  for (size_t i = 0; i < word.length; i++) {
    unsigned char byte = (unsigned char)word.data[i];
    bool continues_character = (byte & 0xC0) == 0x80;
    bool letter = byte >= 0x80 || isalnum(byte);
    run = letter ? run + !continues_character : 0;
    if (run >= TRIGRAM) return true;
  }
  return false;
}

static bool next_word(struct str *rest, struct str *ret_word) {
  while (rest->length > 0 && isspace((unsigned char)rest->data[0])) {
    rest->data++;
    rest->length--;
  }
  size_t length = 0;
  while (length < rest->length && !isspace((unsigned char)rest->data[length]))
    length++;
  *ret_word = (struct str){rest->data, length};
  rest->data += length;
  rest->length -= length;
  return length > 0;
}

static struct str trim(struct str text) {
  while (text.length > 0 && isspace((unsigned char)text.data[text.length - 1]))
    text.length--;
  while (text.length > 0 && isspace((unsigned char)text.data[0])) {
    text.data++;
    text.length--;
  }
  return text;
}

bool search_term_read(struct str text, struct search_term *ret_term) {
  struct search_term term = {0};
  struct str rest = text, word;
  for (unsigned place = 0; next_word(&rest, &word); place++) {
    struct buffer *pattern = place < SEARCH_PATTERNS ? &term.words[place] : &term.more;
    if (pattern->length > 0) buffer_append_char(pattern, SEARCH_SEPARATOR);
    buffer_append_char(pattern, '%');
    append_escaped(pattern, word);
    buffer_append_char(pattern, '%');
    term.has_trigram = term.has_trigram || has_trigram(word);
  }
  bool failed = false;
  for (unsigned i = 0; i < SEARCH_PATTERNS; i++) {
    if (term.words[i].length == 0) buffer_append_char(&term.words[i], '%');
    failed = failed || term.words[i].failed;
  }
  struct str handle = trim(text);
  if (handle.length > 0 && handle.data[0] == '@') {
    handle.data++;
    handle.length--;
  }
  if (handle.length > 0) {
    buffer_append_char(&term.handle, '%');
    append_escaped(&term.handle, handle);
    buffer_append_char(&term.handle, '%');
  }
  *ret_term = term;
  if (failed || term.more.failed || term.handle.failed) {
    search_term_free(ret_term);
    return false;
  }
  return true;
}

void search_term_free(struct search_term *term) {
  for (unsigned i = 0; i < SEARCH_PATTERNS; i++)
    buffer_free(&term->words[i]);
  buffer_free(&term->more);
  buffer_free(&term->handle);
}
