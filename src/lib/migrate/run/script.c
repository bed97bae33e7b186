/* script.c: see script.h. A script is made once and then only read, but for what
 * script_look_at_index() finds before each try of a step. It points into the files, the history and
 * the context; it owns its steps alone. */
#include "lib/migrate/run/script.h"

#include "lib/migrate/file/words.h"
#include "lib/migrate/state/catalog.h"

#include <assert.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { SERVER_VERSION_ASSUMED = 150000 };

struct script_context script_context_new(const struct migrate_session *session,
                                         const struct history *history) {
  struct script_context context = {.history = history,
                                   .server_version = session->pg
                                                         ? pg_session_server_version(session->pg)
                                                         : SERVER_VERSION_ASSUMED,
                                   .lock_timeout_ms = session->options->lock_timeout_ms};
  char host[65] = "unknown";
  gethostname(host, sizeof(host) - 1);
  char strings[1024];
  struct passwd entry, *found = NULL;
  getpwuid_r(geteuid(), &entry, strings, sizeof(strings), &found);
  if (found)
    snprintf(context.applied_by, sizeof(context.applied_by), " (%.80s@%.80s)", entry.pw_name, host);
  else
    snprintf(context.applied_by, sizeof(context.applied_by), " (uid %ld@%.80s)", (long)geteuid(),
             host);
  return context;
}

/* --- Making --- */

static const struct statement *statement_of(const struct script *script, size_t i) {
  assert(i < script->section->count);
  return &script->section->statements[i];
}

static struct str text_of(const struct script *script, size_t i) {
  return migration_statement_text(script->migration, statement_of(script, i));
}

/* SET, RESET, and SELECT set_config(…). */
static bool is_setting(struct str sql) {
  struct words words = words_of(sql);
  if (words_is(&words, "set") || words_is(&words, "reset")) return true;
  if (!words_skip(&words, "select")) return false;
  if (words_skip(&words, "pg_catalog") && words_is_symbol(&words, '.')) words_step(&words);
  return words_is(&words, "set_config");
}

bool script_is_stepwise(const struct script *script) {
  /* What was begun in steps is gone on with in steps, whatever the file says now. */
  return !script->section->transaction || script->done_before > 0 ||
         (script->progress && script->progress->running);
}

const struct version *script_version(const struct script *script) {
  return script->entry ? &script->entry->version : &script->migration->version;
}

bool script_ends_with(const struct script_step *step) {
  return step->kind == SCRIPT_TRANSACTION || step->kind == SCRIPT_RECORD;
}

static bool check_resume_point(const struct script *script, struct error *error) {
  const struct history_progress *progress = script->progress;
  if (!progress || (progress->done == 0 && !progress->running)) return true;
  if (progress->done <= script->section->count) {
    char checksum[65];
    migration_section_checksum(script->migration, script->section, progress->done, checksum);
    if (strcmp(checksum, progress->checksum) == 0) return true;
  }
  return error_set(
      error, ERROR_REFUSED,
      "%s: its first %zu statements have run in this database, and the file says something else "
      "there now; put them back as they were (statements behind them may change), or drop the "
      "resume point with `cruddur repair --forget %s` and make the file fit what is there; nothing "
      "was done",
      script->migration->path, progress->done, script_version(script)->text);
}

static struct script_step *add(struct script *script, enum script_step_kind kind, size_t first,
                               size_t count) {
  struct script_step *step = &script->steps[script->count++];
  *step = (struct script_step){.kind = kind, .first = first, .count = count};
  return step;
}

static void add_statement(struct script *script, size_t i) {
  struct bare_statement bare = bare_statement_parse(text_of(script, i));
  struct script_step *step =
      add(script, bare.kind == BARE_NONE ? SCRIPT_WRAPPED : SCRIPT_BARE, i, 1);
  step->bare = bare;
  step->in_doubt = i == script->done_before && script->progress && script->progress->running;
}

static void add_steps(struct script *script) {
  size_t count = script->section->count;
  for (size_t i = 0; i < script->done_before; i++)
    if (is_setting(text_of(script, i))) add(script, SCRIPT_REPLAY, i, 1);
  for (size_t i = script->done_before; i < count; i++)
    add_statement(script, i);
  add(script, SCRIPT_RECORD, count, 0);
  add(script, SCRIPT_SETTINGS, count, 0);
}

/* A script runs every statement that is not done once, in order, and ends with one row in the
 * history: checked here, where it is made, and again in execute.c. */
static void assert_complete(const struct script *script) {
  size_t next = script->done_before, ends = 0;
  for (size_t i = 0; i < script->count; i++) {
    const struct script_step *step = &script->steps[i];
    if (step->kind == SCRIPT_REPLAY) continue;
    assert((step->count == 0 || step->first == next) && "a statement is run out of order");
    next += step->count;
    ends += script_ends_with(step);
  }
  assert(next == script->section->count && ends == 1);
}

bool script_make(struct script *script, struct error *error) {
  script->section = script->down ? &script->migration->down : &script->migration->up;
  assert(script->section->present && "planned without a section to run");
  assert(script->down || !script->entry);
  if (!check_resume_point(script, error)) return false;
  script->done_before = script->progress ? script->progress->done : 0;
  bool stepwise = script_is_stepwise(script);
  script->steps = calloc(stepwise ? script->section->count + 2 : 2, sizeof(*script->steps));
  if (!script->steps) return error_set(error, ERROR_MEMORY, "out of memory");
  if (stepwise) {
    add_steps(script);
  } else {
    add(script, SCRIPT_TRANSACTION, 0, script->section->count);
    add(script, SCRIPT_SETTINGS, script->section->count, 0);
  }
  assert_complete(script);
  return true;
}

void script_free(struct script *script) {
  for (size_t i = 0; i < script->count; i++)
    free(script->steps[i].invalid_index);
  free(script->steps);
  *script = (struct script){0};
}

/* --- Lists --- */

bool script_list_add(struct script_list *list, struct script script, struct error *error) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity ? list->capacity * 2 : 16;
    struct script *grown = realloc(list->scripts, capacity * sizeof(*grown));
    if (!grown) return error_set(error, ERROR_MEMORY, "out of memory");
    list->scripts = grown;
    list->capacity = capacity;
  }
  if (!script_make(&script, error)) return false;
  list->scripts[list->count++] = script;
  return true;
}

bool script_list_make(const struct migrate_plan *plan, const struct script_context *context,
                      const struct version *newest, struct script_list *ret_list,
                      struct error *error) {
  struct script_list list = {0};
  for (size_t i = 0; i < plan->count; i++) {
    const struct migrate_plan_item *item = &plan->items[i];
    if (!migrate_plan_item_is_pending(item)) continue;
    const struct version *version = &item->migration->version;
    if (!newest || version_compare(version, newest) > 0) newest = version;
    struct script script = {.context = context,
                            .migration = item->migration,
                            .progress = item->progress,
                            .newest_after = newest};
    if (!script_list_add(&list, script, error)) {
      script_list_free(&list);
      return false;
    }
  }
  assert(list.count == migrate_plan_pending_count(plan));
  *ret_list = list;
  return true;
}

void script_list_free(struct script_list *list) {
  for (size_t i = 0; i < list->count; i++)
    script_free(&list->scripts[i]);
  free(list->scripts);
  *list = (struct script_list){0};
}

/* --- Invalid indexes --- */

bool script_look_at_index(struct script_step *step, struct pg_session *session,
                          struct error *error) {
  free(step->invalid_index);
  step->invalid_index = NULL;
  step->is_done = false;
  const struct bare_statement *bare = &step->bare;
  if (bare->index.length == 0) return true; /* it neither builds nor drops an index by name */
  enum catalog_index state;
  _cleanup_free_ char *name = NULL;
  if (!catalog_index_state(session, bare, &state, &name, error)) return false;
  bool creates = bare->kind == BARE_CREATE_INDEX;
  step->is_done = step->in_doubt && state == (creates ? CATALOG_INDEX_VALID : CATALOG_INDEX_ABSENT);
  if (creates && state == CATALOG_INDEX_INVALID) {
    step->invalid_index = name;
    name = NULL;
  }
  return true;
}

/* --- As SQL --- */

static void append_begin(bool rehearsal, struct buffer *sql) {
  if (!rehearsal) buffer_append_text(sql, "BEGIN;\n");
}

/* In a rehearsal, what a commit would check late is checked now. */
static void append_commit(bool rehearsal, struct buffer *sql) {
  buffer_append_text(sql, rehearsal ? "SET CONSTRAINTS ALL IMMEDIATE;\n" : "COMMIT;\n");
}

/* How long a statement waits for a lock, and the name that others see. Names hold nothing that
 * would need quoting: see migration_parse_file_name(). */
static void append_settings(const struct script *script, const char *set, bool waits_for_ever,
                            struct buffer *sql) {
  unsigned own = script->section->lock_timeout_ms;
  unsigned timeout = own ? own : script->context->lock_timeout_ms;
  buffer_append_format(sql, "%s lock_timeout = %u;\n%s application_name = 'cruddur %s %s_%.60s';\n",
                       set, waits_for_ever ? 0 : timeout, set,
                       script->down ? "rollback" : "migrate", script_version(script)->text,
                       script->migration->name);
}

static void append_progress(const struct script *script, size_t done, bool running,
                            struct buffer *sql) {
  assert(done <= script->section->count);
  history_append_progress(sql, script->migration, script->section, script_version(script), done,
                          running);
}

void script_append_opening(const struct script *script, const struct script_step *step,
                           bool rehearsal, struct buffer *sql) {
  switch (step->kind) {
  case SCRIPT_SETTINGS:
    migrate_session_append_settings(sql, script->context->server_version,
                                    script->context->lock_timeout_ms);
    break;
  case SCRIPT_REPLAY: break;
  case SCRIPT_TRANSACTION:
  case SCRIPT_WRAPPED:
  case SCRIPT_RECORD:
    append_begin(rehearsal, sql);
    append_settings(script, "SET LOCAL", false, sql);
    break;
  case SCRIPT_BARE:
    /* A concurrent build waits for old transactions without being in anybody's way. */
    append_settings(script, "SET", step->bare.concurrently && !rehearsal, sql);
    append_progress(script, step->first, true, sql);
    break;
  }
}

void script_append_drop_index(const struct script_step *step, bool rehearsal, struct buffer *sql) {
  if (!step->invalid_index || step->is_done) return;
  buffer_append_format(sql, "DROP INDEX %s%s;\n", rehearsal ? "" : "CONCURRENTLY ",
                       step->invalid_index);
}

void script_append_statement(const struct script *script, const struct script_step *step,
                             size_t statement, bool rehearsal, struct buffer *sql) {
  assert(statement >= step->first && statement < step->first + step->count);
  if (step->is_done || (rehearsal && step->bare.kind == BARE_OTHER)) return;
  size_t start = sql->length;
  buffer_append_str(sql, text_of(script, statement));
  bool concurrently = rehearsal && step->bare.concurrently && !sql->failed;
  if (concurrently) /* no transaction allows it; the same index comes out */
    memset(sql->data + start + step->bare.concurrently_offset, ' ', strlen("CONCURRENTLY"));
  buffer_append_text(sql, ";\n");
}

static void append_record(const struct script *script, uint64_t duration_ms, struct buffer *sql) {
  const struct version *version = script_version(script);
  if (script->down)
    history_append_rolled_back(sql, version);
  else
    history_append_applied(sql, script->migration, duration_ms, script->context->applied_by, false);
  if (script->progress || !script->section->transaction) history_append_progress_end(sql, version);
  history_append_last_run(sql, history_last_run(script->context->history, script->newest_after));
}

void script_append_closing(const struct script *script, const struct script_step *step,
                           uint64_t duration_ms, bool rehearsal, struct buffer *sql) {
  switch (step->kind) {
  case SCRIPT_SETTINGS:
  case SCRIPT_REPLAY: break;
  case SCRIPT_TRANSACTION:
  case SCRIPT_RECORD:
    append_record(script, duration_ms, sql);
    append_commit(rehearsal, sql);
    break;
  case SCRIPT_WRAPPED:
    assert(!step->more || statement_of(script, step->first)->repeat);
    append_progress(script, step->first + !step->more, false, sql);
    append_commit(rehearsal, sql);
    break;
  case SCRIPT_BARE: append_progress(script, step->first + 1, false, sql); break;
  }
}

void script_print(const struct script *script, struct buffer *out) {
  buffer_append_format(out, "-- %s%s\n", script->migration->path,
                       script_is_stepwise(script) ? " (statement by statement)" : "");
  if (script->done_before > 0)
    buffer_append_format(out, "-- its first %zu statements are done\n", script->done_before);
  for (size_t i = 0; i < script->count; i++) {
    const struct script_step *step = &script->steps[i];
    script_append_opening(script, step, false, out);
    script_append_drop_index(step, false, out);
    if (step->is_done)
      buffer_append_format(out, "-- statement %zu was done by an earlier run\n", step->first + 1);
    for (size_t j = step->first; j < step->first + step->count; j++) {
      if (statement_of(script, j)->repeat)
        buffer_append_text(out, "-- a run repeats this transaction until this changes no row\n");
      script_append_statement(script, step, j, false, out);
    }
    script_append_closing(script, step, 0, false, out);
  }
  buffer_append_char(out, '\n');
}
