/* scanner.h: Postgres's lexical rules: cuts SQL text into tokens and tokens into statements.
 *
 * It knows what a ';' can hide in: strings ('…', E'…', U&'…'), quoted identifiers, dollar quotes,
 * nested comments, parentheses, and the BEGIN ATOMIC … END body of an SQL function. Source:
 * PostgreSQL 15 manual, chapter 4.1 (lexical structure). Backslashes in plain strings are literal,
 * as with standard_conforming_strings = on, the default since 9.1. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
  TOKEN_END,
  TOKEN_WORD,       /* keyword, identifier or number, not quoted */
  TOKEN_IDENTIFIER, /* "…", quotes included */
  TOKEN_STRING,     /* '…', E'…', $tag$…$tag$ and the like, quotes included */
  TOKEN_SYMBOL,     /* one byte of anything else */
  TOKEN_COMMENT,    /* -- to the end of the line, or a block */
  TOKEN_BROKEN,     /* not closed before the end: `scanner.complaint` says what */
};

struct token {
  enum token_kind kind;
  size_t offset, length; /* in the scanned text */
};

struct scanner {
  struct str text;
  size_t offset;
  const char *complaint; /* about a TOKEN_BROKEN */
};

/* The next token, comments included. Spaces are skipped. */
struct token scanner_next(struct scanner *scanner);

/* The next token that is no comment. */
struct token scanner_next_code(struct scanner *scanner);

/* Follows tokens to the ends of statements. Zero-initialise before the first token of each. */
struct statement_tracker {
  size_t words;        /* seen so far */
  bool create_routine; /* it begins CREATE [OR REPLACE] FUNCTION or PROCEDURE */
  unsigned parentheses;
  unsigned blocks; /* BEGIN ATOMIC and CASE that wait for END */
};

/* Feeds one token that is no comment; true when it is the ';' that ends the statement. */
bool scanner_track_statement(struct statement_tracker *tracker, struct str text,
                             const struct token *token);

/* The text of a token. */
static inline struct str scanner_token_text(struct str text, const struct token *token) {
  return (struct str){text.data + token->offset, token->length};
}

/* True when the token is the word `word`, in any case. */
bool scanner_is_word(struct str text, const struct token *token, const char *word);

/* True when the token is the symbol `symbol`. */
bool scanner_is_symbol(struct str text, const struct token *token, char symbol);

/* Appends the tokens of `sql` without comments, one space between two, unquoted words in lower
 * case: what stays the same when only layout, comments or the case of keywords changed. */
void scanner_append_normalised(struct buffer *buffer, struct str sql);
