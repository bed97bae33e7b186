/* release_list.c: the list of what a release consists of, as a JSON file in the bucket. */
#include "lib/sync/do/release_list.h"

#include "lib/base/cleanup.h"
#include "lib/base/json_writer.h"
#include "lib/sync/have/sync_state.h"
#include "lib/sync/keyed.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>

enum { LIST_VERSION = 1 };

/* The members of the JSON object, one for each class. */
static const char *const MEMBERS[] = {
    [SYNC_ASSET] = "assets", [SYNC_REST] = "files", [SYNC_PAGE] = "pages"};

/* --- Writing --- */

/* An asset is the row [key]. */
static void write_asset(const char *key, const char **separator, struct buffer *output) {
  buffer_append_text(output, *separator);
  buffer_append_char(output, '[');
  json_writer_string(output, str_from(key));
  buffer_append_char(output, ']');
  *separator = ",\n";
}

/* Another object is the row [key, md5, size, header…], without the headers at the end that are not
 * set. */
static void write_object(const struct sync_object *object, const char **separator,
                         struct buffer *output) {
  const char *const *values = object->headers.values;
  size_t headers = SYNC_HEADER_COUNT;
  while (headers > 0 && !*values[headers - 1])
    headers--;
  buffer_append_text(output, *separator);
  buffer_append_char(output, '[');
  json_writer_string(output, str_from(object->key));
  buffer_append_format(output, ",\"%s\",%" PRIu64, object->md5, object->size);
  for (size_t header = 0; header < headers; header++) {
    buffer_append_char(output, ',');
    json_writer_string(output, str_from(values[header]));
  }
  buffer_append_char(output, ']');
  *separator = ",\n";
}

static void write_class(const struct sync_build *build, enum sync_class class,
                        struct buffer *output) {
  const char *separator = "\n";
  buffer_append_format(output, ",\n\"%s\":[", MEMBERS[class]);
  for (size_t i = 0; i < build->count; i++) {
    const struct sync_object *object = &build->objects[i];
    if (object->class != class) continue;
    if (class == SYNC_ASSET)
      write_asset(object->key, &separator, output);
    else
      write_object(object, &separator, output);
  }
  for (size_t i = 0; class == SYNC_ASSET && i < build->needed_count; i++)
    write_asset(build->needed[i], &separator, output);
  buffer_append_char(output, ']');
}

bool release_list_write(const struct sync_session *session, const struct sync_place *place,
                        const struct sync_build *build, uint64_t number, struct arena *arena,
                        struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  assert(number > 0);
  buffer_append_format(&text, "{\"version\":%d,\"number\":%" PRIu64, LIST_VERSION, number);
  for (enum sync_class kind = SYNC_ASSET; kind <= SYNC_PAGE; kind++)
    write_class(build, kind, &text);
  buffer_append_text(&text, "}\n");
  if (text.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  return sync_state_put(session, place, place_release_key(place, arena, number), buffer_str(&text),
                        error);
}

/* --- Reading --- */

struct release_reader {
  const struct sync_place *place;
  struct arena *arena;
  struct sync_build build;
};

/* A key that a sync may write: anything else would let a list in the bucket touch other objects. */
static const char *read_key(const struct release_reader *reader, const json_t *row) {
  const char *key = json_string_value(json_array_get(row, 0));
  if (!key || !place_holds(reader->place, key) || place_is_state(reader->place, key)) return NULL;
  return arena_copy(reader->arena, str_from(key));
}

static bool read_content(const struct release_reader *reader, const json_t *row,
                         struct sync_object *object) {
  const char *md5 = json_string_value(json_array_get(row, 1));
  const json_t *size = json_array_get(row, 2);
  if (!md5 || strlen(md5) != DIGEST_MD5_SIZE - 1 || !json_is_integer(size) ||
      json_integer_value(size) < 0)
    return false;
  object->size = (uint64_t)json_integer_value(size);
  memcpy(object->md5, md5, sizeof(object->md5));
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    const json_t *header = json_array_get(row, 3 + i);
    if (header && !json_is_string(header)) return false;
    const char *value = header ? json_string_value(header) : "";
    object->headers.values[i] = arena_copy(reader->arena, str_from(value));
  }
  return true;
}

static bool read_row(struct release_reader *reader, const json_t *row, enum sync_class class) {
  struct sync_build *build = &reader->build;
  const char *key = read_key(reader, row);
  if (!key) return false;
  if (class == SYNC_ASSET) {
    build->needed[build->needed_count++] = key;
    return true;
  }
  struct sync_object *object = &build->objects[build->count++];
  *object =
      (struct sync_object){.key = key, .path = "", .class = class, .headers = OBJECT_HEADERS_EMPTY};
  return read_content(reader, row, object);
}

static bool read_root(struct release_reader *reader, const json_t *root) {
  struct sync_build *build = &reader->build;
  size_t assets = json_array_size(json_object_get(root, MEMBERS[SYNC_ASSET]));
  size_t objects = json_array_size(json_object_get(root, MEMBERS[SYNC_REST])) +
                   json_array_size(json_object_get(root, MEMBERS[SYNC_PAGE]));
  build->needed = arena_take(reader->arena, assets * sizeof(build->needed[0]));
  build->objects = arena_take(reader->arena, objects * sizeof(build->objects[0]));
  if (!build->needed || !build->objects) return false;
  for (enum sync_class kind = SYNC_ASSET; kind <= SYNC_PAGE; kind++) {
    const json_t *rows = json_object_get(root, MEMBERS[kind]);
    if (!json_is_array(rows)) return false;
    for (size_t i = 0; i < json_array_size(rows); i++)
      if (!read_row(reader, json_array_get(rows, i), kind)) return false;
  }
  assert(build->needed_count == assets && build->count == objects);
  keyed_sort(build->objects, build->count, sizeof(build->objects[0]));
  return !keyed_double(build->objects, build->count, sizeof(build->objects[0]));
}

bool release_list_read(const struct sync_session *session, const struct sync_place *place,
                       uint64_t number, struct arena *arena, struct sync_build *ret_build,
                       struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  bool found = false;
  json_error_t problem;
  if (!sync_state_get(session, place, place_release_key(place, arena, number),
                      RELEASE_LIST_SIZE_LIMIT, &text, &found, error))
    return false;
  if (!found)
    return error_set(error, ERROR_REFUSED,
                     "the pages of release %" PRIu64
                     " are not kept any more (--keep-releases says how many are)",
                     number);
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  struct release_reader reader = {.place = place, .arena = arena, .build = {.folder = ""}};
  bool read = root && read_root(&reader, root);
  json_decref(root);
  if (arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!read)
    return error_set(error, ERROR_REFUSED, "the list of release %" PRIu64 " cannot be read",
                     number);
  *ret_build = reader.build;
  return true;
}
