/* test_origin.c: origins as browsers write them, and what no browser sends. */
#include "unit.h"

#include "lib/base/origin.h"

static void origins_are_written_as_browsers_do(void **state) {
  static const char *const CASES[][2] = {
      {"https://cloudnoww.com", "https://cloudnoww.com"},
      {"https://CloudNoww.com", "https://cloudnoww.com"},
      {"HTTPS://cloudnoww.com/", "https://cloudnoww.com"},
      {"https://cloudnoww.com:443", "https://cloudnoww.com"},
      {"https://cloudnoww.com:443/", "https://cloudnoww.com"},
      {"https://cloudnoww.com:80", "https://cloudnoww.com:80"},
      {"http://localhost:80", "http://localhost"},
      {" http://localhost:3000 ", "http://localhost:3000"},
      {"http://localhost:03000", "http://localhost:3000"},
      {"http://[::1]:3000", "http://[::1]:3000"},
      {"http://[2001:DB8::A]", "http://[2001:db8::a]"},
      {"http://127.0.0.1:65535", "http://127.0.0.1:65535"},
      {"https://xn--bcher-kva.example", "https://xn--bcher-kva.example"},
      {"https://a_b.test.", "https://a_b.test."},
  };
  char origin[ORIGIN_SIZE];
  (void)state;
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    assert_true(origin_normalise(str_from(CASES[i][0]), origin, NULL));
    assert_string_equal(origin, CASES[i][1]);
  }
}

static void what_no_browser_sends_is_refused(void **state) {
  static const char *const CASES[][2] = {
      {"", "it begins with neither"},
      {"cloudnoww.com", "it begins with neither"},
      {"ftp://cloudnoww.com", "it begins with neither"},
      {"https://", "it has no host"},
      {"https:///a", "it has no host"},
      {"https://:443", "it has no host"},
      {"https://*.cloudnoww.com", "name each host"},
      {"https://user@cloudnoww.com", "an origin has no user"},
      {"https://b\xc3\xbc"
       "cher.example",
       "browsers send hosts beyond ASCII in Punycode"},
      {"https://cloud noww.com", "a host has no such characters"},
      {"https://cloudnoww.com\\", "a host has no such characters"},
      {"https://cloudnoww.com:", "its port must be"},
      {"https://cloudnoww.com:0", "its port must be"},
      {"https://cloudnoww.com:65536", "its port must be"},
      {"https://cloudnoww.com:+1", "its port must be"},
      {"https://CloudNoww.com/app", "browsers send no path, write https://cloudnoww.com"},
      {"https://cloudnoww.com//", "browsers send no path, write https://cloudnoww.com"},
      {"https://cloudnoww.com:8443?a", "browsers send no path, write https://cloudnoww.com:8443"},
  };
  char origin[ORIGIN_SIZE] = "untouched";
  (void)state;
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct error error = {0};
    assert_false(origin_normalise(str_from(CASES[i][0]), origin, &error));
    assert_non_null(strstr(error.message, CASES[i][1]));
  }
  assert_string_equal(origin, "untouched");
}

static void the_longest_host_fits(void **state) {
  char text[ORIGIN_SIZE + 8] = "https://", origin[ORIGIN_SIZE];
  (void)state;
  memset(text + 8, 'a', 253);
  strcpy(text + 8 + 253, ":65535");
  assert_true(origin_normalise(str_from(text), origin, NULL));
  assert_string_equal(origin, text);
  memset(text + 8, 'a', 254);
  text[8 + 254] = '\0';
  assert_false(origin_normalise(str_from(text), origin, NULL));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(origins_are_written_as_browsers_do),
      cmocka_unit_test(what_no_browser_sends_is_refused),
      cmocka_unit_test(the_longest_host_fits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
