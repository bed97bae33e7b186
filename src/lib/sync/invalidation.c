/* invalidation.c: see invalidation.h. */
#include "lib/sync/invalidation.h"

#include "lib/base/cleanup.h"

#include <stdlib.h>

struct planning {
  const struct invalidation_key *keys;
  struct arena *arena;
  struct invalidation_paths *paths;
  bool failed;
};

bool invalidation_add(struct invalidation_paths *paths, const char *path) {
  if (paths->count == paths->capacity) {
    size_t capacity = paths->capacity ? paths->capacity * 2 : 64;
    const char **list = realloc(paths->paths, capacity * sizeof(*list));
    if (!list) return false;
    paths->paths = list;
    paths->capacity = capacity;
  }
  paths->paths[paths->count++] = path;
  return true;
}

/* RFC 1738, section 2.2. '~' and '*' never get here. */
static bool must_encode(unsigned char byte) {
  return byte <= ' ' || byte >= 0x7F || strchr("<>\"#%{}|\\^[]`?", byte);
}

static void encode(struct str text, struct buffer *output) {
  for (size_t i = 0; i < text.length; i++) {
    unsigned char byte = (unsigned char)text.data[i];
    if (must_encode(byte))
      buffer_append_format(output, "%%%02X", byte);
    else
      buffer_append_char(output, (char)byte);
  }
}

/* `suffix` is "" or "*". */
static void encode_with(struct str text, const char *suffix, struct buffer *output) {
  size_t cut = 0;
  while (cut < text.length && text.data[cut] != '~' && text.data[cut] != '*')
    cut++;
  buffer_append_char(output, '/');
  encode((struct str){text.data, cut}, output);
  buffer_append_text(output, cut < text.length ? "*" : suffix);
}

void invalidation_encode(const char *key, struct buffer *output) {
  encode_with(str_from(key), "", output);
}

static void emit(struct planning *planning, struct str text, const char *suffix) {
  _cleanup_(buffer_free) struct buffer path = BUFFER_EMPTY;
  encode_with(text, suffix, &path);
  const char *copy = arena_copy(planning->arena, buffer_str(&path));
  if (path.failed || planning->arena->failed || !invalidation_add(planning->paths, copy))
    planning->failed = true;
}

/* CloudFront keeps the answer to "/" (and "/folder/") apart from that to its index.html. */
static void emit_key(struct planning *planning, const char *key) {
  struct str text = str_from(key), index = STR("index.html");
  emit(planning, text, "");
  bool ends = text.length >= index.length &&
              memcmp(text.data + text.length - index.length, index.data, index.length) == 0;
  size_t folder = ends ? text.length - index.length : 0;
  if (ends && (folder == 0 || key[folder - 1] == '/'))
    emit(planning, (struct str){key, folder}, "");
}

static void plan_range(struct planning *planning, size_t low, size_t high, size_t skipped);

/* The keys from `low` to `high` lie in the folder that is the first `length` bytes of each. */
static void plan_folder(struct planning *planning, size_t low, size_t high, size_t length) {
  size_t changed = 0;
  for (size_t i = low; i < high; i++)
    changed += planning->keys[i].changed && !planning->keys[i].asset;
  if (changed >= 2 && changed == high - low)
    emit(planning, (struct str){planning->keys[low].key, length}, "*");
  else if (changed > 0)
    plan_range(planning, low, high, length);
}

static void plan_range(struct planning *planning, size_t low, size_t high, size_t skipped) {
  for (size_t i = low; i < high;) {
    const struct invalidation_key *key = &planning->keys[i];
    const char *slash = strchr(key->key + skipped, '/');
    if (!slash) {
      if (key->changed && !key->asset) emit_key(planning, key->key);
      i++;
      continue;
    }
    size_t length = (size_t)(slash + 1 - key->key);
    size_t end = i + 1;
    while (end < high && strncmp(planning->keys[end].key, key->key, length) == 0)
      end++;
    plan_folder(planning, i, end, length);
    i = end;
  }
}

bool invalidation_plan(const struct invalidation_key *keys, size_t count, struct arena *arena,
                       struct invalidation_paths *ret_paths, struct error *error) {
  struct invalidation_paths paths = {0};
  struct planning planning = {.keys = keys, .arena = arena, .paths = &paths};
  plan_range(&planning, 0, count, 0);
  if (planning.failed || !invalidation_settle(&paths, arena)) {
    invalidation_free(&paths);
    return error_set(error, ERROR_MEMORY, "out of memory");
  }
  *ret_paths = paths;
  return true;
}

/* --- Bounds --- */

static int compare_paths(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_wildcard(const char *path) {
  return path[strlen(path) - 1] == '*';
}

static bool is_covered(const struct invalidation_paths *paths, size_t count, const char *path) {
  for (size_t i = 0; i < count; i++) {
    const char *other = paths->paths[i];
    size_t length = strlen(other);
    if (is_wildcard(other) && other != path && strncmp(other, path, length - 1) == 0) return true;
  }
  return false;
}

/* Drops doubles and what a wildcard covers; tells how many wildcards are left. */
static size_t reduce(struct invalidation_paths *paths) {
  if (paths->count == 0) return 0;
  qsort(paths->paths, paths->count, sizeof(paths->paths[0]), compare_paths);
  size_t unique = 0, wildcards = 0, kept = 0;
  for (size_t i = 0; i < paths->count; i++)
    if (i == 0 || strcmp(paths->paths[i], paths->paths[unique - 1]) != 0)
      paths->paths[unique++] = paths->paths[i];
  struct invalidation_paths covering = {0};
  for (size_t i = 0; i < unique; i++)
    if (is_wildcard(paths->paths[i]) && !is_covered(&covering, covering.count, paths->paths[i]))
      invalidation_add(&covering, paths->paths[i]);
  wildcards = covering.count;
  for (size_t i = 0; i < unique; i++)
    if (!is_covered(&covering, covering.count, paths->paths[i]))
      paths->paths[kept++] = paths->paths[i];
  paths->count = kept;
  invalidation_free(&covering);
  return wildcards;
}

static size_t depth_of(const char *path) {
  size_t depth = 0;
  for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/'))
    depth++;
  return depth;
}

/* Cuts every path that lies in `depth` folders or more to a wildcard of its folder at that depth.
 * At depth 0 that is everything. */
static bool cut_to_depth(struct invalidation_paths *paths, size_t depth, struct arena *arena) {
  for (size_t i = 0; i < paths->count; i++) {
    const char *path = paths->paths[i];
    if (depth_of(path) < depth) continue;
    const char *end = path;
    for (size_t folder = 0; folder < depth; folder++)
      end = strchr(end + 1, '/');
    _cleanup_(buffer_free) struct buffer cut = BUFFER_EMPTY;
    buffer_append(&cut, path, (size_t)(end + 1 - path));
    buffer_append_char(&cut, '*');
    paths->paths[i] = arena_copy(arena, buffer_str(&cut));
    if (cut.failed || arena->failed) return false;
  }
  return true;
}

bool invalidation_settle(struct invalidation_paths *paths, struct arena *arena) {
  size_t deepest = 0;
  for (size_t i = 0; i < paths->count; i++)
    if (depth_of(paths->paths[i]) > deepest) deepest = depth_of(paths->paths[i]);
  size_t wildcards = reduce(paths);
  for (size_t depth = deepest + 1; depth-- > 0;) {
    if (paths->count <= INVALIDATION_PATHS_FREE && wildcards <= INVALIDATION_WILDCARDS_LIMIT)
      return true;
    if (!cut_to_depth(paths, depth, arena)) return false;
    wildcards = reduce(paths);
  }
  return true;
}

void invalidation_free(struct invalidation_paths *paths) {
  free(paths->paths);
  *paths = (struct invalidation_paths){0};
}
