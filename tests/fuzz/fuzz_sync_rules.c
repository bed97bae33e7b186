/* fuzz_sync_rules.c: sync.conf, and what its rules and the names alone say of a path, which is the
 * first line. */
#include "fuzz.h"

#include "lib/base/cleanup.h"
#include "lib/sync/want/build.h"
#include "lib/sync/want/mime.h"
#include "lib/sync/want/scan.h"

static void check_traits(const struct sync_rules *rules, struct str path) {
  struct sync_traits traits = rules_traits(rules, path, true);
  assert(traits.class <= SYNC_PAGE && rules_class_name(traits.class));
  for (size_t i = 0; i < SYNC_HEADER_COUNT; i++) {
    const char *value = traits.headers.values[i];
    assert(value);
    for (; *value; value++)
      assert(*value >= ' ' && *value <= '~');
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str text = fuzz_text(data, size), path = fuzz_cut(&text, '\n');
  struct arena arena = ARENA_EMPTY;
  struct sync_rules rules = {0};
  struct error error = {0};
  _cleanup_free_ char *copy = strndup(path.data, path.length);
  assert(mime_type(path));
  (void)hashed_name(path);
  (void)scan_refuses_name(copy);
  (void)scan_refuses_content(text);
  assert(strlen(build_key(&arena, copy, true)) <= strlen(copy));
  if (rules_parse(text, &arena, &rules, &error))
    check_traits(&rules, path);
  else
    assert(error.kind == ERROR_INVALID);
  arena_free(&arena);
  return 0;
}
