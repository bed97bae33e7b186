/* migration.h: one migration: a file's text, read into sections, options and statements.
 *
 *   -- migrate:applied-if EXPRESSION      (optional; true in a database that has this change)
 *   -- migrate:replaces EXPRESSION        (optional; true of each column `here`, a row of
 *                                         pg_attribute, that it drops and makes again)
 *   -- migrate:up [transaction:false] [lock_timeout:5s]
 *   statements
 *   -- migrate:down [the same options]    (optional; without it there is no way back)
 *   statements
 *
 * `-- migrate:repeat` above a statement of a section that runs statement by statement has it run
 * until it changes no row. `-- lint:allow RULE` on a line lets that rule pass there; see lint.h. */
#pragma once

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/migrate/file/version.h"
#include "lib/migrate/report.h"

enum {
  MIGRATION_NAME_MAX = 120,               /* bytes of the name behind the version */
  MIGRATION_FILE_MAX = 16 * 1024 * 1024,  /* bytes of a file */
  MIGRATION_STATEMENTS_MAX = 100 * 1000,  /* of a section */
  MIGRATION_LOCK_TIMEOUT_MAX_MS = 3600000 /* an hour */
};

struct statement {
  size_t offset, length; /* in the file's text: from the first token, without the ';' */
  size_t line;           /* of the first token, from 1 */
  size_t end_line;       /* of the last */
  bool repeat;           /* it is run until it changes no row, each time in its own transaction */
};

struct section {
  bool present;
  bool transaction;         /* false: one statement at a time, each committed */
  unsigned lock_timeout_ms; /* 0: the runner's */
  size_t start, length;     /* of its text in the file, from its marker to the next or the end */
  struct statement *statements;
  size_t count;
};

/* A `-- lint:allow` comment: `rules` as written, separated by spaces or commas. */
struct lint_allowance {
  size_t line;
  struct str rules;
};

struct migration {
  struct version version;
  char *name; /* what follows the version and '_', without .sql */
  char *path; /* for messages */
  char *text; /* the file, NUL-terminated; everything below points into it */
  size_t length;
  struct section up, down;
  char *applied_if; /* an SQL expression; NULL: none */
  char *replaces;   /* an SQL expression about a row `here` of pg_attribute; NULL: none */
  struct lint_allowance *allowances;
  size_t allowance_count;
  char checksum[65]; /* SHA-256 over the normalised statements, in hexadecimal */
};

/* Reads the version and the name from a file's name, VERSION_name or VERSION_name.sql. */
bool migration_parse_file_name(struct str file_name, struct version *ret_version,
                               struct str *ret_name);

/* Reads `text` (copied). `path` is for messages and its last part tells version and name. What is
 * wrong is said to `reporter` (may be NULL) with the line and a caret; `error` has it in one line,
 * as CONFLICT: the file is what has to change, not what the command was given. */
bool migration_parse(const char *path, struct str text, const struct migrate_reporter *reporter,
                     struct migration **ret_migration, struct error *error);

void migration_free(struct migration *migration);
DEFINE_CLEANUP(struct migration *, migration_free);

static inline struct str migration_text(const struct migration *migration) {
  return (struct str){migration->text, migration->length};
}

static inline struct str migration_statement_text(const struct migration *migration,
                                                  const struct statement *statement) {
  return (struct str){migration->text + statement->offset, statement->length};
}

/* A section as it stands in the file, marker and comments included: the history stores it so, and
 * the two sections one behind the other make a file that migration_parse() reads. */
static inline struct str migration_section_text(const struct migration *migration,
                                                const struct section *section) {
  return (struct str){migration->text + section->start, section->length};
}

/* SHA-256 over the first `count` statements of a section, normalised. */
void migration_section_checksum(const struct migration *migration, const struct section *section,
                                size_t count, char ret_hex[65]);
