/* test_sync_paths.c: which paths a distribution has to forget. */
#include "unit.h"

#include "lib/sync/plan/paths.h"

#include <stdio.h>

static struct arena arena;

static struct journal_paths plan(struct paths_key *keys, size_t count) {
  struct journal_paths paths = {0};
  assert_true(paths_plan(keys, count, &arena, &paths));
  return paths;
}

/* The paths that are planned for `keys`, joined by spaces. */
static void expect(struct paths_key *keys, size_t count, const char *expected) {
  struct journal_paths paths = plan(keys, count);
  struct buffer text = BUFFER_EMPTY;
  for (size_t i = 0; i < paths.count; i++)
    buffer_append_format(&text, "%s%s", i == 0 ? "" : " ", paths.paths[i]);
  assert_string_equal(buffer_text(&text), expected);
  buffer_free(&text);
}

#define EXPECT(expected, ...)                                                                      \
  do {                                                                                             \
    struct paths_key keys[] = {__VA_ARGS__};                                                       \
    expect(keys, sizeof(keys) / sizeof(keys[0]), expected);                                        \
  } while (0)

static void only_what_changed(void **state) {
  EXPECT("/about", {"about", true}, {"other", false});
  EXPECT("", {"about", false}, {"other", false});
  EXPECT("/about", {"other", false}, {"about", false}, {"about", true}); /* in any order */
}

static void both_forms_of_an_index(void **state) {
  EXPECT("/ /index.html", {"index.html", true}, {"x", false});
  EXPECT("/blog/ /blog/index.html", {"blog/a", false}, {"blog/index.html", true});
  EXPECT("/myindex.html", {"myindex.html", true}, {"x", false});
}

static void paths_are_encoded_as_cloudfront_wants_them(void **state) {
  static const struct {
    const char *key, *path;
  } CASES[] = {
      {"a b", "/a%20b"},
      {"a+b", "/a+b"},
      {"100%", "/100%25"},
      {"q?u#e", "/q%3Fu%23e"},
      {"\"<>\"", "/%22%3C%3E%22"},
      {"it's(ok)!,;:@&=$", "/it's(ok)!,;:@&=$"},
      {"ü", "/%C3%BC"},
      {"[id]{x}|\\^`", "/%5Bid%5D%7Bx%7D%7C%5C%5E%60"},
      {"ho~me", "/ho*"},
      {"dir~/file", "/dir*"},
      {"a*b", "/a*"},
      {"-._", "/-._"},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
    EXPECT(CASES[i].path, {CASES[i].key, true});
}

static void whole_folders_become_wildcards(void **state) {
  EXPECT("/docs/*", {"docs/a", true}, {"docs/b/c", true}, {"x", false});
  EXPECT("/docs/a /docs/b/c", {"docs/a", true}, {"docs/b/c", true}, {"docs/d", false});
  EXPECT("/docs/a", {"docs/a", true}, {"x", false});
  EXPECT("/docs/a /docs/b", {"docs/a", true}, {"docs/b", true},
         {"docs/m.8a2b3c4d.js", false}); /* never a hashed asset */
}

static void a_wildcard_takes_in_what_it_covers(void **state) {
  EXPECT("/til*", {"til~a", true}, {"tilb", true}, {"x", false});
}

static struct journal_paths plan_many(size_t folders, size_t files) {
  size_t count = 0;
  struct paths_key *keys = calloc(folders * (files + 1), sizeof(*keys));
  char key[64];
  for (size_t folder = 0; folder < folders; folder++) {
    for (size_t file = 0; file <= files; file++) {
      snprintf(key, sizeof(key), "top/%06zu/%06zu", folder, file);
      keys[count++] = (struct paths_key){arena_copy(&arena, str_from(key)), file < files};
    }
  }
  struct journal_paths paths = plan(keys, count);
  free(keys);
  return paths;
}

static void the_bounds_of_cloudfront_hold(void **state) {
  static const struct {
    size_t folders, files, expected;
    const char *first;
  } CASES[] = {
      {10, 100, 1000, "/top/000000/000000"}, /* just free */
      {10, 101, 10, "/top/000000/*"},
      {16, 100, 1, "/top/*"}, /* sixteen wildcards are one too many */
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct journal_paths paths = plan_many(CASES[i].folders, CASES[i].files);
    assert_int_equal(paths.count, CASES[i].expected);
    assert_string_equal(paths.paths[0], CASES[i].first);
  }
}

static void everything_is_the_last_resort(void **state) {
  struct journal own = {.id = "own", .target = "a"}, earlier = {.id = "earlier", .target = "b"};
  char path[32];
  for (int i = 0; i < 20; i++) {
    snprintf(path, sizeof(path), "/%c*", 'a' + i);
    assert_true(journal_add_path(&earlier.changed, &arena, arena_copy(&arena, str_from(path))));
  }
  assert_true(paths_inherit(&own, &earlier, true, &arena));
  assert_int_equal(own.changed.count, 1);
  assert_string_equal(own.changed.paths[0], "/*");
}

static void a_wildcard_covers_what_sorts_before_it(void **state) {
  struct journal own = {.id = "own", .target = "a"}, earlier = {.id = "earlier", .target = "b"};
  assert_true(journal_add_path(&earlier.changed, &arena, "/a!*"));
  assert_true(journal_add_path(&earlier.changed, &arena, "/a*"));
  assert_true(paths_inherit(&own, &earlier, true, &arena));
  assert_int_equal(own.changed.count, 1);
  assert_string_equal(own.changed.paths[0], "/a*");
}

static int free_arena(void **state) {
  arena_free(&arena);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_what_changed),
      cmocka_unit_test(both_forms_of_an_index),
      cmocka_unit_test(paths_are_encoded_as_cloudfront_wants_them),
      cmocka_unit_test(whole_folders_become_wildcards),
      cmocka_unit_test(a_wildcard_takes_in_what_it_covers),
      cmocka_unit_test(the_bounds_of_cloudfront_hold),
      cmocka_unit_test(everything_is_the_last_resort),
      cmocka_unit_test(a_wildcard_covers_what_sorts_before_it),
  };
  return cmocka_run_group_tests(tests, NULL, free_arena);
}
