/* manifest.c: what earlier syncs left in the bucket about themselves, as a JSON file. */
#include "lib/sync/have/manifest.h"

#include "lib/base/json_writer.h"
#include "lib/sync/keyed.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>

enum { MANIFEST_VERSION = 1 };

/* Numbers are never negative. */
static bool all_fit(const json_int_t *numbers, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (numbers[i] < 0) return false;
  return true;
}

static enum known_kind read_kind(const json_t *value) {
  if (!json_is_boolean(value)) return KNOWN_BY_NAME;
  return json_is_true(value) ? KNOWN_ASSET : KNOWN_PLAIN;
}

/* An object is the row [ETag, MD5, digest of the headers, verified, first, last, is an asset]; an
 * older version did not say the last one. */
static bool read_object(struct arena *arena, const char *key, json_t *row,
                        struct known_object *object) {
  const char *etag, *md5, *digest;
  json_int_t numbers[3];
  if (json_unpack(row, "[s, s, s, I, I, I]", &etag, &md5, &digest, &numbers[0], &numbers[1],
                  &numbers[2]) != 0 ||
      !all_fit(numbers, 3))
    return false;
  *object = (struct known_object){.key = arena_copy(arena, str_from(key)),
                                  .etag = arena_copy(arena, str_from(etag)),
                                  .md5 = arena_copy(arena, str_from(md5)),
                                  .headers_digest = arena_copy(arena, str_from(digest)),
                                  .kind = read_kind(json_array_get(row, 6)),
                                  .verified_s = numbers[0],
                                  .first = (uint64_t)numbers[1],
                                  .last = (uint64_t)numbers[2]};
  return true;
}

static bool read_objects(struct arena *arena, json_t *objects, struct manifest *manifest) {
  manifest->objects = arena_take(arena, json_object_size(objects) * sizeof(struct known_object));
  const char *key;
  json_t *row;
  json_object_foreach(
      objects, key,
      row) if (!manifest->objects ||
               !read_object(arena, key, row,
                            &manifest->objects[manifest->object_count++])) return false;
  return true;
}

static bool read_release(struct arena *arena, json_t *value, struct known_release *release) {
  const char *id, *commit = "", *author = "", *message = "";
  json_int_t numbers[4];
  if (json_unpack(value, "{s: s, s: I, s: I, s: I, s: I, s?: s, s?: s, s?: s}", "id", &id, "number",
                  &numbers[0], "created", &numbers[1], "files", &numbers[2], "restored",
                  &numbers[3], "commit", &commit, "author", &author, "message", &message) != 0 ||
      !all_fit(numbers, 4))
    return false;
  *release = (struct known_release){.number = (uint64_t)numbers[0],
                                    .id = arena_copy(arena, str_from(id)),
                                    .created_s = numbers[1],
                                    .files = (uint64_t)numbers[2],
                                    .restored = (uint64_t)numbers[3],
                                    .origin = {arena_copy(arena, str_from(commit)),
                                               arena_copy(arena, str_from(author)),
                                               arena_copy(arena, str_from(message))}};
  return true;
}

/* The releases are numbered from 1, the oldest first. */
static bool read_releases(struct arena *arena, json_t *releases, struct manifest *manifest) {
  size_t count = json_array_size(releases);
  if (count > MANIFEST_RELEASES_LIMIT) return false;
  manifest->releases = arena_take(arena, count * sizeof(struct known_release));
  for (size_t i = 0; i < count; i++) {
    struct known_release *release = &manifest->releases[i];
    if (!manifest->releases || !read_release(arena, json_array_get(releases, i), release) ||
        release->number <= manifest->sequence)
      return false;
    manifest->sequence = release->number;
    manifest->release_count++;
  }
  return true;
}

static bool read_blobs(struct arena *arena, json_t *blobs, struct manifest *manifest) {
  manifest->blobs = arena_take(arena, json_object_size(blobs) * sizeof(struct known_blob));
  const char *md5;
  json_t *value;
  json_object_foreach(blobs, md5, value) {
    json_int_t last = json_integer_value(value);
    if (!manifest->blobs || !json_is_integer(value) || last < 0) return false;
    manifest->blobs[manifest->blob_count++] =
        (struct known_blob){arena_copy(arena, str_from(md5)), (uint64_t)last};
  }
  return true;
}

static bool read_root(struct arena *arena, json_t *root, struct manifest *manifest) {
  json_t *releases, *objects, *blobs;
  int version;
  return json_unpack(root, "{s: i, s: o, s: o, s: o}", "version", &version, "releases", &releases,
                     "objects", &objects, "blobs", &blobs) == 0 &&
         version == MANIFEST_VERSION && json_is_array(releases) && json_is_object(objects) &&
         json_is_object(blobs) && read_releases(arena, releases, manifest) &&
         read_objects(arena, objects, manifest) && read_blobs(arena, blobs, manifest);
}

bool manifest_parse(struct str text, struct arena *arena, struct manifest *ret_manifest,
                    struct error *error) {
  json_error_t problem;
  json_t *root = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &problem);
  struct manifest manifest = {0};
  bool read = root && read_root(arena, root, &manifest);
  json_decref(root);
  if (arena->failed) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!read) return error_set(error, ERROR_INVALID, "this is not the manifest of a sync");
  manifest_sort(&manifest);
  *ret_manifest = manifest;
  return true;
}

static void write_text(struct buffer *output, const char *text) {
  json_writer_string(output, str_from(text));
}

static void write_objects(const struct manifest *manifest, struct buffer *output) {
  static const char *const KINDS[] = {
      [KNOWN_BY_NAME] = "", [KNOWN_PLAIN] = ",false", [KNOWN_ASSET] = ",true"};
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
    buffer_append_format(output, ",%" PRId64 ",%" PRIu64 ",%" PRIu64 "%s]", object->verified_s,
                         object->first, object->last, KINDS[object->kind]);
  }
}

static void write_origin(const struct build_origin *origin, struct buffer *output) {
  const char *const TEXTS[][2] = {
      {"commit", origin->commit}, {"author", origin->author}, {"message", origin->message}};
  for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
    if (!TEXTS[i][1] || !*TEXTS[i][1]) continue;
    buffer_append_format(output, ",\"%s\":", TEXTS[i][0]);
    write_text(output, TEXTS[i][1]);
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
                         ",\"created\":%" PRId64 ",\"files\":%" PRIu64 ",\"restored\":%" PRIu64,
                         release->created_s, release->files, release->restored);
    write_origin(&release->origin, output);
    buffer_append_char(output, '}');
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

uint64_t manifest_oldest(const struct manifest *manifest, uint64_t keep, bool has_new) {
  assert(keep < MANIFEST_RELEASES_LIMIT); /* more are not remembered */
  uint64_t left = keep + 1 - has_new;
  if (left == 0) return manifest->sequence + 1;
  for (size_t i = manifest->release_count; i-- > 0;)
    if (manifest->releases[i].restored == 0 && --left == 0) return manifest->releases[i].number;
  return 1;
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
