/* test_negotiation.c: which form of an answer a client gets: entity tags, If-None-Match,
 * Accept-Encoding, and that gzip gives back what it took. */
#include "unit.h"

#include "lib/http/accept_encoding.h"
#include "lib/http/etag.h"
#include "lib/http/gzip.h"

#include <stdlib.h>
#include <zlib.h>

static const struct str TAG = {"W/\"a1-b2\"", 9};

static void tags_depend_on_the_body_alone(void **state) {
  char first[ETAG_SIZE], again[ETAG_SIZE], other[ETAG_SIZE];
  etag_make(STR("[]"), first);
  etag_make(STR("[]"), again);
  etag_make(STR("[ "), other);
  assert_string_equal(first, again);
  assert_string_not_equal(first, other);
  assert_true(etag_list_has(str_from(first), str_from(again)));
  /* Every instance, and every release, makes this one. */
  assert_string_equal(first, "W/\"2-831154110e30ac6a\"");
}

static void lists_that_have_the_tag(void **state) {
  static const char *const LISTS[] = {"W/\"a1-b2\"",
                                      "\"a1-b2\"",
                                      "*",
                                      "\t*  ",
                                      "\"x\", W/\"a1-b2\"",
                                      "W/\"x,y\",\"a1-b2\"",
                                      "W/\"a1-b2\",",
                                      ", ,\"a1-b2\" , \"x\"",
                                      "\"\", \"a1-b2\"",
                                      "\"a1-b2\" and more"};
  for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++)
    assert_true(etag_list_has(str_from(LISTS[i]), TAG));
}

static void lists_that_have_it_not(void **state) {
  static const char *const LISTS[] = {
      "",     " ",           "a1-b2",     "\"a1-b2",      "a1-b2\"",       "W/a1-b2",
      "W/\"", "w/\"a1-b2\"", "\"A1-B2\"", "\"*\"",        "*, \"a1-b2\"",  "W/",
      "\"",   "\"a1-b2 \"",  "\"a1,b2\"", "x, \"a1-b2\"", "W/W/\"a1-b2\"", ",",
  };
  for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++)
    assert_false(etag_list_has(str_from(LISTS[i]), TAG));
}

static bool takes_gzip(const char *first, const char *second) {
  struct accept_encoding accepted = ACCEPT_ENCODING_NONE;
  if (first) accept_encoding_read(&accepted, str_from(first));
  if (second) accept_encoding_read(&accepted, str_from(second));
  return accept_encoding_takes_gzip(&accepted);
}

static void gzip_is_taken(void **state) {
  static const char *const FIELDS[] = {"gzip",
                                       "GZIP",
                                       "x-gzip",
                                       "*",
                                       "gzip;q=1",
                                       "gzip;q=0.001",
                                       "gzip ; q=1.000",
                                       "deflate, gzip;q=0.5",
                                       "gzip;Q=0.3",
                                       "gzip;a=b;q=0.5",
                                       "identity;q=0, gzip",
                                       "identity;q=0.5, gzip;q=0.5",
                                       "*;q=0, gzip",
                                       "br,,gzip",
                                       "gzip;q=1.",
                                       "identity;q=0, *;q=0.1"};
  for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
    assert_true(takes_gzip(FIELDS[i], NULL));
  assert_true(takes_gzip("br", "gzip"));
}

static void gzip_is_not_taken(void **state) {
  static const char *const FIELDS[] = {"",           "br",
                                       "gzip;q=0",   "gzip;q=0.000",
                                       "*;q=0",      "gzip;q=0, *",
                                       "identity",   "gzip;q=0.5, identity",
                                       "gzipp",      "gzip;q=",
                                       "gzip;q=2",   "gzip;q=1.001",
                                       "gzip;q=-1",  "gzip;q=0.0001",
                                       "gzip;q=1.5", "gzip;q=01",
                                       "\"gzip\"",   "gzip q=1"};
  assert_false(takes_gzip(NULL, NULL));
  for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
    assert_false(takes_gzip(FIELDS[i], NULL));
}

static void decompress(const struct buffer *compressed, char *text, size_t size) {
  z_stream stream = {.next_in = (Bytef *)compressed->data,
                     .avail_in = (unsigned)compressed->length,
                     .next_out = (Bytef *)text,
                     .avail_out = (unsigned)size};
  assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
  assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
  assert_int_equal(stream.total_out, size);
  assert_int_equal(stream.avail_in, 0);
  inflateEnd(&stream);
}

/* One compressor for texts of all sizes, since it is used again and again. */
static void gzip_gives_back_what_it_took(void **state) {
  struct gzip *gzip = gzip_new();
  assert_non_null(gzip);
  unsigned seed = 1;
  for (size_t size = 0; size < 200000; size = size * 3 + 1) {
    char *text = malloc(size + 1), *back = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
      text[i] = (char)(i % 2 ? "crud"[i % 4] : (int)((seed = seed * 1103515245 + 12345) >> 24));
    struct buffer compressed = BUFFER_EMPTY;
    assert_true(gzip_append(gzip, (struct str){text, size}, &compressed));
    decompress(&compressed, back, size);
    assert_memory_equal(text, back, size);
    buffer_free(&compressed);
    free(text);
    free(back);
  }
  assert_null(gzip_free(gzip));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tags_depend_on_the_body_alone),
      cmocka_unit_test(lists_that_have_the_tag),
      cmocka_unit_test(lists_that_have_it_not),
      cmocka_unit_test(gzip_is_taken),
      cmocka_unit_test(gzip_is_not_taken),
      cmocka_unit_test(gzip_gives_back_what_it_took),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
