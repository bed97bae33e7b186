/* words.c: see words.h. */
#include "lib/migrate/file/words.h"

struct words words_of(struct str sql) {
  struct words words = {.sql = sql, .scanner = {.text = sql}};
  words_step(&words);
  return words;
}

void words_step(struct words *words) {
  words->token = scanner_next_code(&words->scanner);
}

bool words_is(const struct words *words, const char *word) {
  return scanner_is_word(words->sql, &words->token, word);
}

bool words_is_symbol(const struct words *words, char symbol) {
  return scanner_is_symbol(words->sql, &words->token, symbol);
}

bool words_are_over(const struct words *words) {
  return words->token.kind == TOKEN_END;
}

bool words_skip(struct words *words, const char *word) {
  if (!words_is(words, word)) return false;
  words_step(words);
  return true;
}

void words_skip_if_exists(struct words *words) {
  if (!words_skip(words, "if")) return;
  words_skip(words, "not");
  words_skip(words, "exists");
}

struct str words_read_name(struct words *words) {
  size_t start = words->token.offset, end = start;
  while (words->token.kind == TOKEN_WORD || words->token.kind == TOKEN_IDENTIFIER) {
    end = words->token.offset + words->token.length;
    words_step(words);
    if (!words_is_symbol(words, '.')) break;
    words_step(words);
  }
  return (struct str){words->sql.data + start, end - start};
}

bool words_contain(struct str sql, const char *word) {
  for (struct words words = words_of(sql); !words_are_over(&words); words_step(&words))
    if (words_is(&words, word)) return true;
  return false;
}
