/* journal.c: see journal.h. */
#include "lib/sync/journal.h"

#include "lib/base/json_writer.h"

#include <jansson.h>
#include <string.h>

enum { JOURNAL_VERSION = 1, PATH_LENGTH_LIMIT = 4096 };

/* CloudFront would take no other, and a run that it refuses could never be finished. */
static bool is_path(const char *path) {
  if (!path || path[0] != '/' || strlen(path) > PATH_LENGTH_LIMIT) return false;
  for (; *path; path++)
    if (*path <= ' ' || *path > '~') return false;
  return true;
}

static bool read_paths(const json_t *list, struct arena *arena, struct invalidation_paths *paths) {
  if (!json_is_array(list)) return false;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *path = json_string_value(json_array_get(list, i));
    if (!is_path(path) || !invalidation_add(paths, arena_copy(arena, str_from(path)))) return false;
  }
  return true;
}

bool journal_parse(struct str text, struct arena *arena, struct journal *ret_journal,
                   struct error *error) {
  json_error_t problem;
  struct journal journal = {0};
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  const char *id = json_string_value(json_object_get(root, "id"));
  const char *target = json_string_value(json_object_get(root, "target"));
  bool read = root && id && target &&
              json_integer_value(json_object_get(root, "version")) == JOURNAL_VERSION &&
              read_paths(json_object_get(root, "changed"), arena, &journal.changed) &&
              read_paths(json_object_get(root, "deleted"), arena, &journal.deleted);
  if (read) {
    journal.id = arena_copy(arena, str_from(id));
    journal.target = arena_copy(arena, str_from(target));
  }
  json_decref(root);
  if (read && !arena->failed) {
    *ret_journal = journal;
    return true;
  }
  journal_free(&journal);
  return error_set(error, ERROR_INVALID, "this is no journal of a sync");
}

static void write_paths(const struct invalidation_paths *paths, struct buffer *output) {
  buffer_append_char(output, '[');
  for (size_t i = 0; i < paths->count; i++) {
    buffer_append_text(output, i == 0 ? "\n" : ",\n");
    json_append_string(output, str_from(paths->paths[i]));
  }
  buffer_append_char(output, ']');
}

void journal_write(const struct journal *journal, struct buffer *output) {
  buffer_append_format(output, "{\"version\":%d,\"id\":", JOURNAL_VERSION);
  json_append_string(output, str_from(journal->id));
  buffer_append_text(output, ",\"target\":");
  json_append_string(output, str_from(journal->target));
  buffer_append_text(output, ",\n\"changed\":");
  write_paths(&journal->changed, output);
  buffer_append_text(output, ",\n\"deleted\":");
  write_paths(&journal->deleted, output);
  buffer_append_text(output, "}\n");
}

static bool add_all(struct invalidation_paths *paths, const struct invalidation_paths *more,
                    struct arena *arena) {
  for (size_t i = 0; i < more->count; i++)
    if (!invalidation_add(paths, more->paths[i])) return false;
  return invalidation_settle(paths, arena);
}

bool journal_inherit(struct journal *journal, const struct journal *earlier, bool has_uploads,
                     struct arena *arena) {
  if (!has_uploads && strcmp(journal->target, earlier->target) == 0) journal->id = earlier->id;
  return add_all(&journal->changed, &earlier->changed, arena) &&
         add_all(&journal->deleted, &earlier->deleted, arena);
}

void journal_free(struct journal *journal) {
  invalidation_free(&journal->changed);
  invalidation_free(&journal->deleted);
  *journal = (struct journal){0};
}
