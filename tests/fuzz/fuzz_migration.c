/* fuzz_migration.c: a migration's file: where its statements lie, and that the text which the
 * history keeps of it reads as the same. */
#include "fuzz.h"

#include "lib/migrate/file/lint.h"
#include "lib/migrate/file/scanner.h"

static void check_section(const struct migration *migration, const struct section *section) {
  size_t end = section->start;
  assert(section->start <= migration->length &&
         section->length <= migration->length - section->start);
  for (size_t i = 0; i < section->count; i++) {
    const struct statement *statement = &section->statements[i];
    assert(statement->length > 0 && statement->offset >= end);
    assert(statement->line >= 1 && statement->end_line >= statement->line);
    end = statement->offset + statement->length;
    assert(end <= section->start + section->length);
  }
}

/* The history stores the sections; a down of years later is read from there. */
static void check_sections_again(const struct migration *migration) {
  struct buffer text = BUFFER_EMPTY;
  struct migration *again = NULL;
  struct error error;
  buffer_append_str(&text, migration_section_text(migration, &migration->up));
  if (migration->down.present)
    buffer_append_str(&text, migration_section_text(migration, &migration->down));
  assert(migration_parse("1_again.sql", buffer_str(&text), NULL, &again, &error));
  assert(strcmp(again->checksum, migration->checksum) == 0);
  assert(again->up.transaction == migration->up.transaction);
  assert(again->up.count == migration->up.count && again->down.count == migration->down.count);
  migration_free(again);
  buffer_free(&text);
}

static void on_finding(const struct lint_finding *finding, void *argument) {
  (void)argument;
  assert(finding->offset <= finding->migration->length && finding->rule && finding->message);
}

static void on_remark(void *argument, enum migrate_say kind, const char *text) {
  (void)argument, (void)kind;
  assert(*text);
}

static void check_tokens(struct str text) {
  struct scanner scanner = {.text = text};
  for (size_t end = 0;;) {
    struct token token = scanner_next(&scanner);
    if (token.kind == TOKEN_END) break;
    assert(token.offset >= end && fuzz_inside(text, scanner_token_text(text, &token)));
    if (token.kind == TOKEN_BROKEN) break;
    assert(token.length > 0);
    end = token.offset + token.length;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct migrate_reporter REPORTER = {.say = on_remark};
  struct str text = fuzz_text(data, size);
  struct migration *migration = NULL;
  struct error error = {0};
  check_tokens(text);
  if (!migration_parse("db/1_name.sql", text, &REPORTER, &migration, &error)) {
    assert(error.kind == ERROR_CONFLICT && !migration);
    return 0;
  }
  assert(migration->up.present);
  check_section(migration, &migration->up);
  if (migration->down.present) check_section(migration, &migration->down);
  check_sections_again(migration);
  lint_migration(migration, on_finding, NULL, NULL);
  migration_free(migration);
  return 0;
}
