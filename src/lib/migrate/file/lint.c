/* lint.c: see lint.h. */
#include "lib/migrate/file/lint.h"

#include "lib/migrate/file/words.h"

typedef void (*found_callback)(const struct lint_finding *finding, void *argument);
typedef bool (*is_new_callback)(struct str table, void *argument);

struct linter {
  const struct migration *migration;
  const struct statement *statement;
  struct words words; /* of the statement */
  found_callback found;
  is_new_callback is_new;
  void *argument;
};

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
    struct words words = words_of(migration_statement_text(migration, &up->statements[i]));
    if (!words_skip(&words, "create")) continue;
    if (!words_skip(&words, "temporary") && !words_skip(&words, "temp"))
      words_skip(&words, "unlogged");
    if (!words_skip(&words, "table")) continue;
    words_skip_if_exists(&words);
    if (str_equal_ignore_case(without_public(words_read_name(&words)), without_public(table)))
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
  size_t offset = linter->words.token.offset;
  bool truncate = words_is(&linter->words, "truncate");
  words_step(&linter->words);
  if (words_skip(&linter->words, "index") && words_is(&linter->words, "concurrently")) return;
  find(linter, offset, "drop",
       truncate ? "TRUNCATE removes every row" : "DROP: what is dropped is gone",
       "make sure that no running version of the service still uses it");
}

static void lint_create(struct linter *linter) {
  size_t offset = linter->words.token.offset;
  words_step(&linter->words);
  words_skip(&linter->words, "unique");
  if (!words_skip(&linter->words, "index") || words_skip(&linter->words, "concurrently")) return;
  words_skip_if_exists(&linter->words);
  if (!words_is(&linter->words, "on")) words_read_name(&linter->words);
  if (!words_skip(&linter->words, "on")) return;
  words_skip(&linter->words, "only");
  if (is_new_table(linter, words_read_name(&linter->words))) return;
  find(linter, offset, "index-not-concurrent", "writes to the table wait until this index is built",
       "CREATE INDEX CONCURRENTLY in a section marked transaction:false");
}

/* ADD [COLUMN] [IF NOT EXISTS] name type …: to the next comma of this depth. */
static void lint_add_column(struct linter *linter) {
  static const char *const OTHER[] = {"constraint", "primary", "unique",
                                      "foreign",    "check",   "exclude"};
  for (size_t i = 0; i < sizeof(OTHER) / sizeof(OTHER[0]); i++)
    if (words_is(&linter->words, OTHER[i])) return;
  size_t offset = linter->words.token.offset;
  bool not_null = false, filled = false, after_not = false;
  unsigned depth = 0;
  for (; !words_are_over(&linter->words); words_step(&linter->words)) {
    if (depth == 0 && words_is_symbol(&linter->words, ',')) break;
    depth += words_is_symbol(&linter->words, '(');
    depth -= depth > 0 && words_is_symbol(&linter->words, ')');
    not_null = not_null || (after_not && words_is(&linter->words, "null"));
    filled = filled || words_is(&linter->words, "default") ||
             words_is(&linter->words, "generated") || words_is(&linter->words, "serial") ||
             words_is(&linter->words, "bigserial") || words_is(&linter->words, "smallserial");
    after_not = words_is(&linter->words, "not");
  }
  if (not_null && !filled)
    find(linter, offset, "not-null", "a NOT NULL column without a default fails where rows exist",
         "give it a DEFAULT, or add it nullable, fill it, and then SET NOT NULL");
}

static void lint_alter_column(struct linter *linter) {
  size_t offset = linter->words.token.offset;
  words_skip(&linter->words, "column");
  words_read_name(&linter->words);
  bool set = words_skip(&linter->words, "set");
  if (set && words_is(&linter->words, "not"))
    find(linter, offset, "not-null", "SET NOT NULL reads the whole table while nobody can use it",
         "first ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID, then VALIDATE it in a migration "
         "of its own: SET NOT NULL then trusts it");
  if (set && !words_skip(&linter->words, "data")) return;
  if (words_is(&linter->words, "type"))
    find(linter, offset, "type-rewrite",
         "a new type rewrites the table and its indexes while nobody can use it",
         "add a column of the new type, fill it in steps, and switch over");
}

static void lint_alter_table(struct linter *linter, struct str table) {
  bool new_table = is_new_table(linter, table);
  for (; !words_are_over(&linter->words); words_step(&linter->words)) {
    if (words_is(&linter->words, "add") && !new_table) {
      words_step(&linter->words);
      words_skip(&linter->words, "column");
      words_skip_if_exists(&linter->words);
      lint_add_column(linter);
    } else if (words_is(&linter->words, "alter") && !new_table) {
      words_step(&linter->words);
      lint_alter_column(linter);
    } else if (words_is(&linter->words, "drop")) {
      size_t offset = linter->words.token.offset;
      words_step(&linter->words);
      if (words_is(&linter->words, "not") || words_is(&linter->words, "default") ||
          words_is(&linter->words, "identity") || words_is(&linter->words, "expression") ||
          words_is(&linter->words, "constraint"))
        continue;
      find(linter, offset, "drop", "DROP COLUMN: its values are gone",
           "make sure that no running version of the service still uses it");
    }
    if (words_are_over(&linter->words)) return;
  }
}

static void lint_statement(struct linter *linter) {
  if (words_is(&linter->words, "drop") || words_is(&linter->words, "truncate")) {
    lint_drop(linter);
  } else if (words_is(&linter->words, "create")) {
    lint_create(linter);
  } else if (words_skip(&linter->words, "alter") && words_skip(&linter->words, "table")) {
    words_skip_if_exists(&linter->words);
    words_skip(&linter->words, "only");
    lint_alter_table(linter, words_read_name(&linter->words));
  }
}

void lint_migration(const struct migration *migration, found_callback found, is_new_callback is_new,
                    void *argument) {
  struct linter linter = {
      .migration = migration, .found = found, .is_new = is_new, .argument = argument};
  for (size_t i = 0; i < migration->up.count; i++) {
    linter.statement = &migration->up.statements[i];
    linter.words = words_of(migration_statement_text(migration, linter.statement));
    lint_statement(&linter);
  }
  linter.statement = NULL;
  if (!migration->down.present)
    find(&linter, 0, "missing-down", "there is no '-- migrate:down': no way back",
         "write one, or -- lint:allow missing-down");
}
