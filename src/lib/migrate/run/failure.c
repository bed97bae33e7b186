/* failure.c: a statement that Postgres refused, with its place in the file and what to do next. It
 * reads the session's last failure, whose texts live until the session's next call. */
#include "lib/migrate/run/failure.h"

#include "lib/migrate/file/scanner.h"

#include <stdio.h>
#include <stdlib.h>

bool failure_is_retryable(const struct pg_failure *failure) {
  if (failure->connection_lost || failure->timed_out) return false;
  return strcmp(failure->sqlstate, "55P03") == 0 || strcmp(failure->sqlstate, "40P01") == 0 ||
         strcmp(failure->sqlstate, "40001") == 0;
}

/* Postgres does not run it in a transaction, does not let a transaction use a new value of an enum,
 * or the code ends the transaction. */
static bool wants_no_transaction(const struct section *section, const struct pg_failure *failure) {
  return section->transaction &&
         (strcmp(failure->sqlstate, "25001") == 0 || strcmp(failure->sqlstate, "55P04") == 0 ||
          strcmp(failure->sqlstate, "2D000") == 0);
}

static const char *advice(const struct migrate_session *session, const struct pg_failure *failure) {
  static const struct {
    const char *sqlstate; /* or its first digits */
    const char *next;
  } KNOWN[] = {
      {"55P03",
       "wait for the sessions that hold the lock, or end them with SELECT "
       "pg_terminate_backend(PID), then run it again; --lock-timeout and --lock-tries wait "
       "longer"},
      {"40", "run it again: it collided with other transactions"},
      {"53", "make room on the database server (disk, memory, connections), then run it again"},
      {"58", "see to the database server: its log tells more; then run it again"},
      {"57014", "run it again"},
      {"42501", "connect as a role that owns these objects, then run it again"},
      {"23", "change the rows that Postgres names, or the migration, then run it again"},
      {"42", "correct the file, then run it again"},
      {"25006", "connect to the server that takes writes, then run it again"},
      {"25001", "correct the file, then run it again"},
      {"2D000", "correct the file, then run it again"},
      {"55P04", "correct the file, then run it again"},
  };
  if (migrate_session_is_interrupted(session)) return "run it again: it goes on from here";
  if (failure->connection_lost || failure->timed_out)
    return "see that the database answers (cruddur status), then run it again";
  for (size_t i = 0; i < sizeof(KNOWN) / sizeof(KNOWN[0]); i++)
    if (strncmp(failure->sqlstate, KNOWN[i].sqlstate, strlen(KNOWN[i].sqlstate)) == 0)
      return KNOWN[i].next;
  return "settle what Postgres says, then run it again";
}

/* "PL/pgSQL function inline_code_block line 5 at RAISE": line 5 of the dollar quote of a DO. */
static size_t offset_in_code_block(const struct migration *migration,
                                   const struct statement *statement, const char *context) {
  static const char WORDS[] = "PL/pgSQL function inline_code_block line ";
  const char *found = strstr(context, WORDS);
  if (!found) return statement->offset;
  struct str rest = str_from(found + strlen(WORDS));
  uint64_t line = 0;
  if (!str_cut_u64(&rest, 1, MIGRATION_FILE_MAX, &line)) return statement->offset;
  struct scanner scanner = {.text = migration_statement_text(migration, statement)};
  struct token token = scanner_next_code(&scanner);
  while (token.kind != TOKEN_END && token.kind != TOKEN_STRING)
    token = scanner_next_code(&scanner);
  size_t i = statement->offset + token.offset, end = i + token.length;
  for (uint64_t at = 1; at < line && i < end; i++)
    if (migration->text[i] == '\n') at++;
  while (i < end && (migration->text[i] == ' ' || migration->text[i] == '\t'))
    i++;
  return i < end ? i : statement->offset;
}

static size_t place_of(const struct migration *migration, const struct section *section,
                       const struct statement *statement, const struct pg_failure *failure) {
  if (!statement) return section->start;
  if (failure->position > 0)
    return report_offset_of_character(migration_text(migration), statement->offset,
                                      failure->position);
  return offset_in_code_block(migration, statement, failure->context);
}

/* The context, and the query inside a function that it is about. */
static void append_context(struct buffer *text, const struct pg_failure *failure) {
  buffer_append_text(text, failure->context);
  if (failure->internal_query[0] == '\0') return;
  buffer_append_format(text, "%sin the query: %s", text->length ? "\n" : "",
                       failure->internal_query);
}

/* Without its trailing line ends, which libpq's own messages have. */
static void append_message(struct buffer *text, const char *message) {
  size_t length = strlen(message);
  while (length > 0 && message[length - 1] == '\n')
    length--;
  buffer_append(text, message, length);
}

static void append_hint(struct buffer *text, const struct section *section,
                        const struct pg_failure *failure) {
  buffer_append_text(text, failure->hint);
  if (!wants_no_transaction(section, failure)) return;
  buffer_append_format(text,
                       "%swrite transaction:false behind the section's marker: its statements then "
                       "run one by one, each committed by itself",
                       text->length ? "\n" : "");
}

void failure_report(struct migrate_session *session, const struct migration *migration,
                    const struct section *section, const struct statement *statement,
                    const char *state, const char *fallback) {
  const struct pg_failure *failure = pg_session_failure(session->pg);
  struct buffer message = BUFFER_EMPTY, context = BUFFER_EMPTY, detail = BUFFER_EMPTY,
                hint = BUFFER_EMPTY;
  append_message(&message, failure->message[0] ? failure->message : fallback);
  append_context(&context, failure);
  append_hint(&hint, section, failure);
  buffer_append_text(&detail, failure->detail);
  const char *blockers = migrate_watch_blockers(&session->watch);
  if (strcmp(failure->sqlstate, "55P03") == 0 && blockers[0])
    buffer_append_format(&detail, "%sblocked by %s", detail.length ? "\n" : "", blockers);
  report_remark(session->reporter, SAY_ERROR,
                &(struct source_remark){.path = migration->path,
                                        .text = migration_text(migration),
                                        .offset = place_of(migration, section, statement, failure),
                                        .severity = "error",
                                        .message = buffer_text(&message),
                                        .code = failure->sqlstate,
                                        .detail = buffer_text(&detail),
                                        .hint = buffer_text(&hint),
                                        .context = buffer_text(&context),
                                        .state = state,
                                        .next = advice(session, failure)});
  buffer_free(&message);
  buffer_free(&context);
  buffer_free(&detail);
  buffer_free(&hint);
}
