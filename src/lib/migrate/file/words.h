/* words.h: reads a statement token by token, comments left out. Private to the room. */
#pragma once

#include "lib/migrate/file/scanner.h"

struct words {
  struct str sql;
  struct scanner scanner;
  struct token token; /* the one that is looked at */
};

/* Looks at the first token of `sql`, which must outlive the words. */
struct words words_of(struct str sql);

/* Goes on to the next token. */
void words_step(struct words *words);

/* The token is that word, in any case; that symbol; the end. */
bool words_is(const struct words *words, const char *word);
bool words_is_symbol(const struct words *words, char symbol);
bool words_are_over(const struct words *words);

/* Goes on behind the token when it is that word; false when it is not. */
bool words_skip(struct words *words, const char *word);

/* Goes on behind IF EXISTS or IF NOT EXISTS. */
void words_skip_if_exists(struct words *words);

/* A name, with its schema or without, as it is written, and goes on behind it. Empty when there is
 * none. */
struct str words_read_name(struct words *words);

/* Whether `word` stands somewhere in `sql`, outside of quotes. */
bool words_contain(struct str sql, const char *word);
