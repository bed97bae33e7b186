/* test_authenticator.c: the check of tokens with the key keeper, against a pool that behaves well
 * and badly. The requests are the test's own: this file takes the place of lib/http. */
#include "tokens.h"
#include "unit.h"
#include "web.h"

#include "lib/auth/key_keeper.h"
#include "lib/base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* --- What happens just before a fetch is asked for --- */

bool __real_refresher_ask(struct refresher *refresher, const struct trace_context *trace);
bool __wrap_refresher_ask(struct refresher *refresher, const struct trace_context *trace);

static void (*before_ask)(struct refresher *refresher, void *argument);
static void *before_ask_argument;

bool __wrap_refresher_ask(struct refresher *refresher, const struct trace_context *trace) {
  if (before_ask) before_ask(refresher, before_ask_argument);
  return __real_refresher_ask(refresher, trace);
}

/* --- Requests --- */

struct http_request {
  struct authenticator *authenticator;
  const char *authorization;
  void *waiting;
  enum http_token result;
  struct str sub;
  void *memory[8];
  size_t memory_count;
  atomic_uint *done_count; /* grows when the token was found good or bad; may be NULL */
};

struct str http_request_id(const struct http_request *request) {
  return STR("test");
}

const struct trace_context *http_request_trace(const struct http_request *request) {
  return NULL;
}

void *http_request_alloc(struct http_request *request, size_t size) {
  assert_in_range(request->memory_count, 0, 7);
  return request->memory[request->memory_count++] = calloc(1, size);
}

void http_steps_go_on(struct http_request *request) {
  assert_int_equal(request->result, HTTP_TOKEN_WAIT);
  request->result = authenticator_check(request, str_from(request->authorization),
                                        request->authenticator, &request->waiting, &request->sub);
  assert_int_equal(request->result == HTTP_TOKEN_GOOD, request->sub.length > 0);
  if (request->result != HTTP_TOKEN_WAIT && request->done_count)
    atomic_fetch_add(request->done_count, 1);
}

static void request_start(struct http_request *request, struct authenticator *authenticator,
                          const char *authorization) {
  *request = (struct http_request){.authenticator = authenticator,
                                   .authorization = authorization,
                                   .result = HTTP_TOKEN_WAIT,
                                   .done_count = request->done_count};
  http_steps_go_on(request);
}

static bool is_done(const struct http_request *request) {
  return request->result != HTTP_TOKEN_WAIT;
}

static void request_clear(struct http_request *request) {
  for (size_t i = 0; i < request->memory_count; i++)
    free(request->memory[i]);
  *request = (struct http_request){0};
}

/* --- The pool --- */

enum behaviour { POOL_GOOD, POOL_ROTATED, POOL_BROKEN, POOL_GARBAGE, POOL_EMPTY, POOL_SILENT };

static struct signer *first, *second;
static char *first_document, *second_document;
static char *first_token, *second_token;

static bool answer(struct web *web, int fd, const char *request, void *argument) {
  switch ((enum behaviour)atomic_load((atomic_int *)argument)) {
  case POOL_GOOD: return web_write_answer(fd, "200 OK", first_document);
  case POOL_ROTATED: return web_write_answer(fd, "200 OK", second_document);
  case POOL_BROKEN: return web_write_answer(fd, "500 Internal Server Error", first_document);
  case POOL_GARBAGE: return web_write_answer(fd, "200 OK", "<html>Sorry</html>");
  case POOL_EMPTY: return web_write_answer(fd, "200 OK", "{\"keys\":[]}");
  case POOL_SILENT: break;
  }
  web_wait_for_end(fd);
  return false;
}

/* --- A keeper and an authenticator on one loop --- */

static const struct key_keeper_timing QUICK = {
    .fetch_timeout_ms = 20000,
    .refresher = {.tries = 1,
                  .retry_base_ms = 1,
                  .retry_cap_ms = 5,
                  .rest_ms = 1,
                  .ask_interval_ms = 60000,
                  .insists = true},
};

struct house {
  atomic_int behaviour;
  struct web *web;
  char url[128];
  struct auth_options options;
  struct loop *loop;
  struct key_keeper *keeper;
  struct authenticator *authenticator;
};

/* A loop that is kept turning by what it has, or by this timer when there is nothing. */
static void turn(struct house *house) {
  uv_run(loop_uv(house->loop), UV_RUN_NOWAIT);
}

static void house_open_at(struct house *house, const struct key_keeper_timing *timing,
                          const char *url) {
  snprintf(house->url, sizeof(house->url), "%s", url);
  house->options = (struct auth_options){
      .jwks_url = house->url,
      .issuer = "https://pool.example",
      .client_ids = STR("client-1"),
  };
  house->loop = loop_new(0);
  house->keeper = key_keeper_new_timed(house->loop, &house->options, timing, NULL);
  assert_non_null(house->keeper);
  house->authenticator = authenticator_new(house->loop, house->keeper, NULL);
  assert_non_null(house->authenticator);
}

static void house_open(struct house *house, const struct key_keeper_timing *timing,
                       enum behaviour behaviour) {
  *house = (struct house){0};
  atomic_init(&house->behaviour, behaviour);
  house->web = web_start(answer, &house->behaviour);
  house_open_at(house, timing, web_url(house->web, "/jwks.json"));
}

static void house_wait_ready(struct house *house) {
  while (!key_keeper_ready(house->keeper))
    turn(house);
}

static void house_close(struct house *house) {
  authenticator_close(house->authenticator);
  key_keeper_close(house->keeper);
  loop_free(house->loop);
  if (house->web) web_stop(house->web);
}

static void send_request(struct house *house, struct http_request *request, const char *token) {
  static char headers[16][2048];
  static unsigned next;
  char *header = headers[next++ % 16];
  snprintf(header, sizeof(headers[0]), "Bearer %s", token ? token : "");
  *request = (struct http_request){.done_count = NULL};
  request_start(request, house->authenticator, token ? header : NULL);
}

static void wait_done(struct house *house, const struct http_request *request) {
  while (!is_done(request))
    turn(house);
}

static void expect_sub(struct house *house, const char *token, const char *sub) {
  struct http_request request;
  send_request(house, &request, token);
  wait_done(house, &request);
  assert_int_equal(request.result, HTTP_TOKEN_GOOD);
  assert_str_equal(request.sub, sub);
  request_clear(&request);
}

static void expect_refused(struct house *house, const char *token) {
  struct http_request request;
  send_request(house, &request, token);
  wait_done(house, &request);
  assert_int_equal(request.result, HTTP_TOKEN_BAD);
  request_clear(&request);
}

/* --- Tests --- */

static void without_a_token_nobody_is_known(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_SILENT);
  struct http_request request;
  static const char *const HEADERS[] = {NULL, "", "Basic dTpw", "Bearer", "Bearer a b"};
  for (size_t i = 0; i < sizeof(HEADERS) / sizeof(HEADERS[0]); i++) {
    request = (struct http_request){.done_count = NULL};
    request_start(&request, house.authenticator, HEADERS[i]);
    assert_int_equal(request.result, HTTP_TOKEN_BAD);
  }
  house_close(&house);
}

static void good_tokens_name_their_sub(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_GOOD);
  for (int i = 0; i < 3; i++)
    expect_sub(&house, first_token, "user-1");
  assert_int_equal(web_requests(house.web), 1);
  house_close(&house);
}

static void bad_tokens_are_refused(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_GOOD);
  house_wait_ready(&house);
  char *expired = signer_access_token(first, "user-1", clock_unix_us() / 1000000 - 3600);
  const char *const bad[] = {expired, "x", "a.b.c", "e30.e30.e30"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    expect_refused(&house, bad[i]);
  assert_int_equal(web_requests(house.web), 1); /* none of them was worth a fetch */
  free(expired);
  house_close(&house);
}

static void requests_wait_for_the_first_fetch(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_GOOD);
  struct http_request requests[2];
  for (int i = 0; i < 2; i++)
    send_request(&house, &requests[i], first_token);
  for (int i = 0; i < 2; i++)
    assert_false(is_done(&requests[i]));
  for (int i = 0; i < 2; i++) {
    wait_done(&house, &requests[i]);
    assert_str_equal(requests[i].sub, "user-1");
    request_clear(&requests[i]);
  }
  house_close(&house);
}

static void unknown_keys_fetch_once_in_a_while(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_GOOD);
  expect_sub(&house, first_token, "user-1");
  for (int i = 0; i < 100; i++)
    expect_refused(&house, second_token);
  assert_int_equal(web_requests(house.web), 2);
  expect_sub(&house, first_token, "user-1");
  house_close(&house);
}

/* The fetch that another loop asked for ends after this loop has looked at its keys. */
static void finish_fetch(struct refresher *refresher, void *argument) {
  before_ask = NULL;
  while (refresher_is_busy(refresher))
    turn(argument);
}

static void on_watcher_left(struct refresher_watcher *watcher) {
}

static void keys_that_come_while_a_token_is_checked_count(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_GOOD);
  expect_sub(&house, first_token, "user-1");
  struct loop *loop = loop_new(1);
  struct authenticator *other = authenticator_new(loop, house.keeper, NULL);
  struct refresher_watcher watcher = {.loop = house.loop};
  key_keeper_watch(house.keeper, &watcher);
  atomic_store(&house.behaviour, POOL_ROTATED);
  assert_true(__real_refresher_ask(watcher.refresher, NULL));
  before_ask = finish_fetch;
  before_ask_argument = &house;
  char header[2048];
  struct http_request request = {.done_count = NULL};
  snprintf(header, sizeof(header), "Bearer %s", second_token);
  request_start(&request, other, header);
  assert_null(before_ask);
  assert_int_equal(request.result, HTTP_TOKEN_GOOD);
  assert_str_equal(request.sub, "user-2");
  request_clear(&request);
  authenticator_close(other);
  loop_free(loop);
  refresher_leave(&watcher, on_watcher_left);
  house_close(&house);
}

static void the_next_interval_allows_the_next_fetch(void **state) {
  struct key_keeper_timing timing = QUICK;
  timing.refresher.ask_interval_ms = 0;
  struct house house;
  house_open(&house, &timing, POOL_GOOD);
  expect_sub(&house, first_token, "user-1");
  for (int i = 0; i < 3; i++)
    expect_refused(&house, second_token);
  assert_int_equal(web_requests(house.web), 4);
  atomic_store(&house.behaviour, POOL_ROTATED);
  expect_sub(&house, second_token, "user-2");
  house_close(&house);
}

static void rotated_keys_are_found_and_old_ones_forgotten(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_GOOD);
  expect_sub(&house, first_token, "user-1");
  atomic_store(&house.behaviour, POOL_ROTATED);
  expect_sub(&house, first_token, "user-1");
  expect_sub(&house, second_token, "user-2");
  expect_refused(&house, first_token); /* though it was remembered as verified */
  assert_int_equal(web_requests(house.web), 2);
  house_close(&house);
}

static void a_pool_that_breaks_leaves_the_known_keys(void **state) {
  static const enum behaviour BAD[] = {POOL_BROKEN, POOL_GARBAGE, POOL_EMPTY};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct house house;
    house_open(&house, &QUICK, POOL_GOOD);
    expect_sub(&house, first_token, "user-1");
    atomic_store(&house.behaviour, BAD[i]);
    expect_refused(&house, second_token);
    assert_int_equal(web_requests(house.web), 2);
    char *fresh = signer_access_token(first, "user-3", clock_unix_us() / 1000000 + 3600);
    expect_sub(&house, fresh, "user-3");
    expect_sub(&house, first_token, "user-1");
    free(fresh);
    house_close(&house);
  }
}

static void a_pool_that_comes_up_late_is_found_without_being_asked(void **state) {
  static const enum behaviour BAD[] = {POOL_BROKEN, POOL_GARBAGE, POOL_EMPTY};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct house house;
    house_open(&house, &QUICK, BAD[i]);
    while (web_requests(house.web) < 5)
      turn(&house);
    assert_false(key_keeper_ready(house.keeper));
    expect_refused(&house, first_token);
    atomic_store(&house.behaviour, POOL_GOOD);
    house_wait_ready(&house);
    expect_sub(&house, first_token, "user-1");
    house_close(&house);
  }
}

static void a_silent_pool_means_401_after_a_short_wait(void **state) {
  struct key_keeper_timing timing = QUICK;
  timing.fetch_timeout_ms = 50;
  struct house house;
  house_open(&house, &timing, POOL_SILENT);
  expect_refused(&house, first_token);
  house_close(&house);
}

/* The authenticator's own bound: here the fetch would take far longer. */
static void a_wait_ends_though_the_fetch_does_not(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_SILENT);
  struct http_request requests[3];
  for (int i = 0; i < 3; i++)
    send_request(&house, &requests[i], first_token);
  for (int i = 0; i < 3; i++) {
    assert_false(is_done(&requests[2]) && !is_done(&requests[i]));
    wait_done(&house, &requests[i]);
    assert_int_equal(requests[i].result, HTTP_TOKEN_BAD);
    request_clear(&requests[i]);
  }
  assert_int_equal(web_requests(house.web), 1);
  house_close(&house);
}

static void the_number_of_waiters_is_bounded(void **state) {
  enum { WAITERS = 1024 };
  struct house house;
  house_open(&house, &QUICK, POOL_SILENT);
  struct http_request *requests = calloc(WAITERS + 1, sizeof(*requests));
  for (int i = 0; i <= WAITERS; i++) {
    assert_false(i == WAITERS && is_done(&requests[WAITERS - 1]));
    send_request(&house, &requests[i], first_token);
  }
  assert_int_equal(requests[WAITERS].result, HTTP_TOKEN_BAD);
  house_close(&house);
  for (int i = 0; i <= WAITERS; i++) {
    assert_int_equal(requests[i].result, HTTP_TOKEN_BAD);
    request_clear(&requests[i]);
  }
  free(requests);
}

static void closing_in_any_order_answers_who_waits(void **state) {
  for (int order = 0; order < 2; order++) {
    struct house house;
    house_open(&house, &QUICK, POOL_SILENT);
    struct http_request request;
    send_request(&house, &request, first_token);
    if (order == 0) {
      key_keeper_close(house.keeper);
      wait_done(&house, &request);
      expect_refused(&house, first_token);
      authenticator_close(house.authenticator);
    } else {
      authenticator_close(house.authenticator);
      assert_true(is_done(&request));
      key_keeper_close(house.keeper);
    }
    assert_int_equal(request.result, HTTP_TOKEN_BAD);
    request_clear(&request);
    loop_free(house.loop);
    web_stop(house.web);
  }
  key_keeper_close(NULL);
  authenticator_close(NULL);
}

/* News are on their way when the authenticator closes. */
static void closing_with_news_under_way_is_safe(void **state) {
  for (int order = 0; order < 2; order++) {
    struct house house;
    house_open(&house, &QUICK, POOL_GOOD);
    struct http_request request;
    send_request(&house, &request, first_token);
    if (order == 0) key_keeper_close(house.keeper); /* posts the end of the fetch */
    authenticator_close(house.authenticator);
    if (order == 1) key_keeper_close(house.keeper);
    assert_int_equal(request.result, HTTP_TOKEN_BAD);
    request_clear(&request);
    loop_free(house.loop);
    web_stop(house.web);
  }
}

static void keys_come_from_a_file_too(void **state) {
  char path[] = "/tmp/test_authenticator_XXXXXX", url[80];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_true(write(fd, first_document, strlen(first_document)) > 0);
  snprintf(url, sizeof(url), "file:%s", path);
  struct house house = {0};
  house_open_at(&house, &QUICK, url);
  expect_sub(&house, first_token, "user-1");
  expect_refused(&house, second_token);
  house_close(&house);
  unlink(path);
  close(fd);
}

static void bad_settings_are_refused_by_name(void **state) {
  static const struct {
    struct auth_options options;
    const char *variable;
  } CASES[] = {
      {{NULL, "i", {"c", 1}, 0}, "AWS_COGNITO_JWKS_URL"},
      {{"", "i", {"c", 1}, 0}, "AWS_COGNITO_JWKS_URL"},
      {{"ftp://pool.example", "i", {"c", 1}, 0}, "AWS_COGNITO_JWKS_URL"},
      {{"https://pool.example", NULL, {"c", 1}, 0}, "AWS_COGNITO_ISSUER"},
      {{"https://pool.example", "", {"c", 1}, 0}, "AWS_COGNITO_ISSUER"},
      {{"https://pool.example", "i", {NULL, 0}, 0}, "AWS_COGNITO_USER_POOL_CLIENT_ID"},
      {{"https://pool.example", "i", {" , ", 3}, 0}, "AWS_COGNITO_USER_POOL_CLIENT_ID"},
  };
  struct loop *loop = loop_new(0);
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct error error = {0};
    assert_null(key_keeper_new(loop, &CASES[i].options, &error));
    assert_int_equal(error.kind, ERROR_INVALID);
    assert_ptr_equal(strstr(error.message, CASES[i].variable), error.message);
  }
  loop_free(loop);
}

/* --- Several loops with one keeper --- */

enum { LOOPS = 4, REQUESTS_A_LOOP = 200 };

struct worker {
  struct loop *loop;
  struct authenticator *authenticator;
  struct http_request good[REQUESTS_A_LOOP], bad[REQUESTS_A_LOOP];
  atomic_uint done;
  uv_idle_t idle; /* keeps the loop turning */
  pthread_t thread;
};

static void on_idle(uv_idle_t *idle) {
  struct worker *worker = idle->data;
  if (atomic_load(&worker->done) < 2 * REQUESTS_A_LOOP) return;
  uv_close((uv_handle_t *)idle, NULL);
  authenticator_close(worker->authenticator);
  loop_close_inbox(worker->loop);
}

static void *work(void *argument) {
  struct worker *worker = argument;
  char good[2048], bad[2048];
  snprintf(good, sizeof(good), "Bearer %s", first_token);
  snprintf(bad, sizeof(bad), "Bearer %s", second_token);
  uv_idle_init(loop_uv(worker->loop), &worker->idle);
  worker->idle.data = worker;
  uv_idle_start(&worker->idle, on_idle);
  for (int i = 0; i < REQUESTS_A_LOOP; i++) {
    worker->good[i].done_count = worker->bad[i].done_count = &worker->done;
    request_start(&worker->good[i], worker->authenticator, good);
    request_start(&worker->bad[i], worker->authenticator, bad);
    uv_run(loop_uv(worker->loop), UV_RUN_NOWAIT);
  }
  loop_run(worker->loop);
  return NULL;
}

static void many_loops_ask_for_one_fetch(void **state) {
  struct house house;
  house_open(&house, &QUICK, POOL_GOOD);
  struct worker *workers = calloc(LOOPS, sizeof(*workers));
  for (int i = 0; i < LOOPS; i++) {
    workers[i].loop = loop_new((unsigned)i + 1);
    workers[i].authenticator = authenticator_new(workers[i].loop, house.keeper, NULL);
  }
  house_wait_ready(&house);
  for (int i = 0; i < LOOPS; i++)
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  for (int i = 0; i < LOOPS; i++)
    while (atomic_load(&workers[i].done) < 2 * REQUESTS_A_LOOP)
      turn(&house);
  for (int i = 0; i < LOOPS; i++) {
    pthread_join(workers[i].thread, NULL);
    for (int j = 0; j < REQUESTS_A_LOOP; j++) {
      assert_str_equal(workers[i].good[j].sub, "user-1");
      assert_int_equal(workers[i].bad[j].result, HTTP_TOKEN_BAD);
      request_clear(&workers[i].good[j]);
      request_clear(&workers[i].bad[j]);
    }
    loop_free(workers[i].loop);
  }
  assert_int_equal(web_requests(house.web), 2);
  free(workers);
  house_close(&house);
}

static int prepare(void **state) {
  static const char *const PROXIES[] = {"http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"};
  for (size_t i = 0; i < sizeof(PROXIES) / sizeof(PROXIES[0]); i++)
    unsetenv(PROXIES[i]);
  int64_t expires_s = clock_unix_us() / 1000000 + 3600;
  first = signer_new(2048, "first");
  second = signer_new(2048, "second");
  first_document = signers_document(first, NULL);
  second_document = signers_document(second, NULL);
  first_token = signer_access_token(first, "user-1", expires_s);
  second_token = signer_access_token(second, "user-2", expires_s);
  return 0;
}

static int clean_up(void **state) {
  signer_free(first);
  signer_free(second);
  free(first_document);
  free(second_document);
  free(first_token);
  free(second_token);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(without_a_token_nobody_is_known),
      cmocka_unit_test(good_tokens_name_their_sub),
      cmocka_unit_test(bad_tokens_are_refused),
      cmocka_unit_test(requests_wait_for_the_first_fetch),
      cmocka_unit_test(unknown_keys_fetch_once_in_a_while),
      cmocka_unit_test(keys_that_come_while_a_token_is_checked_count),
      cmocka_unit_test(the_next_interval_allows_the_next_fetch),
      cmocka_unit_test(rotated_keys_are_found_and_old_ones_forgotten),
      cmocka_unit_test(a_pool_that_breaks_leaves_the_known_keys),
      cmocka_unit_test(a_pool_that_comes_up_late_is_found_without_being_asked),
      cmocka_unit_test(a_silent_pool_means_401_after_a_short_wait),
      cmocka_unit_test(a_wait_ends_though_the_fetch_does_not),
      cmocka_unit_test(the_number_of_waiters_is_bounded),
      cmocka_unit_test(closing_in_any_order_answers_who_waits),
      cmocka_unit_test(closing_with_news_under_way_is_safe),
      cmocka_unit_test(keys_come_from_a_file_too),
      cmocka_unit_test(bad_settings_are_refused_by_name),
      cmocka_unit_test(many_loops_ask_for_one_fetch),
  };
  return cmocka_run_group_tests(tests, prepare, clean_up);
}
