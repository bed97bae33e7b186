/* bare_statement.c: see bare_statement.h. */
#include "lib/migrate/file/bare_statement.h"

#include "lib/migrate/file/words.h"

static bool read_concurrently(struct words *words, struct bare_statement *statement) {
  statement->concurrently_offset = words->token.offset;
  statement->concurrently = words_skip(words, "concurrently");
  return statement->concurrently;
}

/* CREATE and DROP of what is no part of a database. */
static bool is_outside(const struct words *words) {
  return words_is(words, "database") || words_is(words, "tablespace") ||
         words_is(words, "subscription");
}

static void read_create(struct words *words, struct bare_statement *statement) {
  if (is_outside(words)) {
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
  if (is_outside(words)) {
    statement->kind = BARE_OTHER;
    return;
  }
  if (!words_skip(words, "index") || !read_concurrently(words, statement)) return;
  statement->kind = BARE_DROP_INDEX;
  words_skip_if_exists(words);
  statement->index = words_read_name(words);
}

/* ALTER SYSTEM; ALTER SUBSCRIPTION; ALTER DATABASE name SET TABLESPACE; ALTER TABLE name DETACH
 * PARTITION name CONCURRENTLY. */
static void read_alter(struct words *words, struct bare_statement *statement) {
  bool bare = words_is(words, "system") || words_is(words, "subscription");
  if (words_skip(words, "database")) {
    words_read_name(words);
    bare = words_skip(words, "set") && words_is(words, "tablespace");
  } else if (words_skip(words, "table")) {
    words_skip_if_exists(words);
    words_skip(words, "only");
    words_read_name(words);
    if (!words_skip(words, "detach") || !words_skip(words, "partition")) return;
    words_read_name(words);
    bare = words_is(words, "concurrently");
    statement->concurrently = bare;
  }
  if (bare) statement->kind = BARE_OTHER;
}

/* True when the token is the option CONCURRENTLY of a list in parentheses, which is skipped. */
static bool read_options(struct words *words) {
  bool concurrently = false;
  if (!words_is_symbol(words, '(')) return false;
  for (; !words_are_over(words) && !words_is_symbol(words, ')'); words_step(words))
    concurrently = concurrently || words_is(words, "concurrently");
  words_step(words);
  return concurrently;
}

/* REINDEX [(options)] { INDEX | TABLE | SCHEMA | DATABASE | SYSTEM } [CONCURRENTLY] name */
static void read_reindex(struct words *words, struct bare_statement *statement) {
  bool concurrently = read_options(words);
  bool all = words_is(words, "schema") || words_is(words, "database") || words_is(words, "system");
  words_step(words);
  statement->concurrently = concurrently || words_is(words, "concurrently");
  if (all || statement->concurrently) statement->kind = BARE_OTHER;
}

/* CLUSTER of every table. */
static void read_cluster(struct words *words, struct bare_statement *statement) {
  read_options(words);
  words_skip(words, "verbose");
  if (words_are_over(words)) statement->kind = BARE_OTHER;
}

/* Whether code has a COMMIT or ROLLBACK, or calls a procedure that may have one. ON COMMIT DROP is
 * none. */
static bool may_commit(struct str code) {
  for (struct words words = words_of(code); !words_are_over(&words);) {
    if (words_is(&words, "call")) return true;
    if (!words_skip(&words, "commit") && !words_skip(&words, "rollback"))
      words_step(&words);
    else if (words_is_symbol(&words, ';') || words_is_symbol(&words, '(') ||
             words_is(&words, "and"))
      return true;
  }
  return false;
}

/* Without the quotes, '…' or $tag$…$tag$. */
static struct str code_in(struct str quoted) {
  const char *inner = quoted.data[0] == '$' ? memchr(quoted.data + 1, '$', quoted.length - 1)
                                            : memchr(quoted.data, '\'', quoted.length);
  size_t skip = inner ? (size_t)(inner - quoted.data) + 1 : 0;
  return (struct str){quoted.data + skip, quoted.length - skip};
}

/* DO [LANGUAGE name] code */
static void read_do(const struct words *words, struct bare_statement *statement) {
  struct words rest = *words;
  while (!words_are_over(&rest) && rest.token.kind != TOKEN_STRING)
    words_step(&rest);
  if (rest.token.kind != TOKEN_STRING) return;
  if (may_commit(code_in(scanner_token_text(rest.sql, &rest.token)))) statement->kind = BARE_CODE;
}

struct bare_statement bare_statement_parse(struct str sql) {
  struct bare_statement statement = {.kind = BARE_NONE};
  struct words words = words_of(sql);
  if (words_is(&words, "vacuum"))
    statement.kind = BARE_OTHER;
  else if (words_is(&words, "call"))
    statement.kind = BARE_CODE;
  else if (words_skip(&words, "do"))
    read_do(&words, &statement);
  else if (words_skip(&words, "create"))
    read_create(&words, &statement);
  else if (words_skip(&words, "drop"))
    read_drop(&words, &statement);
  else if (words_skip(&words, "alter"))
    read_alter(&words, &statement);
  else if (words_skip(&words, "reindex"))
    read_reindex(&words, &statement);
  else if (words_skip(&words, "cluster"))
    read_cluster(&words, &statement);
  return statement;
}
