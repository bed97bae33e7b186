/* bare_statement.c: see bare_statement.h. */
#include "lib/migrate/file/bare_statement.h"

#include "lib/migrate/file/words.h"

static bool read_concurrently(struct words *words, struct bare_statement *statement) {
  statement->concurrently_offset = words->token.offset;
  statement->concurrently = words_skip(words, "concurrently");
  return statement->concurrently;
}

static void read_create(struct words *words, struct bare_statement *statement) {
  if (words_is(words, "database") || words_is(words, "tablespace") ||
      words_is(words, "subscription")) {
    statement->kind = BARE_OTHER;
    return;
  }
  words_skip(words, "unique");
  if (!words_skip(words, "index") || !read_concurrently(words, statement)) return;
  statement->kind = BARE_CREATE_INDEX;
  words_skip_if_exists(words);
  if (!words_is(words, "on")) statement->index = words_read_name(words);
  if (!words_skip(words, "on")) return;
  words_skip(words, "only");
  statement->table = words_read_name(words);
}

static void read_drop(struct words *words, struct bare_statement *statement) {
  if (words_is(words, "database") || words_is(words, "tablespace") ||
      words_is(words, "subscription")) {
    statement->kind = BARE_OTHER;
    return;
  }
  if (!words_skip(words, "index") || !read_concurrently(words, statement)) return;
  statement->kind = BARE_DROP_INDEX;
  words_skip_if_exists(words);
  statement->index = words_read_name(words);
}

/* DO and CALL run code that may commit; only text can tell, and only of a DO. */
static bool is_bare_by_first_word(const struct words *words) {
  if (words_is(words, "vacuum") || words_is(words, "call")) return true;
  if (words_is(words, "do"))
    return memmem(words->sql.data, words->sql.length, "COMMIT", 6) ||
           memmem(words->sql.data, words->sql.length, "commit", 6);
  if (words_is(words, "reindex"))
    return words_contain(words->sql, "concurrently") || words_contain(words->sql, "database") ||
           words_contain(words->sql, "schema") || words_contain(words->sql, "system");
  if (!words_is(words, "alter")) return false;
  return words_contain(words->sql, "system") || words_contain(words->sql, "subscription") ||
         (words_contain(words->sql, "detach") && words_contain(words->sql, "concurrently"));
}

struct bare_statement bare_statement_parse(struct str sql) {
  struct bare_statement statement = {.kind = BARE_NONE};
  struct words words = words_of(sql);
  if (is_bare_by_first_word(&words)) {
    statement.kind = BARE_OTHER;
    statement.concurrently = words_contain(sql, "concurrently");
  } else if (words_skip(&words, "create")) {
    read_create(&words, &statement);
  } else if (words_skip(&words, "drop")) {
    read_drop(&words, &statement);
  }
  return statement;
}
