/* lint.c: see lint.h. */
#include "lib/migrate/file/lint.h"

#include "lib/migrate/file/scanner.h"

typedef void (*found_callback)(const struct lint_finding *finding, void *argument);
typedef bool (*is_new_callback)(struct str table, void *argument);

struct linter {
  const struct migration *migration;
  const struct statement *statement;
  struct str sql; /* the statement's text */
  struct scanner scanner;
  struct token token;
  found_callback found;
  is_new_callback is_new;
  void *argument;
};

/* --- Tokens --- */

static void step(struct linter *linter) {
  linter->token = scanner_next_code(&linter->scanner);
}

static bool is(const struct linter *linter, const char *word) {
  return scanner_is_word(linter->sql, &linter->token, word);
}

static bool skip(struct linter *linter, const char *word) {
  if (!is(linter, word)) return false;
  step(linter);
  return true;
}

static void skip_if_exists(struct linter *linter) {
  if (!skip(linter, "if")) return;
  skip(linter, "not");
  skip(linter, "exists");
}

static struct str read_name(struct linter *linter) {
  size_t start = linter->token.offset, end = start;
  while (linter->token.kind == TOKEN_WORD || linter->token.kind == TOKEN_IDENTIFIER) {
    end = linter->token.offset + linter->token.length;
    step(linter);
    if (!scanner_is_symbol(linter->sql, &linter->token, '.')) break;
    step(linter);
  }
  return (struct str){linter->sql.data + start, end - start};
}

static void start(struct linter *linter, const struct statement *statement) {
  linter->statement = statement;
  linter->sql = migration_statement_text(linter->migration, statement);
  linter->scanner = (struct scanner){.text = linter->sql};
  step(linter);
}

/* --- Allowances --- */

static bool names_rule(struct str rules, const char *rule) {
  size_t start_at = 0;
  for (size_t i = 0; i <= rules.length; i++) {
    bool separator = i == rules.length || rules.data[i] == ' ' || rules.data[i] == ',';
    if (!separator) continue;
    if (str_equal((struct str){rules.data + start_at, i - start_at}, str_from(rule))) return true;
    start_at = i + 1;
  }
  return false;
}

static bool is_allowed(const struct migration *migration, const struct statement *statement,
                       const char *rule) {
  for (size_t i = 0; i < migration->allowance_count; i++) {
    const struct lint_allowance *allowance = &migration->allowances[i];
    bool near = !statement ||
                (allowance->line + 1 >= statement->line && allowance->line <= statement->end_line);
    if (near && names_rule(allowance->rules, rule)) return true;
  }
  return false;
}

static void find(struct linter *linter, size_t offset, const char *rule, const char *message,
                 const char *hint) {
  if (is_allowed(linter->migration, linter->statement, rule)) return;
  size_t base = linter->statement ? linter->statement->offset : linter->migration->up.start;
  linter->found(&(struct lint_finding){.migration = linter->migration,
                                       .offset = base + offset,
                                       .rule = rule,
                                       .message = message,
                                       .hint = hint},
                linter->argument);
}

/* --- Tables that are new --- */

static struct str without_public(struct str name) {
  if (name.length > 7 && str_equal_ignore_case((struct str){name.data, 7}, STR("public.")))
    return (struct str){name.data + 7, name.length - 7};
  return name;
}

/* Whether a statement of the file before `statement` creates `table`. */
static bool is_created_before(const struct migration *migration, const struct statement *statement,
                              struct str table) {
  const struct section *up = &migration->up;
  for (size_t i = 0; i < up->count && &up->statements[i] != statement; i++) {
    struct linter reader = {.migration = migration};
    start(&reader, &up->statements[i]);
    if (!skip(&reader, "create")) continue;
    if (!skip(&reader, "temporary") && !skip(&reader, "temp")) skip(&reader, "unlogged");
    if (!skip(&reader, "table")) continue;
    skip_if_exists(&reader);
    if (str_equal_ignore_case(without_public(read_name(&reader)), without_public(table)))
      return true;
  }
  return false;
}

static bool is_new_table(const struct linter *linter, struct str table) {
  return is_created_before(linter->migration, linter->statement, table) ||
         (linter->is_new && linter->is_new(table, linter->argument));
}

/* --- Rules --- */

static void lint_drop(struct linter *linter) {
  size_t offset = linter->token.offset;
  bool truncate = is(linter, "truncate");
  step(linter);
  if (skip(linter, "index") && is(linter, "concurrently")) return;
  find(linter, offset, "drop",
       truncate ? "TRUNCATE removes every row" : "DROP: what is dropped is gone",
       "make sure that no running version of the service still uses it");
}

static void lint_create(struct linter *linter) {
  size_t offset = linter->token.offset;
  step(linter);
  skip(linter, "unique");
  if (!skip(linter, "index") || skip(linter, "concurrently")) return;
  skip_if_exists(linter);
  if (!is(linter, "on")) read_name(linter);
  if (!skip(linter, "on")) return;
  skip(linter, "only");
  if (is_new_table(linter, read_name(linter))) return;
  find(linter, offset, "index-not-concurrent", "writes to the table wait until this index is built",
       "CREATE INDEX CONCURRENTLY in a section marked transaction:false");
}

/* ADD [COLUMN] [IF NOT EXISTS] name type …: to the next comma of this depth. */
static void lint_add_column(struct linter *linter) {
  static const char *const OTHER[] = {"constraint", "primary", "unique",
                                      "foreign",    "check",   "exclude"};
  for (size_t i = 0; i < sizeof(OTHER) / sizeof(OTHER[0]); i++)
    if (is(linter, OTHER[i])) return;
  size_t offset = linter->token.offset;
  bool not_null = false, filled = false, after_not = false;
  unsigned depth = 0;
  for (; linter->token.kind != TOKEN_END; step(linter)) {
    if (depth == 0 && scanner_is_symbol(linter->sql, &linter->token, ',')) break;
    depth += scanner_is_symbol(linter->sql, &linter->token, '(');
    depth -= depth > 0 && scanner_is_symbol(linter->sql, &linter->token, ')');
    not_null = not_null || (after_not && is(linter, "null"));
    filled = filled || is(linter, "default") || is(linter, "generated") || is(linter, "serial") ||
             is(linter, "bigserial") || is(linter, "smallserial");
    after_not = is(linter, "not");
  }
  if (not_null && !filled)
    find(linter, offset, "not-null", "a NOT NULL column without a default fails where rows exist",
         "give it a DEFAULT, or add it nullable, fill it, and then SET NOT NULL");
}

static void lint_alter_column(struct linter *linter) {
  size_t offset = linter->token.offset;
  skip(linter, "column");
  read_name(linter);
  bool set = skip(linter, "set");
  if (set && is(linter, "not"))
    find(linter, offset, "not-null", "SET NOT NULL reads the whole table while nobody can use it",
         "first ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID, then VALIDATE it in a migration "
         "of its own: SET NOT NULL then trusts it");
  if (set && !skip(linter, "data")) return;
  if (is(linter, "type"))
    find(linter, offset, "type-rewrite",
         "a new type rewrites the table and its indexes while nobody can use it",
         "add a column of the new type, fill it in steps, and switch over");
}

static void lint_alter_table(struct linter *linter, struct str table) {
  bool new_table = is_new_table(linter, table);
  for (; linter->token.kind != TOKEN_END; step(linter)) {
    if (is(linter, "add") && !new_table) {
      step(linter);
      skip(linter, "column");
      skip_if_exists(linter);
      lint_add_column(linter);
    } else if (is(linter, "alter") && !new_table) {
      step(linter);
      lint_alter_column(linter);
    } else if (is(linter, "drop")) {
      size_t offset = linter->token.offset;
      step(linter);
      if (is(linter, "not") || is(linter, "default") || is(linter, "identity") ||
          is(linter, "expression") || is(linter, "constraint"))
        continue;
      find(linter, offset, "drop", "DROP COLUMN: its values are gone",
           "make sure that no running version of the service still uses it");
    }
    if (linter->token.kind == TOKEN_END) return;
  }
}

static void lint_statement(struct linter *linter) {
  if (is(linter, "drop") || is(linter, "truncate")) {
    lint_drop(linter);
  } else if (is(linter, "create")) {
    lint_create(linter);
  } else if (skip(linter, "alter") && skip(linter, "table")) {
    skip_if_exists(linter);
    skip(linter, "only");
    lint_alter_table(linter, read_name(linter));
  }
}

void lint_migration(const struct migration *migration, found_callback found, is_new_callback is_new,
                    void *argument) {
  struct linter linter = {
      .migration = migration, .found = found, .is_new = is_new, .argument = argument};
  for (size_t i = 0; i < migration->up.count; i++) {
    start(&linter, &migration->up.statements[i]);
    lint_statement(&linter);
  }
  linter.statement = NULL;
  if (!migration->down.present)
    find(&linter, 0, "missing-down", "there is no '-- migrate:down': no way back",
         "write one, or -- lint:allow missing-down");
}
