/* test_rollbar.c: items for Rollbar: what they hold, and the bounds on how many are sent. */
#include "fake_fetch.h"
#include "unit.h"

#include "lib/telemetry/rollbar.h"

#include <jansson.h>

enum { MINUTE_MS = 60000, FAILURES_LIMIT = 64 };

static struct loop *loop;
static struct rollbar *rollbar;
static bool drained;

static const struct rollbar_options OPTIONS = {
    .access_token = "secret", .environment = "production", .url = "http://rollbar/item"};

static const char HOME[] = "/api/activities/home";

static void on_drained(void *argument) {
  drained = true;
}

static void open_rollbar(const struct rollbar_options *options) {
  fake_fetch_begin();
  loop = loop_new(0);
  rollbar = rollbar_new(loop, NULL, options, NULL);
  assert_non_null(rollbar);
  drained = false;
}

static int set_up(void **state) {
  open_rollbar(&OPTIONS);
  return 0;
}

static int tear_down(void **state) {
  rollbar_drain(rollbar, on_drained, NULL);
  fake_fetch_answer_rest(200);
  assert_true(drained);
  loop_close_inbox(loop);
  loop_run(loop);
  loop_free(loop);
  return 0;
}

static const char *text_at(const json_t *item, const char *outer, const char *inner) {
  return json_string_value(json_object_get(json_object_get(item, outer), inner));
}

/* Sends an item about a request. */
static void send_item(const char *level, const char *message) {
  rollbar_send(rollbar, &(struct rollbar_item){.level = level,
                                               .message = message,
                                               .method = "GET",
                                               .route = HOME,
                                               .request_id = STR("req-1")});
}

static void an_item_is_what_rollbar_documents(void **state) {
  send_item("warning", "say \"no\"");
  assert_int_equal(fake_fetch_count(), 1);
  assert_string_equal(fake_fetch_url(0), "http://rollbar/item");
  assert_string_equal(fake_fetch_headers(0),
                      "Content-Type: application/json\nX-Rollbar-Access-Token: secret\n");
  assert_null(strstr(fake_fetch_body(0), "secret"));
  json_t *body = json_loads(fake_fetch_body(0), JSON_REJECT_DUPLICATES, NULL);
  const json_t *data = json_object_get(body, "data");
  assert_string_equal(json_string_value(json_object_get(data, "environment")), "production");
  assert_string_equal(json_string_value(json_object_get(data, "level")), "warning");
  assert_string_equal(json_string_value(json_object_get(data, "platform")), "linux");
  assert_string_equal(json_string_value(json_object_get(data, "code_version")), CRUDDUR_VERSION);
  assert_true(json_integer_value(json_object_get(data, "timestamp")) > 1600000000);
  assert_string_equal(text_at(json_object_get(data, "body"), "message", "body"), "say \"no\"");
  assert_string_equal(text_at(data, "custom", "request_id"), "req-1");
  assert_string_equal(text_at(data, "notifier", "name"), "cruddur");
  assert_string_equal(text_at(data, "request", "method"), "GET");
  assert_string_equal(text_at(data, "request", "url"), HOME);
  assert_true(strlen(text_at(data, "server", "host")) > 0);
  assert_string_equal(text_at(data, "server", "code_version"), CRUDDUR_VERSION);
  json_decref(body);
}

static void an_item_about_no_request_names_none(void **state) {
  rollbar_send(rollbar, &(struct rollbar_item){.level = "critical", .message = "crashed"});
  json_t *body = json_loads(fake_fetch_body(0), JSON_REJECT_DUPLICATES, NULL);
  assert_null(json_object_get(json_object_get(body, "data"), "request"));
  json_decref(body);
}

static void nothing_is_sent_without_a_token(void **state) {
  const struct rollbar_options options = {.environment = "test", .url = "http://rollbar/item"};
  open_rollbar(&options);
  send_item("error", "message");
  rollbar_send_failure(rollbar, "GET", HOME, 500, STR("req-1"));
  assert_int_equal(fake_fetch_count(), 0);
  assert_int_equal(rollbar_dropped(rollbar), 0);
  tear_down(state);
}

static void items_a_minute_are_bounded(void **state) {
  for (int i = 0; i < ROLLBAR_PER_MINUTE + 10; i++)
    send_item("error", "message");
  assert_int_equal(rollbar_dropped(rollbar), 10);
  fake_fetch_answer_rest(200);
  assert_int_equal(fake_fetch_count(), ROLLBAR_PER_MINUTE);
  fake_now_ms += MINUTE_MS - 1;
  send_item("error", "message");
  assert_int_equal(rollbar_dropped(rollbar), 11);
  fake_now_ms += 1;
  send_item("error", "message");
  assert_int_equal(rollbar_dropped(rollbar), 11);
  assert_int_equal(fake_fetch_count(), ROLLBAR_PER_MINUTE + 1);
}

static void a_failure_is_reported_once_a_minute(void **state) {
  for (int i = 0; i < 5; i++)
    rollbar_send_failure(rollbar, "GET", HOME, 503, STR("req-1"));
  assert_int_equal(fake_fetch_count(), 1);
  assert_non_null(strstr(fake_fetch_body(0), "GET /api/activities/home answered 503"));
  assert_non_null(strstr(fake_fetch_body(0), "\"level\":\"error\""));
  fake_fetch_answer_rest(200);
  fake_now_ms += MINUTE_MS - 1;
  rollbar_send_failure(rollbar, "GET", HOME, 503, STR("req-2"));
  assert_int_equal(fake_fetch_count(), 1);
  fake_now_ms += 1;
  rollbar_send_failure(rollbar, "GET", HOME, 503, STR("req-3"));
  assert_int_equal(fake_fetch_count(), 2);
  fake_fetch_answer_rest(200);
  rollbar_send_failure(rollbar, "GET", HOME, 503, STR("req-4"));
  assert_int_equal(fake_fetch_count(), 2);
  assert_int_equal(rollbar_dropped(rollbar), 0);
}

static void another_status_or_route_is_another_failure(void **state) {
  rollbar_send_failure(rollbar, "GET", HOME, 503, STR("req-1"));
  rollbar_send_failure(rollbar, "GET", HOME, 500, STR("req-2"));
  rollbar_send_failure(rollbar, "GET", "/api/readiness", 503, STR("req-3"));
  fake_fetch_answer_rest(200);
  assert_int_equal(fake_fetch_count(), 3);
}

/* After as many other failures the oldest is forgotten, and so reported again. */
static void failures_are_remembered_up_to_a_bound(void **state) {
  static const char ROUTES[FAILURES_LIMIT + 1][2] = {{"a"}};
  for (int i = 0; i < FAILURES_LIMIT; i++)
    rollbar_send_failure(rollbar, "GET", ROUTES[i], 500, STR("req-1"));
  fake_fetch_answer_rest(200);
  uint64_t before = rollbar_dropped(rollbar) + fake_fetch_count();
  rollbar_send_failure(rollbar, "GET", ROUTES[0], 500, STR("req-2"));
  assert_int_equal(rollbar_dropped(rollbar) + fake_fetch_count(), before);
  rollbar_send_failure(rollbar, "GET", ROUTES[FAILURES_LIMIT], 500, STR("req-3"));
  rollbar_send_failure(rollbar, "GET", ROUTES[0], 500, STR("req-4"));
  assert_int_equal(rollbar_dropped(rollbar) + fake_fetch_count(), before + 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(an_item_is_what_rollbar_documents, set_up, tear_down),
      cmocka_unit_test_setup_teardown(an_item_about_no_request_names_none, set_up, tear_down),
      cmocka_unit_test(nothing_is_sent_without_a_token),
      cmocka_unit_test_setup_teardown(items_a_minute_are_bounded, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_failure_is_reported_once_a_minute, set_up, tear_down),
      cmocka_unit_test_setup_teardown(another_status_or_route_is_another_failure, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(failures_are_remembered_up_to_a_bound, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
