/* scanner.c: see scanner.h. */
#include "lib/migrate/file/scanner.h"

#include <assert.h>

static bool is_space(char byte) {
  return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool is_word_start(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
         (unsigned char)byte >= 0x80;
}

static bool is_digit(char byte) {
  return byte >= '0' && byte <= '9';
}

/* '$' may stand inside a word, so that a$b$c is a name and no dollar quote. */
static bool is_word_part(char byte) {
  return is_word_start(byte) || is_digit(byte) || byte == '$';
}

static char at(const struct scanner *scanner, size_t offset) {
  return offset < scanner->text.length ? scanner->text.data[offset] : '\0';
}

static struct token broken(struct scanner *scanner, size_t start, const char *complaint) {
  scanner->complaint = complaint;
  scanner->offset = scanner->text.length;
  return (struct token){TOKEN_BROKEN, start, scanner->text.length - start};
}

static struct token end_at(struct scanner *scanner, enum token_kind kind, size_t start,
                           size_t end) {
  assert(end > start && end <= scanner->text.length && "each token is a part of the text");
  scanner->offset = end;
  return (struct token){kind, start, end - start};
}

/* A carriage return ends it too, even alone: Postgres and psql go on with SQL there. */
static struct token line_comment(struct scanner *scanner, size_t start) {
  size_t end = start;
  while (end < scanner->text.length && at(scanner, end) != '\n' && at(scanner, end) != '\r')
    end++;
  return end_at(scanner, TOKEN_COMMENT, start, end);
}

static struct token block_comment(struct scanner *scanner, size_t start) {
  size_t depth = 0, i = start;
  while (i < scanner->text.length) {
    if (at(scanner, i) == '/' && at(scanner, i + 1) == '*') {
      depth++;
      i += 2;
    } else if (at(scanner, i) == '*' && at(scanner, i + 1) == '/') {
      i += 2;
      if (--depth == 0) return end_at(scanner, TOKEN_COMMENT, start, i);
    } else {
      i++;
    }
  }
  return broken(scanner, start, "this comment is not closed by '*/'");
}

/* `open` is the offset of the opening quote, `start` that of a prefix such as E. A doubled quote
 * stands for one. */
static struct token quoted(struct scanner *scanner, size_t start, size_t open, bool backslashes) {
  char quote = at(scanner, open);
  for (size_t i = open + 1; i < scanner->text.length; i++) {
    char byte = scanner->text.data[i];
    if (backslashes && byte == '\\') {
      i++;
    } else if (byte == quote) {
      if (at(scanner, i + 1) != quote)
        return end_at(scanner, quote == '"' ? TOKEN_IDENTIFIER : TOKEN_STRING, start, i + 1);
      i++;
    }
  }
  return broken(scanner, start,
                quote == '"' ? "this quoted name is not closed" : "this string is not closed");
}

/* The length of the delimiter $tag$ at `start`; 0 when no delimiter is there. */
static size_t dollar_delimiter(const struct scanner *scanner, size_t start) {
  size_t i = start + 1;
  if (is_word_start(at(scanner, i)))
    while (is_word_start(at(scanner, i)) || is_digit(at(scanner, i)))
      i++;
  return at(scanner, i) == '$' ? i + 1 - start : 0;
}

static struct token dollar_quoted(struct scanner *scanner, size_t start, size_t delimiter) {
  struct str text = scanner->text;
  const char *body = text.data + start + delimiter;
  size_t left = text.length - start - delimiter;
  const char *close = left ? memmem(body, left, text.data + start, delimiter) : NULL;
  if (!close) return broken(scanner, start, "this dollar quote is not closed");
  return end_at(scanner, TOKEN_STRING, start, (size_t)(close - text.data) + delimiter);
}

static struct token word(struct scanner *scanner, size_t start) {
  size_t end = start;
  while (end < scanner->text.length && is_word_part(scanner->text.data[end]))
    end++;
  size_t length = end - start;
  char first = (char)(at(scanner, start) | 0x20);
  if (at(scanner, end) == '\'' && length == 1) {
    if (first == 'e') return quoted(scanner, start, end, true);
    if (first == 'b' || first == 'x' || first == 'n') return quoted(scanner, start, end, false);
  }
  if (length == 1 && first == 'u' && at(scanner, end) == '&' &&
      (at(scanner, end + 1) == '\'' || at(scanner, end + 1) == '"'))
    return quoted(scanner, start, end + 1, false);
  return end_at(scanner, TOKEN_WORD, start, end);
}

struct token scanner_next(struct scanner *scanner) {
  while (is_space(at(scanner, scanner->offset)))
    scanner->offset++;
  size_t start = scanner->offset;
  if (start >= scanner->text.length) return (struct token){TOKEN_END, start, 0};
  char byte = at(scanner, start), next = at(scanner, start + 1);
  if (byte == '-' && next == '-') return line_comment(scanner, start);
  if (byte == '/' && next == '*') return block_comment(scanner, start);
  if (byte == '\'' || byte == '"') return quoted(scanner, start, start, false);
  if (is_word_part(byte) && byte != '$') return word(scanner, start);
  size_t delimiter = byte == '$' ? dollar_delimiter(scanner, start) : 0;
  if (delimiter) return dollar_quoted(scanner, start, delimiter);
  return end_at(scanner, TOKEN_SYMBOL, start, start + 1);
}

struct token scanner_next_code(struct scanner *scanner) {
  for (;;) {
    struct token token = scanner_next(scanner);
    if (token.kind != TOKEN_COMMENT) return token;
  }
}

bool scanner_is_word(struct str text, const struct token *token, const char *word) {
  return token->kind == TOKEN_WORD &&
         str_equal_ignore_case(scanner_token_text(text, token), str_from(word));
}

bool scanner_is_symbol(struct str text, const struct token *token, char symbol) {
  return token->kind == TOKEN_SYMBOL && text.data[token->offset] == symbol;
}

/* CREATE FUNCTION and CREATE OR REPLACE FUNCTION, or PROCEDURE, by their first four words. */
static void note_word(struct statement_tracker *tracker, struct str text,
                      const struct token *token) {
  size_t place = tracker->words++;
  if (place == 0) tracker->create_routine = scanner_is_word(text, token, "create");
  if (place == 0 || place > 3 || !tracker->create_routine) return;
  bool routine =
      scanner_is_word(text, token, "function") || scanner_is_word(text, token, "procedure");
  if (routine) {
    tracker->words = 4;
    return;
  }
  tracker->create_routine = (place == 1 && scanner_is_word(text, token, "or")) ||
                            (place == 2 && scanner_is_word(text, token, "replace"));
}

bool scanner_track_statement(struct statement_tracker *tracker, struct str text,
                             const struct token *token) {
  if (token->kind == TOKEN_WORD) {
    note_word(tracker, text, token);
    if (!tracker->create_routine || tracker->words < 4 || tracker->parentheses > 0) return false;
    if (scanner_is_word(text, token, "begin") ||
        (tracker->blocks > 0 && scanner_is_word(text, token, "case")))
      tracker->blocks++;
    else if (tracker->blocks > 0 && scanner_is_word(text, token, "end"))
      tracker->blocks--;
    return false;
  }
  if (scanner_is_symbol(text, token, '(')) tracker->parentheses++;
  if (scanner_is_symbol(text, token, ')') && tracker->parentheses > 0) tracker->parentheses--;
  return scanner_is_symbol(text, token, ';') && tracker->parentheses == 0 && tracker->blocks == 0;
}

static void append_lower(struct buffer *buffer, struct str word) {
  for (size_t i = 0; i < word.length; i++) {
    char byte = word.data[i];
    buffer_append_char(buffer, byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte);
  }
}

void scanner_append_normalised(struct buffer *buffer, struct str sql) {
  struct scanner scanner = {.text = sql};
  bool first = true;
  for (;;) {
    struct token token = scanner_next_code(&scanner);
    if (token.kind == TOKEN_END) return;
    if (!first) buffer_append_char(buffer, ' ');
    first = false;
    if (token.kind == TOKEN_WORD)
      append_lower(buffer, scanner_token_text(sql, &token));
    else
      buffer_append_str(buffer, scanner_token_text(sql, &token));
  }
}
