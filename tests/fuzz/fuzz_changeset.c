/* fuzz_changeset.c: a changeset that somebody kept, held against a plan that changes nothing. */
#include "fuzz.h"

#include "lib/sync/plan/changeset.h"

static void check(const struct changeset *changeset) {
  struct sync_build build = {0};
  struct sync_bucket bucket = {.place = {.bucket = "bucket", .prefix = ""}};
  struct sync_plan plan = {.build = &build, .bucket = &bucket};
  struct error error = {0};
  assert(*changeset->id && changeset->target && changeset->place.bucket);
  assert(changeset->place.prefix && changeset->place.distribution && changeset->place.build_folder);
  for (size_t i = 0; i < changeset->count; i++) {
    const struct changeset_item *item = &changeset->items[i];
    assert(item->action && item->key && item->md5 && item->headers_digest && item->before);
    assert(i == 0 || strcmp(changeset->items[i - 1].key, item->key) <= 0);
  }
  if (!changeset_check(changeset, &plan, &error))
    assert(error.kind == ERROR_REFUSED && changeset->count > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena = ARENA_EMPTY;
  struct changeset changeset = {0};
  struct error error = {0};
  if (changeset_parse(fuzz_text(data, size), &arena, &changeset, &error))
    check(&changeset);
  else
    assert(error.kind == ERROR_INVALID);
  arena_free(&arena);
  return 0;
}
