/* test_sync_files.c: what is read of files: the scan, checksums, variants, the hash cache, a build;
 * and the answers of S3 that are read strictly. */
#include "unit.h"

#include "lib/aws/services/s3.h"
#include "lib/sync/build.h"

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
  assert_true(digest_fits_multipart(path_of("a"), 5, "62109206880d38a4010a98e11243924a-1"));
  assert_false(digest_fits_multipart(path_of("a"), 5, "62109206880d38a4010a98e11243924a-2"));
  assert_false(digest_fits_multipart(path_of("a"), 5, "5d41402abc4b2a76b9719d911017c592"));
  assert_false(digest_fits_multipart(path_of("a"), 5, "5d41402abc4b2a76b9719d911017c592-0"));
  assert_false(digest_fits_multipart(path_of("a"), 5, "5d41402abc4b2a76b9719d911017c592-x"));
  assert_false(digest_file(path_of("missing"), md5, &size, NULL, NULL));
  buffer_free(&head);
  remove_file("a");
}

static void variants_are_the_same_each_time(void **state) {
  struct buffer text = BUFFER_EMPTY;
  for (int i = 0; i < 1000; i++)
    buffer_append_format(&text, "line %d of many\n", i);
  for (enum sync_variant variant = SYNC_GZIP; variant < SYNC_VARIANTS; variant++) {
    struct buffer first = BUFFER_EMPTY, second = BUFFER_EMPTY;
    assert_true(compress_bytes(variant, buffer_str(&text), &first, NULL));
    assert_true(compress_bytes(variant, buffer_str(&text), &second, NULL));
    assert_true(str_equal(buffer_str(&first), buffer_str(&second)));
    assert_true(first.length > 0 && first.length < text.length / 2);
    buffer_free(&first);
    buffer_free(&second);
  }
  buffer_free(&text);
}

static struct build_options options_of(const struct sync_rules *rules, const char *cache) {
  return (struct build_options){
      .folder = folder, .prefix = "p/", .strip_html = true, .rules = rules, .cache_path = cache};
}

static void a_build_becomes_objects(void **state) {
  struct arena arena = ARENA_EMPTY;
  struct sync_rules rules = {0};
  struct sync_build build;
  struct error error = {0};
  struct build_options options = options_of(&rules, NULL);
  assert_false(build_load(&options, &arena, &build, &error)); /* empty */
  assert_int_equal(error.kind, ERROR_CONFLICT);
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
  assert_true(build_read(folder, object, &body, &error));
  assert_buffer_equal(&body, "text");
  write_file("b.txt", "changed");
  assert_false(build_read(folder, object, &body, &error));
  assert_int_equal(error.kind, ERROR_CONFLICT);
  buffer_free(&body);
  build_free(&build);
  write_file("about", "the same key");
  assert_false(build_load(&options, &arena, &build, &error));
  assert_non_null(strstr(error.message, "two files have the key p/about"));
  remove_file("about");
  remove_file("about.html");
  remove_file("b.txt");
  arena_free(&arena);
}

static void the_hash_cache_notices_every_change(void **state) {
  struct hash_cache cache = {0}, read;
  struct scanned_file file = {
      .path = "a b", .size = 1, .modified_ns = 2, .changed_ns = 3, .inode = 4};
  struct hash_entry entry = {.path = "a b",
                             .size = 1,
                             .modified_ns = 2,
                             .changed_ns = 3,
                             .inode = 4,
                             .body_size = 1,
                             .md5 = "5d41402abc4b2a76b9719d911017c592"};
  struct hash_entry fresh = entry;
  fresh.path = "fresh";
  fresh.changed_ns = 99000000000;
  hash_cache_add(&cache, &entry);
  hash_cache_add(&cache, &fresh);
  hash_cache_save(&cache, path_of("cache"), 100000000000);
  hash_cache_load(&read, path_of("cache"));
  assert_int_equal(read.count, 1); /* what has just changed may change unnoticed */
  assert_non_null(hash_cache_find(&read, &file, SYNC_PLAIN));
  assert_null(hash_cache_find(&read, &file, SYNC_GZIP));
  struct scanned_file changes[] = {file, file, file, file, file};
  changes[0].size++;
  changes[1].modified_ns++;
  changes[2].changed_ns++;
  changes[3].inode++;
  changes[4].path = "other";
  for (size_t i = 0; i < 5; i++)
    assert_null(hash_cache_find(&read, &changes[i], SYNC_PLAIN));
  hash_cache_free(&read);
  write_file("cache", "nonsense\n");
  hash_cache_load(&read, path_of("cache"));
  assert_int_equal(read.count, 0);
  hash_cache_free(&read);
  hash_cache_free(&cache);
  remove_file("cache");
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
      cmocka_unit_test(variants_are_the_same_each_time),
      cmocka_unit_test(a_build_becomes_objects),
      cmocka_unit_test(the_hash_cache_notices_every_change),
      cmocka_unit_test(times_of_s3_are_read),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
