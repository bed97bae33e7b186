/* test_target.c: the targets of request lines. */
#include "unit.h"

#include "lib/http/request.h"

static void targets_are_split(void **state) {
  static const struct {
    const char *text, *path, *query;
    bool plain, is_server;
  } CASES[] = {
      {"/", "/", "", true, false},
      {"/a/b", "/a/b", "", true, false},
      {"/a?", "/a", "", true, false},
      {"/a?b=c?d", "/a", "b=c?d", true, false},
      {"", "", "", true, false},
      {"*", "*", "", true, true},
      {"*?", "*", "", true, false},
      {"http://h/a?b", "/a", "b", true, false},
      {"HTTPS://h:1/a", "/a", "", true, false},
      {"http://h", "/", "", true, true},
      {"http://", "/", "", true, true},
      {"http://h?b", "/", "b", true, false},
      {"http://h/http://i/?c", "/http://i/", "c", true, false},
      {"http:/h/a", "http:/h/a", "", true, false},
      {"ftp://h/a", "ftp://h/a", "", true, false},
      {"/a b", "/a b", "", false, false},
      {"/a?b\tc", "/a", "b\tc", false, false},
      {"http://h h/a", "/a", "", false, false},
      {"/\x7f", "/\x7f", "", false, false},
      {"/\xc3\xa9", "/\xc3\xa9", "", true, false},
  };
  struct http_site site = {0};
  (void)state;
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct http_request *request = request_new(&site, CASES[i].text);
    assert_int_equal(request->target_is_plain, CASES[i].plain);
    assert_int_equal(request->target_length, strlen(CASES[i].text));
    assert_str_equal(request->raw_path, CASES[i].path);
    assert_str_equal(request->raw_query, CASES[i].query);
    assert_int_equal(request->is_for_server, CASES[i].is_server);
    request_free(request);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(targets_are_split),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
