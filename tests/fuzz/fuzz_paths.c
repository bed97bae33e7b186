/* fuzz_paths.c: which paths CloudFront has to forget, for keys that are lines: '+' in front
 * changed, others stay. What changed is always covered, within CloudFront's
 * bounds. */
#include "fuzz.h"

#include "lib/sync/plan/paths.h"

#include <stdlib.h>

enum { KEYS_LIMIT = 64 };

static int compare_keys(const void *a, const void *b) {
  return strcmp(((const struct paths_key *)a)->key, ((const struct paths_key *)b)->key);
}

static size_t read_keys(struct str rest, struct arena *arena, struct paths_key *keys) {
  size_t count = 0, kept = 0;
  while (rest.length > 0 && count < KEYS_LIMIT) {
    struct str line = fuzz_cut(&rest, '\n');
    if (line.length < 2 || line.data[1] == '\0') continue;
    keys[count++] =
        (struct paths_key){.key = arena_copy(arena, (struct str){line.data + 1, line.length - 1}),
                           .changed = line.data[0] == '+' || line.data[0] == '#'};
  }
  qsort(keys, count, sizeof(keys[0]), compare_keys);
  for (size_t i = 0; i < count; i++) /* a bucket has each key once */
    if (kept == 0 || strcmp(keys[kept - 1].key, keys[i].key) != 0) keys[kept++] = keys[i];
  return kept;
}

static bool is_covered(const struct journal_paths *paths, const char *path) {
  for (size_t i = 0; i < paths->count; i++) {
    size_t length = strlen(paths->paths[i]);
    bool wildcard = paths->paths[i][length - 1] == '*';
    if (wildcard ? strncmp(paths->paths[i], path, length - 1) == 0
                 : strcmp(paths->paths[i], path) == 0)
      return true;
  }
  return false;
}

static void check(const struct journal_paths *paths, struct paths_key *keys, size_t count,
                  struct arena *arena) {
  size_t wildcards = 0;
  for (size_t i = 0; i < paths->count; i++) {
    const char *path = paths->paths[i];
    assert(path[0] == '/' && (i == 0 || strcmp(paths->paths[i - 1], path) < 0));
    for (const char *at = path; *at; at++)
      assert(*at > ' ' && *at < 0x7F && *at != '~' && (*at != '*' || !at[1]));
    wildcards += path[strlen(path) - 1] == '*';
  }
  assert(paths->count <= PATHS_FREE && wildcards <= PATHS_WILDCARDS);
  for (size_t i = 0; i < count; i++) {
    struct journal_paths own; /* of the key alone */
    assert(paths_plan(&keys[i], 1, arena, &own));
    for (size_t j = 0; j < own.count; j++)
      assert(is_covered(paths, own.paths[j]));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena = ARENA_EMPTY;
  struct paths_key keys[KEYS_LIMIT];
  struct journal_paths paths;
  size_t count = read_keys(fuzz_text(data, size), &arena, keys);
  assert(paths_plan(keys, count, &arena, &paths));
  check(&paths, keys, count, &arena);
  arena_free(&arena);
  return 0;
}
