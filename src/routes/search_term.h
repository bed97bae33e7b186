/* search_term.h: from what a person typed to ILIKE patterns. */
#pragma once

#include "lib/base/buffer.h"

enum {
  SEARCH_PATTERNS = 4,
  SEARCH_SEPARATOR = 1, /* a character that nobody types */
};

struct search_term {
  struct buffer words[SEARCH_PATTERNS]; /* one pattern a word, '%' where there is none */
  struct buffer more;   /* patterns of further words, with separators between them */
  struct buffer handle; /* the whole term without a leading '@' */
  bool has_trigram; /* a word has three letters or digits in a row, so that an index can find it */
};

/* Splits the term at white space; words from the fourth on share a pattern, in their order. LIKE's
 * own signs are escaped. False when memory is out. */
bool search_term_read(struct str text, struct search_term *ret_term);
void search_term_free(struct search_term *term);
