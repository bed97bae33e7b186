/* fuzz_journal.c: what a sync that was cut off left in the bucket: written again it reads as the
 * same, and the next run can take over what is owed. */
#include "fuzz.h"

#include "lib/sync/plan/paths.h"

static void check_inherited(const struct journal *earlier, struct arena *arena) {
  struct journal own = {.id = "own", .target = "target"};
  assert(paths_inherit(&own, earlier, true, arena));
  assert(own.changed.count <= earlier->changed.count);
  assert(own.changed.count <= PATHS_FREE);
  for (size_t i = 0; i < own.changed.count; i++)
    assert(own.changed.paths[i][0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct arena arena = ARENA_EMPTY;
  struct journal journal, again;
  struct buffer once = BUFFER_EMPTY, twice = BUFFER_EMPTY;
  struct error error = {0};
  if (journal_parse(fuzz_text(data, size), &arena, &journal, &error)) {
    journal_write(&journal, &once);
    assert(journal_parse(buffer_str(&once), &arena, &again, &error));
    journal_write(&again, &twice);
    assert(str_equal(buffer_str(&once), buffer_str(&twice)));
    check_inherited(&journal, &arena);
  } else {
    assert(error.kind == ERROR_INVALID);
  }
  buffer_free(&once);
  buffer_free(&twice);
  arena_free(&arena);
  return 0;
}
