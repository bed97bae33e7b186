/* search_term.h: from what a person typed to ILIKE patterns.
 *
 * Only words with three letters or digits in a row reach the index of trigrams, and what a letter
 * is depends on the database, so db/sql/activities/search.sql decides that. Here words are put in
 * order: those with the longest such rows come first, since the statement takes the first ones to
 * the index. */
#pragma once

#include "lib/base/buffer.h"

enum {
  SEARCH_CHARS_MAX = 280, /* code points of a term */
  SEARCH_WORDS_MAX = 16,
  SEARCH_PATTERNS = 4,
  SEARCH_SEPARATOR = 1, /* a control character: it ends a word, so no word holds it */
};

struct search_term {
  struct buffer words[SEARCH_PATTERNS]; /* the first ones' patterns, '%' where there is none */
  struct buffer all;    /* the patterns of all words, with separators between them */
  struct buffer handle; /* the whole term without a leading '@'; empty when that is nothing */
};

/* Appends the value of the first `term` of a query to `text`: '+' is a blank, and a '%' that begins
 * no escape is itself. Nothing is appended where there is none. */
void search_term_find(struct str raw_query, struct buffer *text);

/* The code of the rule that the term breaks: search_term_invalid (no UTF-8, or with a NUL in it),
 * search_term_blank, search_term_exceed_max_chars (or too many words). NULL: it is good. */
const char *search_term_fault(struct str text);

/* Makes the patterns of a good term, with LIKE's own signs escaped. Words end at white space and at
 * control characters. False when memory is out. */
bool search_term_read(struct str text, struct search_term *ret_term);
void search_term_free(struct search_term *term);
