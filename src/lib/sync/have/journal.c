/* journal.c: what a sync owes to the caches, as a JSON file in the bucket. */
#include "lib/sync/have/journal.h"

#include "lib/base/json_writer.h"
#include "lib/sync/keyed.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

enum { JOURNAL_VERSION = 1, PATH_LENGTH_LIMIT = 4096 };

/* CloudFront refuses every other path, and a run that it refuses could never be finished. */
static bool is_path(const char *path) {
  if (!path || path[0] != '/' || strlen(path) > PATH_LENGTH_LIMIT) return false;
  for (; *path; path++)
    if (*path <= ' ' || *path > '~') return false;
  return true;
}

bool journal_add_path(struct journal_paths *paths, struct arena *arena, const char *path) {
  const char **list =
      arena_grow(arena, paths->paths, paths->count, &paths->capacity, sizeof(*list));
  if (!list) return false;
  paths->paths = list;
  paths->paths[paths->count++] = path;
  return true;
}

static bool read_paths(const json_t *list, struct arena *arena, struct journal_paths *paths) {
  if (!json_is_array(list) || json_array_size(list) > JOURNAL_PATHS_LIMIT) return false;
  for (size_t i = 0; i < json_array_size(list); i++) {
    const char *path = json_string_value(json_array_get(list, i));
    if (!is_path(path) || !journal_add_path(paths, arena, arena_copy(arena, str_from(path))))
      return false;
  }
  return true;
}

/* An object that is written is KEY: [MD5, ETag before]. A journal of an older version has none. */
static bool read_writes(json_t *writes, struct arena *arena, struct journal *journal) {
  if (!writes) return true;
  const char *key, *md5, *before;
  json_t *row;
  if (!json_is_object(writes)) return false;
  journal->writes = arena_take(arena, json_object_size(writes) * sizeof(journal->writes[0]));
  json_object_foreach(writes, key, row) {
    if (!journal->writes || json_unpack(row, "[s, s]", &md5, &before) != 0) return false;
    journal->writes[journal->write_count++] =
        (struct journal_write){arena_copy(arena, str_from(key)), arena_copy(arena, str_from(md5)),
                               arena_copy(arena, str_from(before))};
  }
  keyed_sort(journal->writes, journal->write_count, sizeof(journal->writes[0]));
  return true;
}

const struct journal_write *journal_find(const struct journal *journal, const char *key) {
  return keyed_find(journal->writes, journal->write_count, sizeof(journal->writes[0]), key);
}

bool journal_parse(struct str text, struct arena *arena, struct journal *ret_journal,
                   struct error *error) {
  json_error_t problem;
  struct journal journal = {0};
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  const char *id, *target;
  json_t *changed, *deleted, *writes = NULL;
  json_int_t restored = 0;
  int version;
  bool read = root &&
              json_unpack(root, "{s: i, s: s, s: s, s: o, s: o, s?: o, s?: I}", "version", &version,
                          "id", &id, "target", &target, "changed", &changed, "deleted", &deleted,
                          "writes", &writes, "restored", &restored) == 0 &&
              version == JOURNAL_VERSION && *id && *target && restored >= 0 &&
              read_paths(changed, arena, &journal.changed) &&
              read_paths(deleted, arena, &journal.deleted) && read_writes(writes, arena, &journal);
  if (read) {
    journal.id = arena_copy(arena, str_from(id));
    journal.target = arena_copy(arena, str_from(target));
    journal.restored = (uint64_t)restored;
  }
  json_decref(root);
  if (arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!read) return error_set(error, ERROR_INVALID, "this is not the journal of a sync");
  *ret_journal = journal;
  return true;
}

static void write_paths(const struct journal_paths *paths, struct buffer *output) {
  buffer_append_char(output, '[');
  for (size_t i = 0; i < paths->count; i++) {
    buffer_append_text(output, i == 0 ? "\n" : ",\n");
    json_writer_string(output, str_from(paths->paths[i]));
  }
  buffer_append_char(output, ']');
}

void journal_write(const struct journal *journal, struct buffer *output) {
  assert(*journal->id && *journal->target);
  buffer_append_format(output, "{\"version\":%d,\"id\":", JOURNAL_VERSION);
  json_writer_string(output, str_from(journal->id));
  buffer_append_text(output, ",\"target\":");
  json_writer_string(output, str_from(journal->target));
  buffer_append_text(output, ",\n\"changed\":");
  write_paths(&journal->changed, output);
  buffer_append_text(output, ",\n\"deleted\":");
  write_paths(&journal->deleted, output);
  buffer_append_format(output, ",\n\"restored\":%" PRIu64 ",\n\"writes\":{", journal->restored);
  for (size_t i = 0; i < journal->write_count; i++) {
    const struct journal_write *write = &journal->writes[i];
    assert(*write->key && *write->md5);
    buffer_append_text(output, i == 0 ? "\n" : ",\n");
    json_writer_string(output, str_from(write->key));
    buffer_append_text(output, ":[");
    json_writer_string(output, str_from(write->md5));
    buffer_append_char(output, ',');
    json_writer_string(output, str_from(write->before));
    buffer_append_char(output, ']');
  }
  buffer_append_text(output, "}}\n");
}
