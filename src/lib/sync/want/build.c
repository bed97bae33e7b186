/* build.c: what the bucket should hold, read from the build folder. */
#include "lib/sync/want/build.h"

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/sync/keyed.h"
#include "lib/sync/want/decomposed.h"
#include "lib/sync/want/glob.h"
#include "lib/sync/want/hashed.h"
#include "lib/sync/want/scan.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { LIST_SIZE_LIMIT = 16 * 1024 * 1024 };

struct build_loader {
  const struct build_options *options;
  struct arena *arena;
  struct sync_build *build;
  struct error *error;
};

bool build_ignores(const struct sync_ignore *ignore, const char *name) {
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

static bool refuse(struct build_loader *loader, const char *path, const char *why) {
  return error_set(loader->error, ERROR_REFUSED, "%s/%s: %s", loader->options->folder, path, why);
}

static const char *full_path(const char *folder, const char *path, struct buffer *buffer) {
  buffer->length = 0;
  buffer_append_format(buffer, "%s/%s", folder, path);
  return buffer_text(buffer);
}

/* --- What is ignored --- */

static bool add_ignored(struct build_loader *loader, const char *key) {
  struct sync_build *build = loader->build;
  const char **ignored = arena_grow(loader->arena, build->ignored, build->ignored_count,
                                    &build->ignored_capacity, sizeof(*ignored));
  if (!ignored) return false;
  build->ignored = ignored;
  build->ignored[build->ignored_count++] = key;
  return true;
}

static bool skips(const char *path, void *argument) {
  struct build_loader *loader = argument;
  const struct build_options *options = loader->options;
  struct sync_traits traits = rules_traits(options->rules, str_from(path), options->strip_html);
  const char *key = build_key(loader->arena, path, traits.strip_html);
  if (scan_is_litter(path) && !traits.wanted) return true;
  if (!traits.ignored && !build_ignores(&options->ignore, path) &&
      !build_ignores(&options->ignore, key))
    return false;
  _cleanup_(buffer_free) struct buffer full = BUFFER_EMPTY;
  buffer_append_format(&full, "%s%s", options->prefix, key);
  return add_ignored(loader, arena_copy(loader->arena, str_from(buffer_text(&full))));
}

/* --- Hashing --- */

/* Sets the checksum of `object` to that of its file, which must not change meanwhile. */
static bool hash_file(struct build_loader *loader, const struct scanned_file *file,
                      struct sync_object *object) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, head = BUFFER_EMPTY;
  full_path(loader->options->folder, file->path, &path);
  if (!digest_file(buffer_text(&path), object->md5, &object->size, &head, loader->error))
    return false;
  if (head.failed) return error_set(loader->error, ERROR_MEMORY, "out of memory");
  const char *reason = scan_refuses_content(buffer_str(&head));
  if (reason) return refuse(loader, file->path, reason);
  if (object->size != file->size)
    return refuse(loader, file->path, "the file changes while it is read; let the build end first");
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

/* --- Objects --- */

static bool add_object(struct build_loader *loader, const struct scanned_file *file,
                       const struct sync_traits *traits, const char *key) {
  struct sync_object *object = &loader->build->objects[loader->build->count++];
  _cleanup_(buffer_free) struct buffer full = BUFFER_EMPTY;
  buffer_append_format(&full, "%s%s", loader->options->prefix, key);
  if (full.failed) return error_set(loader->error, ERROR_MEMORY, "out of memory");
  if (full.length > SYNC_KEY_LENGTH_LIMIT)
    return refuse(loader, file->path, "its key is longer than 1024 bytes");
  *object = (struct sync_object){.key = arena_copy(loader->arena, buffer_str(&full)),
                                 .path = file->path,
                                 .class = traits->class,
                                 .headers = traits->headers};
  return hash_file(loader, file, object);
}

static bool add_file(struct build_loader *loader, const struct scanned_file *file) {
  const struct build_options *options = loader->options;
  struct sync_traits traits =
      rules_traits(options->rules, str_from(file->path), options->strip_html);
  const char *key = build_key(loader->arena, file->path, traits.strip_html);
  if (str_starts_with(str_from(key), STR(SYNC_STATE_FOLDER)))
    return refuse(loader, file->path, "the folder .cruddur is the sync's own");
  if (file->size > SYNC_FILE_SIZE_LIMIT)
    return refuse(loader, file->path, "larger than the 1 GiB that one file may have");
  return add_object(loader, file, &traits, key);
}

static bool check_keys(const struct sync_build *build, struct error *error) {
  const struct sync_object *again =
      keyed_double(build->objects, build->count, sizeof(build->objects[0]));
  return !again || error_set(error, ERROR_REFUSED, "two files have the key %s: %s and %s",
                             again->key, (again - 1)->path, again->path);
}

/* A name as people see it. */
struct seen_name {
  const char *decomposed; /* first, for keyed.h */
  const char *key;
};

static bool is_ascii(const char *text) {
  while (*text && (unsigned char)*text < 0x80)
    text++;
  return !*text;
}

/* On most servers and in most browsers these are two files, on a Mac they are one. */
static bool check_names(const struct sync_build *build, struct arena *arena, struct error *error) {
  size_t count = 0;
  struct seen_name *names = arena_take(arena, (build->count + 1) * sizeof(*names));
  for (size_t i = 0; names && build->objects && i < build->count; i++) {
    const char *key = build->objects[i].key;
    if (is_ascii(key)) continue;
    names[count++] = (struct seen_name){decomposed_copy(arena, str_from(key)), key};
  }
  if (arena->failed || !names) return error_set(error, ERROR_MEMORY, "out of memory");
  keyed_sort(names, count, sizeof(*names));
  const struct seen_name *again = keyed_double(names, count, sizeof(*names));
  if (!again) return true;
  assert(again > names); /* the second of the two */
  return error_set(error, ERROR_REFUSED,
                   "two names differ in Unicode normalisation alone (%zu and %zu bytes): "
                   "%s and %s",
                   strlen((again - 1)->key), strlen(again->key), (again - 1)->key, again->key);
}

static bool load_files(struct build_loader *loader, const struct scan *scan) {
  struct sync_build *build = loader->build;
  build->objects = arena_take(loader->arena, scan->count * sizeof(struct sync_object));
  for (size_t i = 0; build->objects && i < scan->count; i++)
    if (!add_file(loader, &scan->files[i])) return false;
  if (loader->arena->failed) return error_set(loader->error, ERROR_MEMORY, "out of memory");
  assert(build->count == scan->count); /* every file is one object */
  keyed_sort(build->objects, build->count, sizeof(build->objects[0]));
  /* Two ignored files may have one key, as about and about.html. */
  build->ignored_count =
      keyed_sort_unique(build->ignored, build->ignored_count, sizeof(build->ignored[0]));
  return check_keys(build, loader->error) && check_names(build, loader->arena, loader->error);
}

bool build_load(const struct build_options *options, struct arena *arena,
                struct sync_build *ret_build, struct error *error) {
  struct sync_build build = {.folder = options->folder};
  struct scan scan = {0};
  struct build_loader loader = {
      .options = options, .arena = arena, .build = &build, .error = error};
  if (!scan_folder(options->folder, skips, &loader, arena, &scan, error) ||
      !load_files(&loader, &scan))
    return false;
  *ret_build = build;
  return true;
}

void build_read_lists(const char *folder, struct arena *arena, struct hashed_list *list) {
  static const char *const NAMES[] = {"asset-manifest.json", ".vite/manifest.json",
                                      "manifest.json"};
  for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
    _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY, text = BUFFER_EMPTY;
    if (file_read(full_path(folder, NAMES[i], &path), LIST_SIZE_LIMIT, &text, &(struct error){0}))
      hashed_read_list(buffer_str(&text), arena, list);
  }
  hashed_sort(list);
}

const struct sync_object *build_find(const struct sync_build *build, const char *key) {
  return keyed_find(build->objects, build->count, sizeof(build->objects[0]), key);
}

bool build_read(const struct sync_build *build, const struct sync_object *object,
                struct buffer *body, struct error *error) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  struct stat status;
  char md5[DIGEST_MD5_SIZE];
  full_path(build->folder, object->path, &path);
  if (stat(buffer_text(&path), &status) != 0 || (uint64_t)status.st_size > SYNC_FILE_SIZE_LIMIT)
    return error_set(error, ERROR_CONFLICT, "%s cannot be read", buffer_text(&path));
  if (!read_whole(buffer_text(&path), (uint64_t)status.st_size, body, error)) return false;
  digest_md5(buffer_str(body), md5);
  if (strcmp(md5, object->md5) == 0) return true;
  return error_set(error, ERROR_CONFLICT, "%s has changed since it was planned",
                   buffer_text(&path));
}
