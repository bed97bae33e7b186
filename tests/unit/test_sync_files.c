/* test_sync_files.c: what is read of files: the scan, checksums, a build; and the answers of S3
 * that are read strictly. */
#include "unit.h"

#include "lib/aws/services/s3.h"
#include "lib/sync/want/build.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = P_tmpdir "/cruddur-sync-XXXXXX";

static const char *path_of(const char *name) {
  static char path[512];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  return path;
}

static void write_file(const char *name, const char *text) {
  FILE *file = fopen(path_of(name), "we");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

static void remove_file(const char *name) {
  unlink(path_of(name));
}

static int make_folder(void **state) {
  return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
  return rmdir(folder);
}

static void checksums_of_files(void **state) {
  char md5[DIGEST_MD5_SIZE], base64[DIGEST_MD5_BASE64_SIZE];
  uint64_t size = 0;
  struct buffer head = BUFFER_EMPTY;
  write_file("a", "hello");
  assert_true(digest_file(path_of("a"), md5, &size, &head, NULL));
  assert_string_equal(md5, "5d41402abc4b2a76b9719d911017c592");
  assert_int_equal(size, 5);
  assert_buffer_equal(&head, "hello");
  digest_md5_base64(md5, base64);
  assert_string_equal(base64, "XUFAKrxLKna5cZ2REBfFkg==");
  assert_false(digest_file(path_of("missing"), md5, &size, NULL, NULL));
  buffer_free(&head);
  remove_file("a");
}

static struct build_options options_of(const struct sync_rules *rules) {
  return (struct build_options){
      .folder = folder, .prefix = "p/", .strip_html = true, .rules = rules};
}

static void a_build_becomes_objects(void **state) {
  struct arena arena = ARENA_EMPTY;
  struct sync_rules rules = {0};
  struct sync_build build;
  struct error error = {0};
  struct build_options options = options_of(&rules);
  assert_false(build_load(&options, &arena, &build, &error)); /* empty */
  assert_int_equal(error.kind, ERROR_REFUSED);
  write_file("about.html", "page");
  write_file("b.txt", "text");
  assert_true(build_load(&options, &arena, &build, &error));
  assert_int_equal(build.count, 2);
  assert_string_equal(build.objects[0].key, "p/about");
  assert_string_equal(build.objects[0].path, "about.html");
  const struct sync_object *object = build_find(&build, "p/b.txt");
  assert_non_null(object);
  assert_null(build_find(&build, "b.txt"));
  struct buffer body = BUFFER_EMPTY;
  assert_true(build_read(&build, object, &body, &error));
  assert_buffer_equal(&body, "text");
  write_file("b.txt", "changed");
  assert_false(build_read(&build, object, &body, &error));
  assert_int_equal(error.kind, ERROR_CONFLICT);
  buffer_free(&body);
  write_file("about", "the same key");
  assert_false(build_load(&options, &arena, &build, &error));
  assert_non_null(strstr(error.message, "two files have the key p/about"));
  remove_file("about");
  remove_file("about.html");
  remove_file("b.txt");
  arena_free(&arena);
}

static void two_ignored_files_of_one_key_are_one(void **state) {
  static const char *const PATTERNS[] = {"about", "*.html"};
  struct arena arena = ARENA_EMPTY;
  struct sync_rules rules = {0};
  struct sync_build build;
  struct build_options options = options_of(&rules);
  options.ignore = (struct sync_ignore){PATTERNS, 2};
  write_file("about", "1");
  write_file("about.html", "2");
  write_file("b.html", "3");
  write_file("c.txt", "4");
  assert_true(build_load(&options, &arena, &build, NULL));
  assert_int_equal(build.count, 1);
  assert_int_equal(build.ignored_count, 2);
  assert_string_equal(build.ignored[0], "p/about");
  assert_string_equal(build.ignored[1], "p/b");
  remove_file("about");
  remove_file("about.html");
  remove_file("b.html");
  remove_file("c.txt");
  arena_free(&arena);
}

static void times_of_s3_are_read(void **state) {
  assert_int_equal(s3_parse_time(STR("Sun, 06 Nov 1994 08:49:37 GMT")), 784111777);
  assert_int_equal(s3_parse_time(STR("2009-10-12T17:50:30.000Z")), 1255369830);
  assert_int_equal(s3_parse_time(STR("2009-10-12T17:50:30Z")), 1255369830);
  assert_int_equal(s3_parse_time(STR("yesterday")), -1);
  assert_int_equal(s3_parse_time(STR("")), -1);
  assert_true(s3_key_fits_xml("plain/ü 🎉"));
  assert_false(s3_key_fits_xml("bell\a"));
  assert_false(s3_key_fits_xml("\xEF\xBF\xBF"));
  assert_false(s3_key_fits_xml("\xFF"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(checksums_of_files),
      cmocka_unit_test(a_build_becomes_objects),
      cmocka_unit_test(two_ignored_files_of_one_key_are_one),
      cmocka_unit_test(times_of_s3_are_read),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
