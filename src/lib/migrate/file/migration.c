/* migration.c: reads one file.
 *
 * The parser is fed tokens in one pass. It is before the first marker (`section` is NULL), between
 * two statements, or in a statement (`in_statement`); comments may change the section. A migration
 * owns a copy of the file's text; its sections and statements are offsets into it. */
#include "lib/migrate/file/migration.h"

#include "lib/base/encoding.h"
#include "lib/base/utf8.h"
#include "lib/migrate/file/words.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct parser {
  struct migration *migration;
  struct str text;
  struct scanner scanner;
  struct section *section; /* NULL before the first marker */
  size_t capacity;         /* of section->statements */
  struct statement_tracker tracker;
  bool in_statement;
  bool repeat; /* the next statement is to be repeated, as was said at: */
  size_t repeat_offset;
  struct statement statement;
  size_t line, line_offset; /* the line that `line_offset` is in: counted once, in passing */
  struct buffer applied_if, replaces;
  const struct migrate_reporter *reporter;
  struct error *error;
};

static bool complain(struct parser *parser, size_t offset, const char *message) {
  report_remark(parser->reporter, SAY_ERROR,
                &(struct source_remark){.path = parser->migration->path,
                                        .text = parser->text,
                                        .offset = offset,
                                        .severity = "error",
                                        .message = message});
  return report_error(parser->error, parser->migration->path, parser->text, offset, message);
}

static size_t line_of(struct parser *parser, size_t offset) {
  assert(offset >= parser->line_offset);
  for (; parser->line_offset < offset; parser->line_offset++)
    if (parser->text.data[parser->line_offset] == '\n') parser->line++;
  return parser->line;
}

/* --- Options --- */

/* "5s", "500ms", "2min" or a plain number of milliseconds. */
static bool parse_duration_ms(struct str text, unsigned *ret_ms) {
  uint64_t value = 0;
  if (!str_cut_u64(&text, 1, MIGRATION_LOCK_TIMEOUT_MAX_MS, &value)) return false;
  if (str_equal(text, STR("s")))
    value *= 1000;
  else if (str_equal(text, STR("min")))
    value *= 60000;
  else if (text.length != 0 && !str_equal(text, STR("ms")))
    return false;
  if (value > MIGRATION_LOCK_TIMEOUT_MAX_MS) return false;
  *ret_ms = (unsigned)value;
  return true;
}

static bool parse_option(struct parser *parser, struct str option) {
  size_t offset = (size_t)(option.data - parser->text.data);
  if (str_equal(option, STR("transaction:false"))) {
    parser->section->transaction = false;
    return true;
  }
  if (str_equal(option, STR("transaction:true"))) return true;
  if (!str_starts_with(option, STR("lock_timeout:")))
    return complain(parser, offset,
                    "unknown option; there are transaction:false and lock_timeout:5s");
  size_t skip = STR("lock_timeout:").length;
  struct str value = {option.data + skip, option.length - skip};
  if (parse_duration_ms(value, &parser->section->lock_timeout_ms)) return true;
  return complain(parser, offset + skip, "a lock_timeout is 500ms, 5s or 2min, up to an hour");
}

static bool parse_options(struct parser *parser, struct str rest) {
  struct str option;
  while (str_next(&rest, ' ', &option))
    if (option.length > 0 && !parse_option(parser, option)) return false;
  return true;
}

/* --- Statements --- */

/* Why a statement has no business in a migration; NULL: it has. */
static bool is_one_of(const struct words *words, const char *const *list) {
  for (; *list; list++)
    if (words_is(words, *list)) return true;
  return false;
}

static const char *refusal(struct str sql) {
  static const char *const TRANSACTION[] = {"begin", "start", "commit", "end", "abort", NULL};
  struct words first = words_of(sql), words = first;
  words_step(&words);
  bool transaction = is_one_of(&first, TRANSACTION) ||
                     (words_is(&first, "prepare") && words_is(&words, "transaction"));
  if (words_is(&first, "rollback") && !words_is(&words, "to")) { /* ROLLBACK, ROLLBACK WORK */
    words_step(&words);
    transaction = words_are_over(&words);
  }
  if (transaction)
    return "the runner begins and ends transactions itself; 'transaction:false' behind the marker "
           "runs the statements one by one";
  if (words_is(&first, "discard"))
    return "DISCARD would give up the lock that keeps other runners away";
  bool copies =
      words_is(&first, "copy") && (words_contain(sql, "stdin") || words_contain(sql, "stdout"));
  return copies ? "COPY has nobody to talk to here; INSERT the rows" : NULL;
}

/* Only of these Postgres tells how many rows they changed. */
static bool changes_rows(struct str sql) {
  static const char *const WORDS[] = {"insert", "update", "delete", "merge", "with", NULL};
  struct words words = words_of(sql);
  return is_one_of(&words, WORDS);
}

static bool append_statement(struct parser *parser) {
  struct section *section = parser->section;
  assert(section && parser->in_statement && parser->statement.length > 0);
  assert(parser->statement.offset >= section->start &&
         parser->statement.offset + parser->statement.length <= parser->text.length);
  const char *refused =
      refusal((struct str){parser->text.data + parser->statement.offset, parser->statement.length});
  if (refused) return complain(parser, parser->statement.offset, refused);
  if (parser->statement.repeat &&
      !changes_rows(
          (struct str){parser->text.data + parser->statement.offset, parser->statement.length}))
    return complain(parser, parser->statement.offset,
                    "migrate:repeat goes with INSERT, UPDATE, DELETE, MERGE or WITH");
  if (section->count == MIGRATION_STATEMENTS_MAX)
    return complain(parser, parser->statement.offset, "too many statements in one migration");
  if (section->count == parser->capacity) {
    size_t capacity = parser->capacity ? parser->capacity * 2 : 8;
    struct statement *grown = realloc(section->statements, capacity * sizeof(*grown));
    if (!grown) return error_set(parser->error, ERROR_MEMORY, "out of memory");
    section->statements = grown;
    parser->capacity = capacity;
  }
  section->statements[section->count++] = parser->statement;
  parser->in_statement = false;
  return true;
}

static bool take_token(struct parser *parser, const struct token *token) {
  if (!parser->section)
    return complain(parser, token->offset, "SQL before the first '-- migrate:up' line");
  if (scanner_is_symbol(parser->text, token, '\\'))
    return complain(parser, token->offset, "backslash commands are psql's and not SQL");
  if (!parser->in_statement) {
    if (scanner_is_symbol(parser->text, token, ';')) return true; /* an empty statement */
    parser->in_statement = true;
    parser->tracker = (struct statement_tracker){0};
    parser->statement = (struct statement){
        .offset = token->offset, .line = line_of(parser, token->offset), .repeat = parser->repeat};
    parser->repeat = false;
  }
  if (scanner_track_statement(&parser->tracker, parser->text, token))
    return append_statement(parser);
  parser->statement.length = token->offset + token->length - parser->statement.offset;
  parser->statement.end_line = line_of(parser, token->offset + token->length);
  return true;
}

/* A last statement needs no ';'. */
static bool close_section(struct parser *parser, size_t offset) {
  struct section *section = parser->section;
  if (!section) return true;
  section->length = offset - section->start;
  if (parser->repeat)
    return complain(parser, parser->repeat_offset, "no statement follows that could be repeated");
  if (!parser->in_statement) return true;
  if (parser->tracker.parentheses > 0 || parser->tracker.blocks > 0)
    return complain(parser, parser->statement.offset,
                    parser->tracker.parentheses > 0
                        ? "a parenthesis of this statement is not closed"
                        : "the BEGIN ATOMIC of this statement has no END");
  return append_statement(parser);
}

/* --- Comments that say something --- */

static bool open_section(struct parser *parser, struct section *section, const struct token *token,
                         struct str options) {
  if (section->present) return complain(parser, token->offset, "this section is there twice");
  if (section == &parser->migration->down && !parser->migration->up.present)
    return complain(parser, token->offset, "'-- migrate:down' before '-- migrate:up'");
  if (!close_section(parser, token->offset)) return false;
  *section = (struct section){.present = true, .transaction = true, .start = token->offset};
  parser->section = section;
  parser->capacity = 0;
  return parse_options(parser, options);
}

static bool take_repeat(struct parser *parser, const struct token *token) {
  if (!parser->section || parser->section->transaction || parser->in_statement)
    return complain(parser, token->offset,
                    "migrate:repeat stands above a statement of a section that is marked "
                    "transaction:false");
  parser->repeat = true;
  parser->repeat_offset = token->offset;
  return true;
}

static bool add_allowance(struct parser *parser, size_t line, struct str rules) {
  struct migration *migration = parser->migration;
  size_t size = (migration->allowance_count + 1) * sizeof(*migration->allowances);
  struct lint_allowance *grown = realloc(migration->allowances, size);
  if (!grown) return error_set(parser->error, ERROR_MEMORY, "out of memory");
  migration->allowances = grown;
  grown[migration->allowance_count++] = (struct lint_allowance){line, rules};
  return true;
}

static bool cut_prefix(struct str *text, const char *prefix) {
  struct str start = str_from(prefix);
  if (!str_starts_with(*text, start)) return false;
  text->data += start.length;
  text->length -= start.length;
  *text = str_trim(*text);
  return true;
}

static void add_expression(struct buffer *all, const char *junction, struct str expression) {
  buffer_append_text(all, all->length > 0 ? junction : "");
  buffer_append_char(all, '(');
  buffer_append_str(all, expression);
  buffer_append_char(all, ')');
}

static bool take_comment(struct parser *parser, const struct token *token) {
  struct str comment = scanner_token_text(parser->text, token);
  if (!cut_prefix(&comment, "--")) return true;
  size_t line = line_of(parser, token->offset);
  if (cut_prefix(&comment, "lint:allow")) return add_allowance(parser, line, comment);
  if (cut_prefix(&comment, "migrate:applied-if")) {
    add_expression(&parser->applied_if, "\nAND ", comment);
    return true;
  }
  if (cut_prefix(&comment, "migrate:replaces")) {
    add_expression(&parser->replaces, "\nOR ", comment);
    return true;
  }
  if (cut_prefix(&comment, "migrate:repeat")) return take_repeat(parser, token);
  struct migration *migration = parser->migration;
  if (cut_prefix(&comment, "migrate:up"))
    return open_section(parser, &migration->up, token, comment);
  if (cut_prefix(&comment, "migrate:down"))
    return open_section(parser, &migration->down, token, comment);
  if (cut_prefix(&comment, "migrate:"))
    return complain(parser, token->offset,
                    "unknown marker; there are migrate:up, migrate:down, migrate:applied-if, "
                    "migrate:replaces and migrate:repeat");
  return true;
}

static bool keep_expression(struct parser *parser, const struct buffer *expression,
                            char **ret_text) {
  if (expression->length == 0) return true;
  *ret_text = strndup(expression->data, expression->length);
  return *ret_text || error_set(parser->error, ERROR_MEMORY, "out of memory");
}

static bool parse_text(struct parser *parser) {
  for (;;) {
    struct token token = scanner_next(&parser->scanner);
    if (token.kind == TOKEN_BROKEN)
      return complain(parser, token.offset, parser->scanner.complaint);
    if (token.kind == TOKEN_END) break;
    bool taken =
        token.kind == TOKEN_COMMENT ? take_comment(parser, &token) : take_token(parser, &token);
    if (!taken) return false;
  }
  if (!close_section(parser, parser->text.length)) return false;
  if (!parser->migration->up.present)
    return complain(parser, 0, "there is no '-- migrate:up' line");
  return keep_expression(parser, &parser->applied_if, &parser->migration->applied_if) &&
         keep_expression(parser, &parser->replaces, &parser->migration->replaces);
}

/* --- The whole file --- */

bool migration_parse_file_name(struct str file_name, struct version *ret_version,
                               struct str *ret_name) {
  if (file_name.length > 4 &&
      str_equal((struct str){file_name.data + file_name.length - 4, 4}, STR(".sql")))
    file_name.length -= 4;
  size_t digits = 0;
  while (digits < file_name.length && file_name.data[digits] >= '0' &&
         file_name.data[digits] <= '9')
    digits++;
  if (digits == file_name.length || file_name.data[digits] != '_') return false;
  struct str name = {file_name.data + digits + 1, file_name.length - digits - 1};
  if (name.length == 0 || name.length > MIGRATION_NAME_MAX) return false;
  for (size_t i = 0; i < name.length; i++) {
    char byte = name.data[i], lower = (char)(byte | 0x20);
    bool fine = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
                byte == '-';
    if (!fine) return false;
  }
  if (!version_parse((struct str){file_name.data, digits}, ret_version)) return false;
  *ret_name = name;
  return true;
}

static void append_section(struct buffer *buffer, const struct migration *migration,
                           const struct section *section, size_t count) {
  assert(count <= section->count);
  for (size_t i = 0; i < count; i++) {
    if (section->statements[i].repeat) buffer_append_text(buffer, "repeat ");
    scanner_append_normalised(buffer, migration_statement_text(migration, &section->statements[i]));
    buffer_append_text(buffer, ";\n");
  }
}

static void hash_hex(const struct buffer *buffer, char ret_hex[65]) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256((const unsigned char *)(buffer->data ? buffer->data : ""), buffer->length, digest);
  struct buffer hex = BUFFER_EMPTY;
  encoding_hex_append(&hex, digest, sizeof(digest));
  memcpy(ret_hex, buffer_text(&hex), 65);
  buffer_free(&hex);
}

void migration_section_checksum(const struct migration *migration, const struct section *section,
                                size_t count, char ret_hex[65]) {
  struct buffer normalised = BUFFER_EMPTY;
  append_section(&normalised, migration, section, count);
  hash_hex(&normalised, ret_hex);
  buffer_free(&normalised);
}

static void set_checksum(struct migration *migration) {
  struct buffer normalised = BUFFER_EMPTY;
  append_section(&normalised, migration, &migration->up, migration->up.count);
  buffer_append_text(&normalised, "-- down\n");
  append_section(&normalised, migration, &migration->down, migration->down.count);
  hash_hex(&normalised, migration->checksum);
  buffer_free(&normalised);
}

/* Copies path, name and text: false when the file's name is not a migration's, or memory is out. */
static bool fill_in(struct migration *migration, const char *path, struct str text,
                    struct error *error) {
  const char *slash = strrchr(path, '/');
  struct str name;
  if (!migration_parse_file_name(str_from(slash ? slash + 1 : path), &migration->version, &name))
    return error_set(error, ERROR_CONFLICT,
                     "%s: a migration's file is named VERSION_name.sql: up to %d digits, then "
                     "letters, digits, '_' and '-'",
                     path, VERSION_DIGITS_MAX);
  migration->path = strdup(path);
  migration->name = strndup(name.data, name.length);
  migration->text = malloc(text.length + 1);
  if (!migration->path || !migration->name || !migration->text)
    return error_set(error, ERROR_MEMORY, "out of memory");
  if (text.length > 0) memcpy(migration->text, text.data, text.length);
  migration->text[text.length] = '\0';
  migration->length = text.length;
  return true;
}

/* UTF-16 by its byte order mark, or because one byte of its first character is zero. */
static bool is_utf16(struct str text) {
  if (text.length < 2) return false;
  return str_starts_with(text, STR("\xFF\xFE")) || str_starts_with(text, STR("\xFE\xFF")) ||
         (text.data[0] == '\0') != (text.data[1] == '\0');
}

/* Cuts a byte order mark off. */
static bool check_encoding(const char *path, struct str *text, struct error *error) {
  struct str mark = STR("\xEF\xBB\xBF");
  if (is_utf16(*text))
    return error_set(error, ERROR_CONFLICT, "%s: this is UTF-16; save it as UTF-8", path);
  if (text->length > 0 && (memchr(text->data, '\0', text->length) || !utf8_valid(*text)))
    return error_set(error, ERROR_CONFLICT, "%s: not UTF-8 text", path);
  if (str_starts_with(*text, mark))
    *text = (struct str){text->data + mark.length, text->length - mark.length};
  return true;
}

bool migration_parse(const char *path, struct str text, const struct migrate_reporter *reporter,
                     struct migration **ret_migration, struct error *error) {
  if (text.length > MIGRATION_FILE_MAX)
    return error_set(error, ERROR_CONFLICT, "%s: larger than %d MiB", path,
                     MIGRATION_FILE_MAX / 1024 / 1024);
  if (!check_encoding(path, &text, error)) return false;
  _cleanup_(migration_free_p) struct migration *migration = calloc(1, sizeof(*migration));
  if (!migration) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!fill_in(migration, path, text, error)) return false;
  struct parser parser = {.migration = migration,
                          .text = migration_text(migration),
                          .scanner = {.text = migration_text(migration)},
                          .line = 1,
                          .reporter = reporter,
                          .error = error};
  bool parsed = parse_text(&parser);
  buffer_free(&parser.applied_if);
  buffer_free(&parser.replaces);
  if (!parsed) return false;
  set_checksum(migration);
  *ret_migration = migration;
  migration = NULL;
  return true;
}

void migration_free(struct migration *migration) {
  if (!migration) return;
  free(migration->up.statements);
  free(migration->down.statements);
  free(migration->allowances);
  free(migration->applied_if);
  free(migration->replaces);
  free(migration->name);
  free(migration->path);
  free(migration->text);
  free(migration);
}
