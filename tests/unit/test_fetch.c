/* test_fetch.c: outgoing HTTP against a local server that answers well and badly. */
#include "fetch_client.h"
#include "web.h"

#include "lib/fetch/fetch.h"
#include "lib/fetch/fetch_wait.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static char last_request[64 * 1024]; /* written by the server's thread before it answers */

static bool answer_hello(struct web *web, int fd, const char *request, void *argument) {
  snprintf(last_request, sizeof(last_request), "%s", request);
  return web_write_answer(fd, "200 OK", strncmp(request, "HEAD", 4) == 0 ? "" : "hello");
}

static void an_answer_arrives(void **state) {
  struct web *web = web_start(answer_hello, NULL);
  struct fetch_request request = get(web_url(web, "/path?q=1"));
  struct fetch_header headers[] = {{STR("X-One"), STR("first")}, {STR("X-Empty"), STR("")}};
  request.headers = headers;
  request.header_count = 2;
  struct outcome outcome = fetch_alone(&request);
  assert_int_equal(outcome.error.kind, ERROR_NONE);
  assert_int_equal(outcome.status, 200);
  assert_buffer_equal(&outcome.body, "hello");
  assert_non_null(strstr(last_request, "GET /path?q=1 HTTP/1.1\r\n"));
  assert_non_null(strstr(last_request, "\r\nUser-Agent: cruddur/" CRUDDUR_VERSION "\r\n"));
  assert_non_null(strstr(last_request, "\r\nX-One: first\r\n"));
  assert_non_null(strstr(last_request, "\r\nX-Empty:\r\n"));
  buffer_free(&outcome.body);
  web_stop(web);
}

static void methods_and_bodies_go_out_as_given(void **state) {
  static const struct {
    const char *method, *body, *line, *length;
  } CASES[] = {
      {"POST", "{\"a\":1}", "POST / HTTP/1.1\r\n", "\r\nContent-Length: 7\r\n"},
      {"POST", "", "POST / HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
      {"PUT", "", "PUT / HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
      {"PUT", "abc", "PUT / HTTP/1.1\r\n", "\r\nContent-Length: 3\r\n"},
      {"DELETE", "", "DELETE / HTTP/1.1\r\n", NULL},
      {"HEAD", "", "HEAD / HTTP/1.1\r\n", NULL},
      {"GET", "", "GET / HTTP/1.1\r\n", NULL},
  };
  struct web *web = web_start(answer_hello, NULL);
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct fetch_request request = get(web_url(web, "/"));
    request.method = CASES[i].method;
    request.body = str_from(CASES[i].body);
    struct outcome outcome = fetch_alone(&request);
    assert_int_equal(outcome.status, 200);
    assert_ptr_equal(strstr(last_request, CASES[i].line), last_request);
    assert_true(!CASES[i].length || strstr(last_request, CASES[i].length));
    assert_true(CASES[i].length || !strstr(last_request, "\r\nContent-Length:"));
    assert_null(strstr(last_request, "\r\nContent-Type:"));
    assert_null(strstr(last_request, "\r\nExpect:"));
    assert_string_equal(strstr(last_request, "\r\n\r\n") + 4, CASES[i].body);
    buffer_free(&outcome.body);
  }
  web_stop(web);
}

static void a_content_type_is_kept(void **state) {
  struct web *web = web_start(answer_hello, NULL);
  struct fetch_request request = get(web_url(web, "/"));
  struct fetch_header header = {STR("content-type"), STR("application/json")};
  request.method = "POST";
  request.body = STR("{}");
  request.headers = &header;
  request.header_count = 1;
  struct outcome outcome = fetch_alone(&request);
  assert_non_null(strstr(last_request, "\r\ncontent-type: application/json\r\n"));
  buffer_free(&outcome.body);
  web_stop(web);
}

static bool answer_by_path(struct web *web, int fd, const char *request, void *argument) {
  if (strstr(request, "/moved"))
    return web_write(fd, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
  if (strstr(request, "/missing")) return web_write_answer(fd, "404 Not Found", "none");
  return web_write_answer(fd, "500 Internal Server Error", "broken");
}

static void any_status_is_an_answer_and_redirects_are_not_followed(void **state) {
  struct web *web = web_start(answer_by_path, NULL);
  struct fetch_request request = get(web_url(web, "/missing"));
  struct outcome outcome = fetch_alone(&request);
  assert_int_equal(outcome.status, 404);
  assert_buffer_equal(&outcome.body, "none");
  buffer_free(&outcome.body);
  request.url = web_url(web, "/broken");
  outcome = fetch_alone(&request);
  assert_int_equal(outcome.status, 500);
  buffer_free(&outcome.body);
  request.url = web_url(web, "/moved");
  assert_int_equal(fetch_alone(&request).status, 302);
  assert_int_equal(web_requests(web), 3);
  web_stop(web);
}

static void connections_are_used_again(void **state) {
  struct web *web = web_start(answer_hello, NULL);
  struct client client = client_new();
  struct fetch_request request = get(web_url(web, "/"));
  for (int i = 0; i < 5; i++) {
    struct outcome outcome = run(&client, &request);
    assert_int_equal(outcome.status, 200);
    buffer_free(&outcome.body);
  }
  assert_int_equal(web_connections(web), 1);
  client_free(&client);
  web_stop(web);
}

struct chain { /* exchanges in a row */
  struct client *client;
  struct fetch_request request;
  int left;
};
static unsigned chains_running;

static void on_link_done(const struct fetch_response *response, void *argument) {
  struct chain *chain = argument;
  assert_int_equal(response->status, 200);
  if (--chain->left > 0) {
    assert_true(fetch_start(chain->client->fetcher, &chain->request, on_link_done, chain, NULL));
  } else if (--chains_running == 0) {
    uv_stop(loop_uv(chain->client->loop));
  }
}

static void connections_are_used_again_under_load(void **state) {
  enum { CHAINS = 32, LINKS = 10 };
  struct web *web = web_start(answer_hello, NULL);
  struct client client = client_new();
  struct chain chains[CHAINS];
  chains_running = CHAINS;
  for (int i = 0; i < CHAINS; i++) {
    chains[i] = (struct chain){&client, get(web_url(web, "/")), LINKS};
    assert_true(fetch_start(client.fetcher, &chains[i].request, on_link_done, &chains[i], NULL));
  }
  while (chains_running > 0)
    uv_run(loop_uv(client.loop), UV_RUN_DEFAULT);
  assert_true(web_connections(web) <= CHAINS + 8);
  client_free(&client);
  web_stop(web);
}

static void exchanges_run_side_by_side(void **state) {
  enum { COUNT = 20 };
  struct web *web = web_start(answer_hello, NULL);
  struct client client = client_new();
  struct fetch_request request = get(web_url(web, "/"));
  struct outcome outcomes[COUNT] = {0};
  for (int i = 0; i < COUNT; i++)
    assert_true(fetch_start(client.fetcher, &request, on_done, &outcomes[i], NULL));
  for (int i = 0; i < COUNT; i++) {
    wait_for(&client, &outcomes[i]);
    assert_int_equal(outcomes[i].status, 200);
    buffer_free(&outcomes[i].body);
  }
  client_free(&client);
  web_stop(web);
}

/* Answers with as many bytes as the path says, with or without telling the length before. */
static bool answer_with_length(struct web *web, int fd, const char *request, void *argument) {
  static const char ANSWER[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  size_t length = strtoul(strchr(request, '/') + 1, NULL, 10);
  char *body = calloc(1, length + 64);
  memset(body, 'x', length);
  bool written;
  if (strstr(request, "chunked")) {
    char size[32];
    snprintf(size, sizeof(size), "%zx\r\n", length);
    strcat(body, "\r\n0\r\n\r\n");
    written = web_write(fd, ANSWER) && web_write(fd, size) && web_write(fd, body);
  } else {
    written = web_write_answer(fd, "200 OK", body);
  }
  free(body);
  return written;
}

static void answers_are_bounded(void **state) {
  struct web *web = web_start(answer_with_length, NULL);
  struct fetch_request request = get(web_url(web, "/1000"));
  struct outcome outcome = fetch_alone(&request);
  assert_int_equal(outcome.body.length, LIMIT);
  buffer_free(&outcome.body);
  request.url = web_url(web, "/1001");
  expect_error(fetch_alone(&request), ERROR_MEMORY, "longer than the 1000 bytes allowed");
  request.url = web_url(web, "/1000000?chunked");
  expect_error(fetch_alone(&request), ERROR_MEMORY, "longer than the 1000 bytes allowed");
  request.response_limit = 0;
  request.url = web_url(web, "/1");
  expect_error(fetch_alone(&request), ERROR_MEMORY, "longer than the 0 bytes allowed");
  web_stop(web);
}

static bool answer_headers_without_end(struct web *web, int fd, const char *request,
                                       void *argument) {
  if (!web_write(fd, "HTTP/1.1 200 OK\r\n")) return false;
  while (web_write(fd, "X-Filler: 0123456789012345678901234567890123456789\r\n")) {
  }
  return false;
}

static void headers_of_answers_are_bounded(void **state) {
  struct web *web = web_start(answer_headers_without_end, NULL);
  struct fetch_request request = get(web_url(web, "/"));
  expect_error(fetch_alone(&request), ERROR_MEMORY, "longer than the 65536 bytes allowed");
  web_stop(web);
}

static bool answer_never(struct web *web, int fd, const char *request, void *argument) {
  const char *beginning = argument;
  if (beginning) web_write(fd, beginning);
  web_wait_for_end(fd);
  return false;
}

static void the_whole_exchange_has_a_deadline(void **state) {
  static const char *const BEGINNINGS[] = {NULL, "HTTP/1.1 200 OK\r\nContent-",
                                           "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst"};
  for (size_t i = 0; i < sizeof(BEGINNINGS) / sizeof(BEGINNINGS[0]); i++) {
    struct web *web = web_start(answer_never, (void *)BEGINNINGS[i]);
    struct fetch_request request = get(web_url(web, "/"));
    request.timeout_ms = 60;
    expect_error(fetch_alone(&request), ERROR_UNAVAILABLE, "no complete answer within 60 ms");
    web_stop(web);
  }
}

static void a_timeout_of_nothing_is_no_endless_wait(void **state) {
  struct web *web = web_start(answer_never, NULL);
  struct fetch_request request = get(web_url(web, "/"));
  request.timeout_ms = 0;
  expect_error(fetch_alone(&request), ERROR_UNAVAILABLE, "no complete answer within 0 ms");
  web_stop(web);
}

static bool answer_raw(struct web *web, int fd, const char *request, void *argument) {
  web_write(fd, argument);
  return false;
}

static void bad_answers_are_errors(void **state) {
  static const char *const ANSWERS[] = {"", "220 smtp.example ESMTP\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut",
                                        "HTTP/1.1 200 OK\r\nContent-Length: -9\r\n\r\ncut"};
  for (size_t i = 0; i < sizeof(ANSWERS) / sizeof(ANSWERS[0]); i++) {
    struct web *web = web_start(answer_raw, (void *)ANSWERS[i]);
    struct fetch_request request = get(web_url(web, "/"));
    expect_error(fetch_alone(&request), ERROR_UNAVAILABLE, "http://127.0.0.1:");
    web_stop(web);
  }
}

/* Resets the connection once the client's kernel has all that was written. */
static bool reset_connection(int fd) {
  int unsent = 1;
  while (unsent > 0 && ioctl(fd, SIOCOUTQ, &unsent) == 0)
    sched_yield();
  struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
  return connect(fd, &nowhere, sizeof(nowhere)) > 0; /* never: the connection is to be closed */
}

static bool answer_then_reset(struct web *web, int fd, const char *request, void *argument) {
  answer_with_length(web, fd, request, argument);
  return reset_connection(fd);
}

static void an_answer_before_a_reset_counts(void **state) {
  static const char *const PATHS[] = {"/1", "/5000", "/1048576"};
  struct web *web = web_start(answer_then_reset, NULL);
  struct client client = client_new();
  for (size_t i = 0; i < 3 * 8; i++) {
    struct fetch_request request = get(web_url(web, PATHS[i % 3]));
    request.response_limit = strtoul(PATHS[i % 3] + 1, NULL, 10);
    struct outcome outcome = run(&client, &request);
    assert_string_equal(outcome.error.message, "");
    assert_int_equal(outcome.body.length, request.response_limit);
    buffer_free(&outcome.body);
  }
  assert_int_equal(web_requests(web), 3 * 8);
  client_free(&client);
  web_stop(web);
}

static bool only_reset(struct web *web, int fd, const char *request, void *argument) {
  return reset_connection(fd);
}

static void a_reset_is_called_a_reset(void **state) {
  struct web *web = web_start(only_reset, NULL);
  struct fetch_request request = get(web_url(web, "/"));
  expect_error(fetch_alone(&request), ERROR_UNAVAILABLE, "reset by peer");
  web_stop(web);
}

static void closing_ends_what_is_under_way(void **state) {
  struct web *web = web_start(answer_never, NULL);
  struct client client = client_new();
  struct fetch_request request = get(web_url(web, "/"));
  struct fetch_request refused = request;
  struct fetch_header bad = {STR("X"), STR("\n")};
  refused.headers = &bad;
  refused.header_count = 1;
  struct outcome outcomes[3] = {0};
  assert_true(fetch_start(client.fetcher, &request, on_done, &outcomes[0], NULL));
  while (web_requests(web) == 0)
    uv_run(loop_uv(client.loop), UV_RUN_NOWAIT);
  assert_true(fetch_start(client.fetcher, &request, on_done, &outcomes[1], NULL));
  assert_true(fetch_start(client.fetcher, &refused, on_done, &outcomes[2], NULL));
  fetch_close(client.fetcher);
  struct error error;
  assert_false(fetch_start(client.fetcher, &request, on_done, NULL, &error));
  assert_string_equal(error.message, "the program ends");
  for (int i = 0; i < 3; i++) {
    assert_int_equal(outcomes[i].calls, 1);
    expect_error(outcomes[i], ERROR_UNAVAILABLE, "given up");
  }
  fetch_close(NULL);
  loop_free(client.loop);
  web_stop(web);
}

static void the_fetcher_may_be_closed_by_a_callback(void **state) {
  struct web *web = web_start(answer_hello, NULL);
  struct client client = client_new();
  struct fetch_request request = get(web_url(web, "/"));
  struct outcome first = {.close_client = &client}, second = {.close_client = &client};
  assert_true(fetch_start(client.fetcher, &request, on_done, &first, NULL));
  assert_true(fetch_start(client.fetcher, &request, on_done, &second, NULL));
  wait_for(&client, &first);
  wait_for(&client, &second);
  assert_int_equal(first.calls + second.calls, 2);
  buffer_free(&first.body);
  buffer_free(&second.body);
  loop_free(client.loop);
  web_stop(web);
}

static void the_number_under_way_is_bounded(void **state) {
  char url[64];
  int fd = take_port(url);
  struct client client = client_new();
  struct fetch_request request = get(url);
  static struct outcome outcome;
  for (int i = 0; i < 1024; i++)
    assert_true(fetch_start(client.fetcher, &request, on_done, &outcome, NULL));
  struct error error;
  assert_false(fetch_start(client.fetcher, &request, on_done, &outcome, &error));
  assert_int_equal(error.kind, ERROR_UNAVAILABLE);
  assert_non_null(strstr(error.message, "1024 outgoing requests"));
  client_free(&client);
  assert_int_equal(outcome.calls, 1024);
  close(fd);
}

/* --- Name resolution that hangs. This takes the place of libc's for the names of the test. --- */

static sem_t resolver_entered, resolver_released, resolver_left;

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
  if (name && strcmp(name, "hangs.example") == 0) {
    sem_post(&resolver_entered);
    sem_wait(&resolver_released);
    sem_post(&resolver_left);
    return EAI_NONAME;
  }
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  return real(name, service, hints, result);
}

/* It would hang for ever if the loop waited for the resolver's thread. */
static void a_name_that_does_not_resolve_does_not_block(void **state) {
  struct client client = client_new();
  struct fetch_request request = get("http://hangs.example/");
  request.timeout_ms = 60;
  struct outcome outcomes[2] = {0};
  assert_true(fetch_start(client.fetcher, &request, on_done, &outcomes[0], NULL));
  wait_for(&client, &outcomes[0]);
  expect_error(outcomes[0], ERROR_UNAVAILABLE, "no complete answer");
  request.timeout_ms = AMPLE_MS;
  assert_true(fetch_start(client.fetcher, &request, on_done, &outcomes[1], NULL));
  sem_wait(&resolver_entered);
  while (sem_trywait(&resolver_entered) != 0)
    uv_run(loop_uv(client.loop), UV_RUN_NOWAIT);
  client_free(&client);
  expect_error(outcomes[1], ERROR_UNAVAILABLE, "given up");
  for (int i = 0; i < 2; i++)
    sem_post(&resolver_released);
  for (int i = 0; i < 2; i++)
    sem_wait(&resolver_left);
}

/* --- What cannot start --- */

static bool curl_has_no_memory;

/* In the place of curl's own. */
int curl_multi_add_handle(void *multi, void *easy);

int curl_multi_add_handle(void *multi, void *easy) {
  enum { CURLM_OUT_OF_MEMORY = 3 };
  if (curl_has_no_memory) return CURLM_OUT_OF_MEMORY;
  int (*real)(void *, void *);
  *(void **)&real = dlsym(RTLD_NEXT, "curl_multi_add_handle");
  return real(multi, easy);
}

static void an_exchange_that_cannot_start_is_not_waited_for(void **state) {
  struct fetch_wait wait = {0};
  struct fetch_answer answer;
  struct error error;
  const struct fetch_request request = {
      .url = "http://127.0.0.1:1/", .timeout_ms = AMPLE_MS, .response_limit = LIMIT};
  assert_true(fetch_wait_open(&wait, &error));
  curl_has_no_memory = true;
  bool done = fetch_wait_exchange(&wait, &request, &answer, &error);
  curl_has_no_memory = false;
  assert_false(done);
  assert_int_equal(error.kind, ERROR_MEMORY);
  fetch_wait_free_answer(&answer);
  fetch_wait_close(&wait);
}

int main(void) {
  static const char *const PROXIES[] = {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"};
  for (size_t i = 0; i < sizeof(PROXIES) / sizeof(PROXIES[0]); i++)
    unsetenv(PROXIES[i]);
  sem_init(&resolver_entered, 0, 0);
  sem_init(&resolver_released, 0, 0);
  sem_init(&resolver_left, 0, 0);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_answer_arrives),
      cmocka_unit_test(methods_and_bodies_go_out_as_given),
      cmocka_unit_test(a_content_type_is_kept),
      cmocka_unit_test(any_status_is_an_answer_and_redirects_are_not_followed),
      cmocka_unit_test(connections_are_used_again),
      cmocka_unit_test(connections_are_used_again_under_load),
      cmocka_unit_test(exchanges_run_side_by_side),
      cmocka_unit_test(answers_are_bounded),
      cmocka_unit_test(headers_of_answers_are_bounded),
      cmocka_unit_test(the_whole_exchange_has_a_deadline),
      cmocka_unit_test(a_timeout_of_nothing_is_no_endless_wait),
      cmocka_unit_test(bad_answers_are_errors),
      cmocka_unit_test(an_answer_before_a_reset_counts),
      cmocka_unit_test(a_reset_is_called_a_reset),
      cmocka_unit_test(closing_ends_what_is_under_way),
      cmocka_unit_test(the_fetcher_may_be_closed_by_a_callback),
      cmocka_unit_test(the_number_under_way_is_bounded),
      cmocka_unit_test(an_exchange_that_cannot_start_is_not_waited_for),
      cmocka_unit_test(a_name_that_does_not_resolve_does_not_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
