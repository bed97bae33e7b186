/* lint.c: see lint.h. */
#include "lib/migrate/file/lint.h"

#include "lib/migrate/file/words.h"

typedef void (*found_callback)(const struct lint_finding *finding, void *argument);
typedef bool (*is_new_callback)(struct str table, void *argument);

struct linter {
  const struct migration *migration;
  const struct statement *statement;
  struct words words; /* of the statement */
  struct str table;   /* that it is about */
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

static const char EXCLUSIVE_SHORT[] = "ACCESS EXCLUSIVE, for a moment";
static const char EXCLUSIVE_REWRITE[] =
    "ACCESS EXCLUSIVE, while every row and every index is written again";
static const char EXCLUSIVE_SCAN[] = "ACCESS EXCLUSIVE, while every row is read";
static const char EXCLUSIVE_INDEX[] = "ACCESS EXCLUSIVE, while an index is built";
static const char SHARE_INDEX[] = "SHARE (writes wait), while the index is built";
static const char SHARE_ROW_SCAN[] = "SHARE ROW EXCLUSIVE (writes wait), while every row is read";

static void find(struct linter *linter, size_t offset, const char *rule, const char *message,
                 const char *hint, const char *lock) {
  if (is_allowed(linter->migration, linter->statement, rule)) return;
  size_t base = linter->statement ? linter->statement->offset : linter->migration->up.start;
  linter->found(&(struct lint_finding){.migration = linter->migration,
                                       .offset = base + offset,
                                       .rule = rule,
                                       .message = message,
                                       .hint = hint,
                                       .table = linter->table,
                                       .lock = lock},
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
  bool table = words_skip(&linter->words, "table") || truncate;
  if (words_skip(&linter->words, "index") && words_is(&linter->words, "concurrently")) return;
  words_skip_if_exists(&linter->words);
  words_skip(&linter->words, "only");
  if (table) linter->table = words_read_name(&linter->words);
  find(linter, offset, "drop",
       truncate ? "TRUNCATE removes every row" : "DROP: what is dropped is gone",
       "make sure that no running version of the service still uses it", EXCLUSIVE_SHORT);
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
  linter->table = words_read_name(&linter->words);
  if (is_new_table(linter, linter->table)) return;
  find(linter, offset, "index-not-concurrent", "writes to the table wait until this index is built",
       "CREATE INDEX CONCURRENTLY in a section marked transaction:false", SHARE_INDEX);
}

/* VACUUM FULL and CLUSTER of a table. */
static void lint_rewrite(struct linter *linter, bool vacuum) {
  size_t offset = linter->words.token.offset;
  bool full = !vacuum;
  words_step(&linter->words);
  for (; words_is_symbol(&linter->words, '(') || words_is(&linter->words, "full") ||
         words_is(&linter->words, "verbose") || words_is(&linter->words, "freeze");
       words_step(&linter->words)) {
    bool list = words_is_symbol(&linter->words, '(');
    for (; list && !words_are_over(&linter->words) && !words_is_symbol(&linter->words, ')');
         words_step(&linter->words))
      full = full || words_is(&linter->words, "full");
    full = full || words_is(&linter->words, "full");
  }
  linter->table = words_read_name(&linter->words);
  if (!full || is_new_table(linter, linter->table)) return;
  find(linter, offset, "rewrite", "the table is rewritten while nobody can use it",
       "do without it, or do it while the service stands still", EXCLUSIVE_REWRITE);
}

/* [CONSTRAINT name] CHECK, FOREIGN KEY, UNIQUE, PRIMARY KEY or EXCLUDE: to the next comma of this
 * depth. */
static void lint_add_constraint(struct linter *linter) {
  size_t offset = linter->words.token.offset;
  if (words_skip(&linter->words, "constraint")) words_read_name(&linter->words);
  bool checks = words_is(&linter->words, "check"), refers = words_is(&linter->words, "foreign");
  bool gentle = false;
  unsigned depth = 0;
  for (; !words_are_over(&linter->words); words_step(&linter->words)) {
    if (depth == 0 && words_is_symbol(&linter->words, ',')) break;
    depth += words_is_symbol(&linter->words, '(');
    depth -= depth > 0 && words_is_symbol(&linter->words, ')');
    gentle = gentle || (depth == 0 &&
                        (words_is(&linter->words, "valid") || words_is(&linter->words, "using")));
  }
  if (gentle) return;
  if (checks || refers)
    find(linter, offset, "constraint-check", "every row is checked under this lock",
         "add it NOT VALID, and VALIDATE CONSTRAINT in a migration of its own",
         checks ? EXCLUSIVE_SCAN : SHARE_ROW_SCAN);
  else
    find(linter, offset, "constraint-check", "its index is built while nobody can use the table",
         "CREATE UNIQUE INDEX CONCURRENTLY first, then ADD CONSTRAINT … USING INDEX",
         EXCLUSIVE_INDEX);
}

/* A default that differs from row to row, so that each row gets its own. */
static bool is_volatile(const struct words *words) {
  static const char *const NAMES[] = {
      "random",  "gen_random_uuid", "uuid_generate_v4", "clock_timestamp", "timeofday",
      "nextval", "serial",          "bigserial",        "smallserial",     "stored"};
  for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
    if (words_is(words, NAMES[i])) return true;
  return false;
}

/* ADD [COLUMN] [IF NOT EXISTS] name type …: to the next comma of this depth. */
static void lint_add_column(struct linter *linter) {
  static const char *const OTHER[] = {"constraint", "primary", "unique",
                                      "foreign",    "check",   "exclude"};
  for (size_t i = 0; i < sizeof(OTHER) / sizeof(OTHER[0]); i++)
    if (words_is(&linter->words, OTHER[i])) {
      lint_add_constraint(linter);
      return;
    }
  size_t offset = linter->words.token.offset;
  bool not_null = false, filled = false, after_not = false, rewrites = false;
  words_read_name(&linter->words);
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
    rewrites = rewrites || is_volatile(&linter->words);
  }
  if (rewrites)
    find(linter, offset, "rewrite", "each row gets a value of its own: the table is rewritten",
         "add the column without it, set the default, and fill it in steps", EXCLUSIVE_REWRITE);
  if (not_null && !filled)
    find(linter, offset, "not-null", "a NOT NULL column without a default fails where rows exist",
         "give it a DEFAULT, or add it nullable, fill it, and then SET NOT NULL", EXCLUSIVE_SHORT);
}

static void lint_alter_column(struct linter *linter) {
  size_t offset = linter->words.token.offset;
  words_skip(&linter->words, "column");
  words_read_name(&linter->words);
  bool set = words_skip(&linter->words, "set");
  if (set && words_is(&linter->words, "not"))
    find(linter, offset, "not-null", "SET NOT NULL reads the whole table while nobody can use it",
         "first ADD CONSTRAINT … CHECK (… IS NOT NULL) NOT VALID, then VALIDATE it in a migration "
         "of its own: SET NOT NULL then trusts it",
         EXCLUSIVE_SCAN);
  if (set && !words_skip(&linter->words, "data")) return;
  if (words_is(&linter->words, "type"))
    find(linter, offset, "type-rewrite",
         "a new type rewrites the table and its indexes while nobody can use it",
         "add a column of the new type, fill it in steps, and switch over", EXCLUSIVE_REWRITE);
}

/* SET LOGGED and SET UNLOGGED. */
static void lint_set(struct linter *linter) {
  size_t offset = linter->words.token.offset;
  words_step(&linter->words);
  if (words_is(&linter->words, "logged") || words_is(&linter->words, "unlogged"))
    find(linter, offset, "rewrite", "the table is rewritten while nobody can use it",
         "do it while the service stands still", EXCLUSIVE_REWRITE);
}

static void lint_alter_table(struct linter *linter) {
  linter->table = words_read_name(&linter->words);
  bool new_table = is_new_table(linter, linter->table);
  for (; !words_are_over(&linter->words); words_step(&linter->words)) {
    if (words_is(&linter->words, "add") && !new_table) {
      words_step(&linter->words);
      words_skip(&linter->words, "column");
      words_skip_if_exists(&linter->words);
      lint_add_column(linter);
    } else if (words_is(&linter->words, "alter") && !new_table) {
      words_step(&linter->words);
      lint_alter_column(linter);
    } else if (words_is(&linter->words, "set") && !new_table) {
      lint_set(linter);
    } else if (words_is(&linter->words, "drop")) {
      size_t offset = linter->words.token.offset;
      words_step(&linter->words);
      if (words_is(&linter->words, "not") || words_is(&linter->words, "default") ||
          words_is(&linter->words, "identity") || words_is(&linter->words, "expression") ||
          words_is(&linter->words, "constraint"))
        continue;
      find(linter, offset, "drop", "DROP COLUMN: its values are gone",
           "make sure that no running version of the service still uses it", EXCLUSIVE_SHORT);
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
    lint_alter_table(linter);
  } else if (words_is(&linter->words, "vacuum") || words_is(&linter->words, "cluster")) {
    lint_rewrite(linter, words_is(&linter->words, "vacuum"));
  }
}

void lint_migration(const struct migration *migration, found_callback found, is_new_callback is_new,
                    void *argument) {
  struct linter linter = {
      .migration = migration, .found = found, .is_new = is_new, .argument = argument};
  for (size_t i = 0; i < migration->up.count; i++) {
    linter.statement = &migration->up.statements[i];
    linter.table = (struct str){0};
    linter.words = words_of(migration_statement_text(migration, linter.statement));
    lint_statement(&linter);
  }
  linter.statement = NULL;
  linter.table = (struct str){0};
  if (!migration->down.present)
    find(&linter, 0, "missing-down", "there is no '-- migrate:down': no way back",
         "write one, or -- lint:allow missing-down", NULL);
}
