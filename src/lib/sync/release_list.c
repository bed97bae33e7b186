/* release_list.c: see release_list.h. */
#include "lib/sync/release_list.h"

#include "lib/base/cleanup.h"
#include "lib/base/json_writer.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 64, LIST_VERSION = 1 };

/* The members of the JSON object, one for each class. */
static const char *const MEMBERS[] = {
    [SYNC_ASSET] = "assets", [SYNC_REST] = "files", [SYNC_PAGE] = "pages"};

const char *release_list_key(struct sync_run *run, uint64_t number) {
  char name[NAME_SIZE];
  snprintf(name, sizeof(name), "releases/%" PRIu64 ".json", number);
  return run_state_key(run, name);
}

/* --- Writing --- */

/* [key, md5, size, header…], without the headers at the end that are not set; an asset's is [key].
 */
static void write_row(const struct sync_object *object, const char *separator,
                      struct buffer *output) {
  size_t headers = SYNC_HEADER_COUNT;
  buffer_append_text(output, separator);
  buffer_append_char(output, '[');
  json_append_string(output, str_from(object->key));
  if (object->class != SYNC_ASSET) {
    while (headers > 0 && !*headers_get(&object->headers, headers - 1))
      headers--;
    buffer_append_format(output, ",\"%s\",%" PRIu64, object->md5, object->size);
    for (size_t header = 0; header < headers; header++) {
      buffer_append_char(output, ',');
      json_append_string(output, str_from(headers_get(&object->headers, header)));
    }
  }
  buffer_append_char(output, ']');
}

static void write_class(const struct sync_run *run, enum sync_class class, struct buffer *output) {
  const char *separator = "\n";
  buffer_append_format(output, ",\n\"%s\":[", MEMBERS[class]);
  for (size_t i = 0; i < run->build.count; i++) {
    if (run->build.objects[i].class != class) continue;
    write_row(&run->build.objects[i], separator, output);
    separator = ",\n";
  }
  for (size_t i = 0; class == SYNC_ASSET && i < run->restored_asset_count; i++) {
    struct sync_object asset = {.key = run->restored_assets[i], .class = SYNC_ASSET};
    write_row(&asset, separator, output);
    separator = ",\n";
  }
  buffer_append_char(output, ']');
}

bool release_list_write(struct sync_run *run, uint64_t number, struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  buffer_append_format(&text, "{\"version\":%d,\"number\":%" PRIu64, LIST_VERSION, number);
  for (enum sync_class kind = SYNC_ASSET; kind <= SYNC_PAGE; kind++)
    write_class(run, kind, &text);
  buffer_append_text(&text, "}\n");
  if (text.failed) return error_set(error, ERROR_MEMORY, "out of memory");
  return run_put(run, release_list_key(run, number), buffer_str(&text), error);
}

/* --- Reading --- */

static bool read_content(struct sync_run *run, const json_t *row, struct sync_object *object) {
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
    headers_set(&object->headers, i, arena_copy(&run->arena, str_from(value)));
  }
  return true;
}

static bool read_row(struct sync_run *run, const json_t *row, enum sync_class class,
                     struct sync_object *object) {
  const char *key = json_string_value(json_array_get(row, 0));
  if (!key || !str_starts_with(str_from(key), str_from(run->settings.prefix))) return false;
  *object = (struct sync_object){.key = arena_copy(&run->arena, str_from(key)),
                                 .path = "",
                                 .class = class,
                                 .headers = SYNC_HEADERS_EMPTY};
  return (class == SYNC_ASSET || read_content(run, row, object)) && !run->arena.failed;
}

static bool read_class(struct sync_run *run, const json_t *root, enum sync_class class,
                       struct sync_build *objects) {
  const json_t *rows = json_object_get(root, MEMBERS[class]);
  if (!json_is_array(rows)) return false;
  for (size_t i = 0; i < json_array_size(rows); i++)
    if (!read_row(run, json_array_get(rows, i), class, &objects->objects[objects->count++]))
      return false;
  return true;
}

static int compare_objects(const void *a, const void *b) {
  return strcmp(((const struct sync_object *)a)->key, ((const struct sync_object *)b)->key);
}

static bool read_root(struct sync_run *run, const json_t *root, struct sync_build *objects) {
  for (enum sync_class kind = SYNC_ASSET; kind <= SYNC_PAGE; kind++)
    objects->capacity += json_array_size(json_object_get(root, MEMBERS[kind]));
  objects->objects = calloc(objects->capacity + 1, sizeof(struct sync_object));
  if (!objects->objects) return false;
  for (enum sync_class kind = SYNC_ASSET; kind <= SYNC_PAGE; kind++)
    if (!read_class(run, root, kind, objects)) return false;
  qsort(objects->objects, objects->count, sizeof(struct sync_object), compare_objects);
  return true;
}

bool release_list_read(struct sync_run *run, uint64_t number, struct sync_build *ret_objects,
                       struct error *error) {
  _cleanup_(buffer_free) struct buffer text = BUFFER_EMPTY;
  bool found = false;
  json_error_t problem;
  if (!run_get(run, release_list_key(run, number), RELEASE_SIZE_LIMIT, &text, &found, error))
    return false;
  if (!found)
    return error_set(error, ERROR_NOT_FOUND,
                     "the pages of release %" PRIu64
                     " are not kept any more (--keep-releases says how many are)",
                     number);
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  struct sync_build objects = {0};
  bool read = root && read_root(run, root, &objects);
  json_decref(root);
  if (!read) {
    build_free(&objects);
    return error_set(error, ERROR_CONFLICT, "the list of release %" PRIu64 " cannot be read",
                     number);
  }
  *ret_objects = objects;
  return true;
}
