/* build.c: see build.h. */
#include "lib/sync/build.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/sync/glob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct loading {
  const struct build_options *options;
  struct arena *arena;
  struct sync_build *build;
  struct hash_cache known, next;
  struct error *error;
};

bool sync_ignores(const struct sync_ignore *ignore, const char *name) {
  for (size_t i = 0; i < ignore->count; i++)
    if (glob_fits(str_from(ignore->patterns[i]), str_from(name))) return true;
  return false;
}

const char *build_key(struct arena *arena, const char *path, bool strip_html) {
  struct str key = str_from(path), ending = STR(".html");
  bool ends = key.length > ending.length &&
              memcmp(key.data + key.length - ending.length, ending.data, ending.length) == 0;
  bool has_name = ends && key.data[key.length - ending.length - 1] != '/';
  if (strip_html && has_name && !str_equal(key, STR("index.html"))) key.length -= ending.length;
  return arena_copy(arena, key);
}

static bool refuse(struct loading *loading, const char *path, const char *why) {
  return error_set(loading->error, ERROR_CONFLICT, "%s/%s: %s", loading->options->folder, path,
                   why);
}

static const char *full_path(const char *folder, const char *path, struct buffer *buffer) {
  buffer->length = 0;
  buffer_append_format(buffer, "%s/%s", folder, path);
  return buffer_text(buffer);
}

/* --- What is ignored --- */

static bool add_ignored(struct loading *loading, const char *key) {
  struct sync_build *build = loading->build;
  if (build->ignored_count == build->ignored_capacity) {
    size_t capacity = build->ignored_capacity ? build->ignored_capacity * 2 : 32;
    const char **ignored = realloc(build->ignored, capacity * sizeof(*ignored));
    if (!ignored) return false;
    build->ignored = ignored;
    build->ignored_capacity = capacity;
  }
  build->ignored[build->ignored_count++] = key;
  return true;
}

static bool skips(const char *path, void *argument) {
  struct loading *loading = argument;
  const struct build_options *options = loading->options;
  struct sync_traits traits = rules_traits(options->rules, str_from(path), options->strip_html);
  const char *key = build_key(loading->arena, path, traits.strip_html);
  if (!traits.ignored && !sync_ignores(&options->ignore, path) &&
      !sync_ignores(&options->ignore, key))
    return false;
  _cleanup_(buffer_free) struct buffer full = BUFFER_EMPTY;
  buffer_append_format(&full, "%s%s", options->prefix, key);
  return add_ignored(loading, arena_copy(loading->arena, str_from(buffer_text(&full))));
}

/* --- Hashing --- */

static bool hash_plain(struct loading *loading, const struct scanned_file *file,
                       struct hash_entry *entry) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, head = BUFFER_EMPTY;
  full_path(loading->options->folder, file->path, &path);
  if (!digest_file(buffer_text(&path), entry->md5, &entry->body_size, &head, loading->error))
    return false;
  if (head.failed) return error_set(loading->error, ERROR_MEMORY, "out of memory");
  const char *reason = scan_refuses_content(buffer_str(&head));
  if (reason) return refuse(loading, file->path, reason);
  if (entry->body_size != file->size)
    return refuse(loading, file->path,
                  "the file changes while it is read; let the build end first");
  return true;
}

static bool read_whole(const char *path, uint64_t expected, struct buffer *body,
                       struct error *error) {
  _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return error_set(error, ERROR_CONFLICT, "%s cannot be read: %s", path, strerror(errno));
  if (!buffer_reserve(body, expected + 1)) return error_set(error, ERROR_MEMORY, "out of memory");
  ssize_t length = 0;
  while (body->length <= expected &&
         (length = read(fd, body->data + body->length, expected + 1 - body->length)) > 0)
    body->length += (size_t)length;
  if (length < 0)
    return error_set(error, ERROR_CONFLICT, "%s cannot be read: %s", path, strerror(errno));
  return true;
}

static bool hash_variant(struct loading *loading, const struct scanned_file *file,
                         struct hash_entry *entry) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, body = BUFFER_EMPTY,
                                       packed = BUFFER_EMPTY;
  full_path(loading->options->folder, file->path, &path);
  if (!read_whole(buffer_text(&path), file->size, &body, loading->error) ||
      !compress_bytes(entry->variant, buffer_str(&body), &packed, loading->error))
    return false;
  entry->body_size = packed.length;
  entry->useless = packed.length >= body.length;
  digest_md5(buffer_str(&packed), entry->md5);
  return true;
}

/* Fills `entry` from the cache, else from the file. */
static bool hash_file(struct loading *loading, const struct scanned_file *file,
                      enum sync_variant variant, struct hash_entry *entry) {
  const struct hash_entry *known = hash_cache_find(&loading->known, file, variant);
  if (known) {
    *entry = *known;
    entry->path = file->path;
  } else {
    *entry = (struct hash_entry){.path = file->path,
                                 .variant = variant,
                                 .size = file->size,
                                 .modified_ns = file->modified_ns,
                                 .changed_ns = file->changed_ns,
                                 .inode = file->inode};
    bool hashed = variant == SYNC_PLAIN ? hash_plain(loading, file, entry)
                                        : hash_variant(loading, file, entry);
    if (!hashed) return false;
  }
  hash_cache_add(&loading->next, entry);
  return true;
}

/* --- Objects --- */

static struct sync_object *new_object(struct sync_build *build) {
  if (build->count == build->capacity) {
    size_t capacity = build->capacity ? build->capacity * 2 : 256;
    struct sync_object *objects = realloc(build->objects, capacity * sizeof(*objects));
    if (!objects) return NULL;
    build->objects = objects;
    build->capacity = capacity;
  }
  return &build->objects[build->count++];
}

static bool add_object(struct loading *loading, const struct scanned_file *file,
                       const struct sync_traits *traits, const char *key,
                       const struct hash_entry *entry) {
  struct sync_object *object = new_object(loading->build);
  _cleanup_(buffer_free) struct buffer full = BUFFER_EMPTY;
  buffer_append_format(&full, "%s%s%s", loading->options->prefix, key,
                       compress_ending(entry->variant));
  if (!object || full.failed) return error_set(loading->error, ERROR_MEMORY, "out of memory");
  *object = (struct sync_object){.key = arena_copy(loading->arena, buffer_str(&full)),
                                 .path = file->path,
                                 .size = entry->body_size,
                                 .class = traits->class,
                                 .variant = entry->variant,
                                 .headers = traits->headers};
  memcpy(object->md5, entry->md5, sizeof(object->md5));
  if (entry->variant != SYNC_PLAIN)
    object->headers.content_encoding = compress_encoding(entry->variant);
  if (full.length > SYNC_KEY_LENGTH_LIMIT)
    return refuse(loading, file->path, "its key is longer than 1024 bytes");
  return true;
}

static bool add_file(struct loading *loading, const struct scanned_file *file) {
  const struct build_options *options = loading->options;
  struct sync_traits traits =
      rules_traits(options->rules, str_from(file->path), options->strip_html);
  const char *key = build_key(loading->arena, file->path, traits.strip_html);
  if (str_starts_with(str_from(key), STR(SYNC_STATE_FOLDER)))
    return refuse(loading, file->path, "the folder .cruddur is the sync's own");
  if (file->size > SYNC_FILE_SIZE_LIMIT)
    return refuse(loading, file->path, "larger than the 1 GiB that one file may have");
  for (enum sync_variant variant = SYNC_PLAIN; variant < SYNC_VARIANTS; variant++) {
    struct hash_entry entry;
    bool wanted =
        variant == SYNC_PLAIN || (traits.variants[variant] && file->size <= COMPRESS_SIZE_LIMIT);
    if (!wanted) continue;
    if (!hash_file(loading, file, variant, &entry)) return false;
    if (!entry.useless && !add_object(loading, file, &traits, key, &entry)) return false;
  }
  return true;
}

static int compare_objects(const void *a, const void *b) {
  return strcmp(((const struct sync_object *)a)->key, ((const struct sync_object *)b)->key);
}

static bool check_keys(const struct sync_build *build, struct error *error) {
  for (size_t i = 1; i < build->count; i++) {
    const struct sync_object *a = &build->objects[i - 1], *b = &build->objects[i];
    if (strcmp(a->key, b->key) == 0)
      return error_set(error, ERROR_CONFLICT, "two files have the key %s: %s and %s", a->key,
                       a->path, b->path);
  }
  return true;
}

static bool load_files(struct loading *loading, const struct scan *scan) {
  for (size_t i = 0; i < scan->count; i++)
    if (!add_file(loading, &scan->files[i])) return false;
  if (loading->arena->failed) return error_set(loading->error, ERROR_MEMORY, "out of memory");
  qsort(loading->build->objects, loading->build->count, sizeof(struct sync_object),
        compare_objects);
  return check_keys(loading->build, loading->error);
}

bool build_load(const struct build_options *options, struct arena *arena,
                struct sync_build *ret_build, struct error *error) {
  struct sync_build build = {0};
  struct scan scan = {0};
  struct loading loading = {.options = options, .arena = arena, .build = &build, .error = error};
  if (options->cache_path) hash_cache_load(&loading.known, options->cache_path);
  bool loaded = scan_folder(options->folder, skips, &loading, arena, &scan, error) &&
                load_files(&loading, &scan);
  if (loaded && options->cache_path)
    hash_cache_save(&loading.next, options->cache_path, clock_unix_us() * 1000);
  hash_cache_free(&loading.known);
  hash_cache_free(&loading.next);
  scan_free(&scan);
  if (loaded)
    *ret_build = build;
  else
    build_free(&build);
  return loaded;
}

const struct sync_object *build_find(const struct sync_build *build, const char *key) {
  struct sync_object wanted = {.key = key};
  if (build->count == 0) return NULL;
  return bsearch(&wanted, build->objects, build->count, sizeof(wanted), compare_objects);
}

bool build_read(const char *folder, const struct sync_object *object, struct buffer *body,
                struct error *error) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, plain = BUFFER_EMPTY;
  struct stat status;
  char md5[DIGEST_MD5_SIZE];
  full_path(folder, object->path, &path);
  if (stat(buffer_text(&path), &status) != 0 || (uint64_t)status.st_size > SYNC_FILE_SIZE_LIMIT)
    return error_set(error, ERROR_CONFLICT, "%s cannot be read", buffer_text(&path));
  struct buffer *target = object->variant == SYNC_PLAIN ? body : &plain;
  if (!read_whole(buffer_text(&path), (uint64_t)status.st_size, target, error)) return false;
  if (object->variant != SYNC_PLAIN &&
      !compress_bytes(object->variant, buffer_str(&plain), body, error))
    return false;
  digest_md5(buffer_str(body), md5);
  if (strcmp(md5, object->md5) == 0) return true;
  return error_set(error, ERROR_CONFLICT, "%s has changed since it was planned",
                   buffer_text(&path));
}

void build_free(struct sync_build *build) {
  free(build->objects);
  free(build->ignored);
  *build = (struct sync_build){0};
}
