/* test_sync_arrays.c: arrays that grow in an arena, and arrays that are sorted by a text. */
#include "unit.h"

#include "lib/sync/arena.h"
#include "lib/sync/keyed.h"

#include <stdint.h>

struct pair {
  const char *key;
  int value;
};

static void sorted_items_are_found(void **state) {
  struct pair pairs[] = {{"b", 2}, {"", 0}, {"\xC3\xBC", 4}, {"a", 1}, {"ba", 3}};
  size_t count = sizeof(pairs) / sizeof(pairs[0]);
  keyed_sort(pairs, count, sizeof(pairs[0]));
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(pairs[i].value, i); /* by bytes, so that ü comes last */
    assert_ptr_equal(keyed_find(pairs, count, sizeof(pairs[0]), pairs[i].key), &pairs[i]);
  }
  assert_null(keyed_find(pairs, count, sizeof(pairs[0]), "c"));
  assert_null(keyed_find(NULL, 0, sizeof(pairs[0]), "a"));
  assert_null(keyed_double(pairs, count, sizeof(pairs[0])));
}

static void doubles_are_found_and_dropped(void **state) {
  const char *texts[] = {"b", "a", "b", "c", "a", "b"};
  size_t count = sizeof(texts) / sizeof(texts[0]);
  keyed_sort(texts, count, sizeof(texts[0]));
  assert_ptr_equal(keyed_double(texts, count, sizeof(texts[0])), &texts[1]);
  count = keyed_sort_unique(texts, count, sizeof(texts[0]));
  assert_int_equal(count, 3);
  assert_string_equal(texts[0], "a");
  assert_string_equal(texts[1], "b");
  assert_string_equal(texts[2], "c");
  assert_int_equal(keyed_sort_unique(NULL, 0, sizeof(texts[0])), 0);
}

static void arrays_grow_and_keep_their_items(void **state) {
  struct arena arena = ARENA_EMPTY;
  uint64_t *numbers = NULL;
  size_t capacity = 0;
  for (size_t count = 0; count < 100000; count++) {
    numbers = arena_grow(&arena, numbers, count, &capacity, sizeof(*numbers));
    assert_true(numbers && capacity > count);
    numbers[count] = count;
  }
  for (size_t i = 0; i < 100000; i++)
    assert_int_equal(numbers[i], i);
  assert_false(arena.failed);
  arena_free(&arena);
}

static void what_does_not_fit_fails_for_good(void **state) {
  struct arena arena = ARENA_EMPTY;
  size_t capacity = SIZE_MAX / 16;
  assert_null(arena_grow(&arena, NULL, capacity, &capacity, 16));
  assert_true(arena.failed);
  arena_free(&arena);
  assert_null(arena_take(&arena, SIZE_MAX / 2));
  assert_true(arena.failed);
  assert_string_equal(arena_copy(&arena, (struct str){"", SIZE_MAX / 2}), "");
  arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(sorted_items_are_found),
      cmocka_unit_test(doubles_are_found_and_dropped),
      cmocka_unit_test(arrays_grow_and_keep_their_items),
      cmocka_unit_test(what_does_not_fit_fails_for_good),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
