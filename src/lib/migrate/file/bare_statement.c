/* bare_statement.c: see bare_statement.h. */
#include "lib/migrate/file/bare_statement.h"

#include "lib/migrate/file/scanner.h"

struct reader {
  struct str sql;
  struct scanner scanner;
  struct token token;
};

static void step(struct reader *reader) {
  reader->token = scanner_next_code(&reader->scanner);
}

static bool is(const struct reader *reader, const char *word) {
  return scanner_is_word(reader->sql, &reader->token, word);
}

static bool skip(struct reader *reader, const char *word) {
  if (!is(reader, word)) return false;
  step(reader);
  return true;
}

static bool contains_word(struct str sql, const char *word) {
  struct scanner scanner = {.text = sql};
  for (;;) {
    struct token token = scanner_next_code(&scanner);
    if (token.kind == TOKEN_END) return false;
    if (scanner_is_word(sql, &token, word)) return true;
  }
}

/* A name, dotted or not, as written. */
static struct str read_name(struct reader *reader) {
  size_t start = reader->token.offset, end = start;
  while (reader->token.kind == TOKEN_WORD || reader->token.kind == TOKEN_IDENTIFIER) {
    end = reader->token.offset + reader->token.length;
    step(reader);
    if (!scanner_is_symbol(reader->sql, &reader->token, '.')) break;
    step(reader);
  }
  return (struct str){reader->sql.data + start, end - start};
}

static bool read_concurrently(struct reader *reader, struct bare_statement *statement) {
  statement->concurrently_offset = reader->token.offset;
  statement->concurrently = skip(reader, "concurrently");
  return statement->concurrently;
}

static void read_create(struct reader *reader, struct bare_statement *statement) {
  if (is(reader, "database") || is(reader, "tablespace") || is(reader, "subscription")) {
    statement->kind = BARE_OTHER;
    return;
  }
  skip(reader, "unique");
  if (!skip(reader, "index") || !read_concurrently(reader, statement)) return;
  statement->kind = BARE_CREATE_INDEX;
  if (skip(reader, "if")) {
    skip(reader, "not");
    skip(reader, "exists");
  }
  if (!is(reader, "on")) statement->index = read_name(reader);
  if (!skip(reader, "on")) return;
  skip(reader, "only");
  statement->table = read_name(reader);
}

static void read_drop(struct reader *reader, struct bare_statement *statement) {
  if (is(reader, "database") || is(reader, "tablespace") || is(reader, "subscription")) {
    statement->kind = BARE_OTHER;
    return;
  }
  if (!skip(reader, "index") || !read_concurrently(reader, statement)) return;
  statement->kind = BARE_DROP_INDEX;
  if (skip(reader, "if")) skip(reader, "exists");
  statement->index = read_name(reader);
}

/* DO and CALL run code that may commit; only text can tell, and only of a DO. */
static bool is_bare_by_first_word(const struct reader *reader) {
  if (is(reader, "vacuum") || is(reader, "call")) return true;
  if (is(reader, "do"))
    return memmem(reader->sql.data, reader->sql.length, "COMMIT", 6) ||
           memmem(reader->sql.data, reader->sql.length, "commit", 6);
  if (is(reader, "reindex"))
    return contains_word(reader->sql, "concurrently") || contains_word(reader->sql, "database") ||
           contains_word(reader->sql, "schema") || contains_word(reader->sql, "system");
  if (!is(reader, "alter")) return false;
  return contains_word(reader->sql, "system") || contains_word(reader->sql, "subscription") ||
         (contains_word(reader->sql, "detach") && contains_word(reader->sql, "concurrently"));
}

struct bare_statement bare_statement_parse(struct str sql) {
  struct bare_statement statement = {.kind = BARE_NONE};
  struct reader reader = {.sql = sql, .scanner = {.text = sql}};
  step(&reader);
  if (is_bare_by_first_word(&reader)) {
    statement.kind = BARE_OTHER;
    statement.concurrently = contains_word(sql, "concurrently");
  } else if (skip(&reader, "create")) {
    read_create(&reader, &statement);
  } else if (skip(&reader, "drop")) {
    read_drop(&reader, &statement);
  }
  return statement;
}
