/* test_file.c: small files as a whole: bounds, replacement, and what is left behind. */
#include "unit.h"

#include "lib/base/file.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/cruddur-test-file-XXXXXX";

static const char *path_of(const char *name) {
  static char path[256];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  return path;
}

static int make_folder(void **state) {
  return mkdtemp(folder) ? 0 : -1;
}

/* How many files the folder holds. */
static int count_files(void) {
  DIR *listing = opendir(folder);
  int count = -2; /* "." and ".." */
  while (readdir(listing))
    count++;
  closedir(listing);
  return count;
}

static int empty_folder(void **state) {
  static const char *const NAMES[] = {"a", "b/c/d", "b/c", "b"};
  for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
    remove(path_of(NAMES[i]));
  return 0;
}

static int remove_folder(void **state) {
  return rmdir(folder);
}

static void assert_holds(const char *name, const char *expected) {
  struct buffer text = BUFFER_EMPTY;
  assert_true(file_read(path_of(name), 100, &text, NULL));
  assert_str_equal(buffer_str(&text), expected);
  buffer_free(&text);
}

static void assert_unreadable(const char *name, size_t limit, enum error_kind kind) {
  struct buffer text = BUFFER_EMPTY;
  struct error error = {0};
  assert_false(file_read(path_of(name), limit, &text, &error));
  assert_int_equal(error.kind, kind);
  assert_non_null(strstr(error.message, path_of(name)));
  assert_null(text.data);
}

static void a_file_is_read_up_to_its_limit(void **state) {
  assert_unreadable("a", 100, ERROR_NOT_FOUND);
  assert_true(file_replace(path_of("a"), STR("12345"), 0644, NULL));
  assert_holds("a", "12345");
  struct buffer text = BUFFER_EMPTY;
  assert_true(file_read(path_of("a"), 5, &text, NULL));
  buffer_free(&text);
  assert_unreadable("a", 4, ERROR_INVALID);
  assert_unreadable("a", 0, ERROR_INVALID);
  assert_unreadable("", 100, ERROR_CONFLICT); /* a folder */
}

static void a_file_is_replaced_and_nothing_is_left(void **state) {
  assert_true(file_replace(path_of("a"), STR("one"), 0600, NULL));
  struct stat status;
  assert_int_equal(stat(path_of("a"), &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  assert_true(file_replace(path_of("a"), STR("two"), 0600, NULL));
  assert_holds("a", "two");
  assert_true(file_replace(path_of("a"), STR(""), 0600, NULL));
  assert_holds("a", "");
  assert_int_equal(count_files(), 1);
}

static void a_file_that_is_there_stays(void **state) {
  assert_true(file_create(path_of("a"), STR("one"), 0644, NULL));
  assert_true(file_create(path_of("a"), STR("two"), 0644, NULL));
  assert_holds("a", "one");
  assert_int_equal(count_files(), 1);
}

static void a_failure_says_where_and_leaves_nothing(void **state) {
  struct error error = {0};
  assert_false(file_replace(path_of("b/c/d"), STR("one"), 0644, &error));
  assert_int_equal(error.kind, ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, path_of("b/c/d")));
  assert_int_equal(mkdir(path_of("b"), 0755), 0);
  assert_false(file_replace(path_of("b"), STR("one"), 0644, &error)); /* a folder is in its place */
  assert_int_equal(error.kind, ERROR_CONFLICT);
  assert_int_equal(count_files(), 1);
}

static void parents_are_made(void **state) {
  assert_true(file_make_parents(path_of("b/c/d"), NULL));
  assert_true(file_make_parents(path_of("b/c/d"), NULL));
  assert_true(file_replace(path_of("b/c/d"), STR("one"), 0644, NULL));
  assert_holds("b/c/d", "one");
  assert_true(file_make_parents("a", NULL));
  assert_true(file_make_parents("", NULL));
  struct error error = {0};
  assert_false(file_make_parents(path_of("b/c/d/e/f"), &error)); /* d is a file */
  assert_int_equal(error.kind, ERROR_CONFLICT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(a_file_is_read_up_to_its_limit, empty_folder),
      cmocka_unit_test_teardown(a_file_is_replaced_and_nothing_is_left, empty_folder),
      cmocka_unit_test_teardown(a_file_that_is_there_stays, empty_folder),
      cmocka_unit_test_teardown(a_failure_says_where_and_leaves_nothing, empty_folder),
      cmocka_unit_test_teardown(parents_are_made, empty_folder),
  };
  return cmocka_run_group_tests_name("file", tests, make_folder, remove_folder);
}
