/* fuzz_invalidation.c: which paths CloudFront has to forget, for keys that are lines: '+' in front
 * changed, '#' is an asset, others stay. What changed is always covered, within CloudFront's
 * bounds. */
#include "fuzz.h"

#include "lib/sync/invalidation.h"

#include <stdlib.h>

enum { KEYS_LIMIT = 64 };

static int compare_keys(const void *a, const void *b) {
  return strcmp(((const struct invalidation_key *)a)->key,
                ((const struct invalidation_key *)b)->key);
}

static size_t read_keys(struct str rest, struct arena *arena, struct invalidation_key *keys) {
  size_t count = 0, kept = 0;
  while (rest.length > 0 && count < KEYS_LIMIT) {
    struct str line = fuzz_cut(&rest, '\n');
    if (line.length < 2 || line.data[1] == '\0') continue;
    keys[count++] = (struct invalidation_key){
        .key = arena_copy(arena, (struct str){line.data + 1, line.length - 1}),
        .changed = line.data[0] == '+' || line.data[0] == '#',
        .asset = line.data[0] == '#'};
  }
  qsort(keys, count, sizeof(keys[0]), compare_keys);
  for (size_t i = 0; i < count; i++) /* a bucket has each key once */
    if (kept == 0 || strcmp(keys[kept - 1].key, keys[i].key) != 0) keys[kept++] = keys[i];
  return kept;
}

static bool is_covered(const struct invalidation_paths *paths, const char *path) {
  for (size_t i = 0; i < paths->count; i++) {
    size_t length = strlen(paths->paths[i]);
    bool wildcard = paths->paths[i][length - 1] == '*';
    if (wildcard ? strncmp(paths->paths[i], path, length - 1) == 0
                 : strcmp(paths->paths[i], path) == 0)
      return true;
  }
  return false;
}

static void check(const struct invalidation_paths *paths, const struct invalidation_key *keys,
                  size_t count) {
  size_t wildcards = 0;
  for (size_t i = 0; i < paths->count; i++) {
    const char *path = paths->paths[i];
    assert(path[0] == '/' && (i == 0 || strcmp(paths->paths[i - 1], path) < 0));
    for (const char *at = path; *at; at++)
      assert(*at > ' ' && *at < 0x7F && *at != '~' && (*at != '*' || !at[1]));
    wildcards += path[strlen(path) - 1] == '*';
  }
  assert(paths->count <= INVALIDATION_PATHS_FREE && wildcards <= INVALIDATION_WILDCARDS_LIMIT);
  for (size_t i = 0; i < count; i++) {
    struct buffer path = BUFFER_EMPTY;
    invalidation_encode(keys[i].key, &path);
    if (keys[i].changed && !keys[i].asset) assert(is_covered(paths, buffer_text(&path)));
    buffer_free(&path);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena = ARENA_EMPTY;
  struct invalidation_key keys[KEYS_LIMIT];
  struct invalidation_paths paths;
  struct error error;
  size_t count = read_keys(fuzz_text(data, size), &arena, keys);
  assert(invalidation_plan(keys, count, &arena, &paths, &error));
  check(&paths, keys, count);
  invalidation_free(&paths);
  arena_free(&arena);
  return 0;
}
