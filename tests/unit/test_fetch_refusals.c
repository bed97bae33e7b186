/* test_fetch_refusals.c: what outgoing HTTP does not do, and how it says so. */
#include "fetch_client.h"
#include "web.h"

#include <stdio.h>
#include <stdlib.h>

static bool answer_hello(struct web *web, int fd, const char *request, void *argument) {
  return web_write_answer(fd, "200 OK", "hello");
}

static void a_refused_connection_is_told_without_secrets(void **state) {
  char url[64];
  int fd = take_port(url);
  struct fetch_request request = get(url);
  struct outcome outcome = fetch_alone(&request);
  assert_null(strstr(outcome.error.message, "secret"));
  assert_null(strstr(outcome.error.message, "token"));
  expect_error(outcome, ERROR_UNAVAILABLE, "/keys: ");
  close(fd);
}

static void files_are_read_where_they_are_allowed(void **state) {
  char path[] = "/tmp/test_fetch_XXXXXX", url[64];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "content", 7), 7);
  for (int slashes = 0; slashes <= 2; slashes += 2) {
    snprintf(url, sizeof(url), "file:%.*s%s", slashes, "//", path);
    struct fetch_request request = get(url);
    expect_error(fetch_alone(&request), ERROR_INVALID, "rotocol");
    request.allow_file = true;
    struct outcome outcome = fetch_alone(&request);
    assert_int_equal(outcome.status, 200);
    assert_buffer_equal(&outcome.body, "content");
    buffer_free(&outcome.body);
    request.response_limit = 6;
    expect_error(fetch_alone(&request), ERROR_MEMORY, "longer than the 6 bytes allowed");
  }
  unlink(path);
  struct fetch_request request = get(url);
  request.allow_file = true;
  expect_error(fetch_alone(&request), ERROR_NOT_FOUND, "the file cannot be read");
  close(fd);
}

static void other_urls_are_refused(void **state) {
  static const char *const URLS[] = {
      "ftp://127.0.0.1/", "gopher://127.0.0.1/", "dict://127.0.0.1/", "",
      "http://",          "http://[::1",         "no scheme at all"};
  for (size_t i = 0; i < sizeof(URLS) / sizeof(URLS[0]); i++) {
    struct fetch_request request = get(URLS[i]);
    request.allow_file = true;
    expect_error(fetch_alone(&request), ERROR_INVALID, "");
  }
}

static void a_header_cannot_smuggle_another(void **state) {
  struct web *web = web_start(answer_hello, NULL);
  static const struct fetch_header HEADERS[] = {
      {{"X-A", 3}, {"1\r\nX-B: 2", 9}},
      {{"X-A\n", 4}, {"1", 1}},
      {{"X-A", 3}, {"1\0", 2}},
      {{"", 0}, {"1", 1}},
  };
  for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++) {
    struct fetch_request request = get(web_url(web, "/"));
    request.headers = &HEADERS[i];
    request.header_count = 1;
    expect_error(fetch_alone(&request), ERROR_INVALID, "line break");
  }
  assert_int_equal(web_requests(web), 0);
  web_stop(web);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_refused_connection_is_told_without_secrets),
      cmocka_unit_test(files_are_read_where_they_are_allowed),
      cmocka_unit_test(other_urls_are_refused),
      cmocka_unit_test(a_header_cannot_smuggle_another),
  };
  return cmocka_run_group_tests_name("fetch_refusals", tests, NULL, NULL);
}
