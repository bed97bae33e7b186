/* manifest.c: what earlier syncs left in the bucket about themselves, as a JSON file. */
#include "lib/sync/have/manifest.h"

#include "lib/base/json_writer.h"
#include "lib/sync/keyed.h"

#include <inttypes.h>
#include <jansson.h>

enum { MANIFEST_VERSION = 1 };

struct manifest_reader {
  struct arena *arena;
  struct manifest *manifest;
};

static const char *text_of(struct arena *arena, const json_t *value) {
  return json_is_string(value)
             ? arena_copy(arena, (struct str){json_string_value(value), json_string_length(value)})
             : NULL;
}

static bool read_number(const json_t *value, int64_t *ret_number) {
  if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
  *ret_number = json_integer_value(value);
  return true;
}

/* [etag, md5, headers, verified, first, last] */
static bool read_object(const struct manifest_reader *reader, const char *key, const json_t *value,
                        struct known_object *object) {
  int64_t verified, first, last;
  object->key = arena_copy(reader->arena, str_from(key));
  object->etag = text_of(reader->arena, json_array_get(value, 0));
  object->md5 = text_of(reader->arena, json_array_get(value, 1));
  object->headers_digest = text_of(reader->arena, json_array_get(value, 2));
  if (!object->etag || !object->md5 || !object->headers_digest ||
      !read_number(json_array_get(value, 3), &verified) ||
      !read_number(json_array_get(value, 4), &first) ||
      !read_number(json_array_get(value, 5), &last))
    return false;
  object->verified_s = verified;
  object->first = (uint64_t)first;
  object->last = (uint64_t)last;
  return true;
}

static bool read_objects(const struct manifest_reader *reader, json_t *objects) {
  struct manifest *manifest = reader->manifest;
  if (!json_is_object(objects)) return false;
  manifest->objects =
      arena_take(reader->arena, (json_object_size(objects) + 1) * sizeof(struct known_object));
  const char *key;
  json_t *value;
  json_object_foreach(objects, key, value) {
    if (!manifest->objects ||
        !read_object(reader, key, value, &manifest->objects[manifest->object_count]))
      return false;
    manifest->object_count++;
  }
  return true;
}

static bool read_release(const struct manifest_reader *reader, const json_t *value,
                         struct known_release *release) {
  int64_t number, files, restored;
  release->id = text_of(reader->arena, json_object_get(value, "id"));
  if (!release->id || !read_number(json_object_get(value, "number"), &number) ||
      !read_number(json_object_get(value, "created"), &release->created_s) ||
      !read_number(json_object_get(value, "files"), &files) ||
      !read_number(json_object_get(value, "restored"), &restored))
    return false;
  release->number = (uint64_t)number;
  release->files = (uint64_t)files;
  release->restored = (uint64_t)restored;
  return number > 0;
}

static bool read_releases(const struct manifest_reader *reader, const json_t *releases) {
  struct manifest *manifest = reader->manifest;
  size_t count = json_array_size(releases);
  if (!json_is_array(releases) || count > MANIFEST_RELEASES_LIMIT) return false;
  manifest->releases = arena_take(reader->arena, (count + 1) * sizeof(struct known_release));
  for (size_t i = 0; i < count; i++) {
    struct known_release *release = &manifest->releases[i];
    if (!manifest->releases || !read_release(reader, json_array_get(releases, i), release))
      return false;
    if (release->number <= manifest->sequence) return false;
    manifest->sequence = release->number;
    manifest->release_count++;
  }
  return true;
}

static bool read_blobs(const struct manifest_reader *reader, json_t *blobs) {
  struct manifest *manifest = reader->manifest;
  if (!json_is_object(blobs)) return false;
  manifest->blobs =
      arena_take(reader->arena, (json_object_size(blobs) + 1) * sizeof(struct known_blob));
  const char *md5;
  json_t *value;
  json_object_foreach(blobs, md5, value) {
    int64_t last;
    if (!manifest->blobs || !read_number(value, &last)) return false;
    manifest->blobs[manifest->blob_count++] =
        (struct known_blob){arena_copy(reader->arena, str_from(md5)), (uint64_t)last};
  }
  return true;
}

bool manifest_parse(struct str text, struct arena *arena, struct manifest *ret_manifest,
                    struct error *error) {
  json_error_t problem;
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  struct manifest manifest = {0};
  struct manifest_reader reader = {arena, &manifest};
  bool read = root && json_integer_value(json_object_get(root, "version")) == MANIFEST_VERSION &&
              read_releases(&reader, json_object_get(root, "releases")) &&
              read_objects(&reader, json_object_get(root, "objects")) &&
              read_blobs(&reader, json_object_get(root, "blobs"));
  json_decref(root);
  if (arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!read) return error_set(error, ERROR_INVALID, "this is not the manifest of a sync");
  manifest_sort(&manifest);
  *ret_manifest = manifest;
  return true;
}

static void write_text(struct buffer *output, const char *text) {
  json_append_string(output, str_from(text));
}

static void write_objects(const struct manifest *manifest, struct buffer *output) {
  for (size_t i = 0; i < manifest->object_count; i++) {
    const struct known_object *object = &manifest->objects[i];
    buffer_append_text(output, i == 0 ? "\n" : ",\n");
    write_text(output, object->key);
    buffer_append_text(output, ":[");
    write_text(output, object->etag);
    buffer_append_char(output, ',');
    write_text(output, object->md5);
    buffer_append_char(output, ',');
    write_text(output, object->headers_digest);
    buffer_append_format(output, ",%" PRId64 ",%" PRIu64 ",%" PRIu64 "]", object->verified_s,
                         object->first, object->last);
  }
}

void manifest_write(const struct manifest *manifest, struct buffer *output) {
  buffer_append_format(output, "{\"version\":%d,\n\"releases\":[", MANIFEST_VERSION);
  for (size_t i = 0; i < manifest->release_count; i++) {
    const struct known_release *release = &manifest->releases[i];
    buffer_append_format(output, "%s\n{\"number\":%" PRIu64 ",\"id\":", i == 0 ? "" : ",",
                         release->number);
    write_text(output, release->id);
    buffer_append_format(output,
                         ",\"created\":%" PRId64 ",\"files\":%" PRIu64 ",\"restored\":%" PRIu64 "}",
                         release->created_s, release->files, release->restored);
  }
  buffer_append_text(output, "],\n\"objects\":{");
  write_objects(manifest, output);
  buffer_append_text(output, "},\n\"blobs\":{");
  for (size_t i = 0; i < manifest->blob_count; i++) {
    buffer_append_text(output, i == 0 ? "\n" : ",\n");
    write_text(output, manifest->blobs[i].md5);
    buffer_append_format(output, ":%" PRIu64, manifest->blobs[i].last);
  }
  buffer_append_text(output, "}}\n");
}

void manifest_sort(struct manifest *manifest) {
  keyed_sort(manifest->objects, manifest->object_count, sizeof(manifest->objects[0]));
  keyed_sort(manifest->blobs, manifest->blob_count, sizeof(manifest->blobs[0]));
}

struct known_object *manifest_object(const struct manifest *manifest, const char *key) {
  return keyed_find(manifest->objects, manifest->object_count, sizeof(manifest->objects[0]), key);
}

struct known_blob *manifest_blob(const struct manifest *manifest, const char *md5) {
  return keyed_find(manifest->blobs, manifest->blob_count, sizeof(manifest->blobs[0]), md5);
}

const struct known_release *manifest_release(const struct manifest *manifest, uint64_t number) {
  for (size_t i = 0; i < manifest->release_count; i++)
    if (manifest->releases[i].number == number) return &manifest->releases[i];
  return NULL;
}
