/* test_outbox.c: items in batches on their way to a service: when they leave, how many may wait,
 * what is counted as dropped, and the end. */
#include "fake_fetch.h"
#include "unit.h"

#include "lib/telemetry/outbox.h"

enum { BATCH = 3, WAITING = 7 };

static struct loop *loop;
static struct outbox *outbox;
static unsigned drains;

static const struct fetch_header HEADERS[] = {{{"X-Key", 5}, {"value", 5}}};

static const struct outbox_options OPTIONS = {.url = "http://service/items",
                                              .headers = HEADERS,
                                              .header_count = 1,
                                              .head = {"[", 1},
                                              .separator = {",", 1},
                                              .tail = {"]", 1},
                                              .batch_limit = BATCH,
                                              .waiting_limit = WAITING,
                                              .refused = "refused",
                                              .taken = "taken"};

static void on_drained(void *argument) {
  drains++;
}

static int set_up(void **state) {
  fake_fetch_begin();
  loop = loop_new(0);
  outbox = outbox_new(loop, NULL, &OPTIONS, NULL);
  drains = 0;
  return !outbox;
}

/* loop_free() asserts that every handle was closed. */
static int tear_down(void **state) {
  if (drains == 0) {
    outbox_drain(outbox, on_drained, NULL);
    fake_fetch_answer_rest(200);
  }
  assert_int_equal(drains, 1);
  loop_close_inbox(loop);
  loop_run(loop);
  loop_free(loop);
  return 0;
}

static void add(const char *items) {
  for (const char *item = items; *item; item++)
    outbox_add(outbox, (struct str){item, 1});
}

static void a_full_batch_leaves_at_once(void **state) {
  add("ab");
  assert_int_equal(fake_fetch_count(), 0);
  add("c");
  assert_int_equal(fake_fetch_count(), 1);
  assert_string_equal(fake_fetch_body(0), "[a,b,c]");
  assert_string_equal(fake_fetch_url(0), "http://service/items");
  assert_string_equal(fake_fetch_headers(0), "X-Key: value\n");
  fake_fetch_answer_rest(200);
  assert_int_equal(outbox_dropped(outbox), 0);
}

static void others_leave_a_second_after_the_first_item(void **state) {
  add("a");
  assert_int_equal(fake_timer_ms(), OUTBOX_GATHER_MS);
  add("b");
  fake_timer_fire();
  assert_int_equal(fake_fetch_count(), 1);
  assert_string_equal(fake_fetch_body(0), "[a,b]");
  add("c"); /* gathers again: what was due has left */
  assert_int_equal(fake_fetch_count(), 1);
  assert_int_equal(fake_timer_ms(), OUTBOX_GATHER_MS);
  fake_timer_fire();
  assert_string_equal(fake_fetch_body(1), "[c]");
  fake_fetch_answer_rest(200);
}

static void a_timer_that_finds_nothing_changes_nothing(void **state) {
  add("abc");
  fake_timer_fire();
  add("d");
  assert_int_equal(fake_fetch_count(), 1);
  fake_fetch_answer_rest(200);
}

static void two_requests_are_under_way_at_most(void **state) {
  add("abcdefghi");
  assert_int_equal(fake_fetch_count(), OUTBOX_REQUESTS_LIMIT);
  fake_fetch_answer(0, 200);
  assert_int_equal(fake_fetch_count(), 3);
  assert_string_equal(fake_fetch_body(2), "[g,h,i]");
  fake_fetch_answer(1, 200);
  fake_fetch_answer(2, 200);
  assert_int_equal(fake_fetch_count(), 3);
}

static void what_was_due_leaves_when_a_request_is_free(void **state) {
  add("abcdefg");
  fake_timer_fire();
  assert_int_equal(fake_fetch_count(), 2);
  fake_fetch_answer(0, 200);
  assert_int_equal(fake_fetch_count(), 3);
  assert_string_equal(fake_fetch_body(2), "[g]");
  fake_fetch_answer(1, 200);
  fake_fetch_answer(2, 200);
}

static void items_beyond_the_bound_are_dropped_and_counted(void **state) {
  add("abcdef");
  add("1234567");
  assert_int_equal(outbox_dropped(outbox), 0);
  add("8");
  assert_int_equal(outbox_dropped(outbox), 1);
  fake_fetch_answer(0, 200); /* makes room for a batch */
  add("xyz");
  assert_int_equal(outbox_dropped(outbox), 1);
  add("!");
  assert_int_equal(outbox_dropped(outbox), 2);
  assert_string_equal(fake_fetch_body(2), "[1,2,3]");
  fake_fetch_answer(1, 200);
  assert_string_equal(fake_fetch_body(3), "[4,5,6]");
  fake_fetch_answer(2, 200);
  assert_string_equal(fake_fetch_body(4), "[7,x,y]");
  fake_fetch_answer(3, 200);
  fake_fetch_answer(4, 200);
}

static void what_the_service_refuses_is_counted(void **state) {
  static const int STATUSES[] = {0, 199, 302, 400, 429, 500};
  for (unsigned i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++) {
    add("abc");
    fake_fetch_answer(i, STATUSES[i]);
    assert_int_equal(outbox_dropped(outbox), 3 * (i + 1));
  }
  add("abc");
  fake_fetch_answer(6, 202);
  assert_int_equal(outbox_dropped(outbox), 18);
  outbox_drop(outbox, 5);
  assert_int_equal(outbox_dropped(outbox), 23);
}

static void a_request_that_cannot_begin_is_counted_and_keeps_no_place(void **state) {
  fake_fetch_refuse(true);
  add("abcdefghi");
  assert_int_equal(outbox_dropped(outbox), 9);
  fake_fetch_refuse(false);
  add("abcdef");
  assert_int_equal(fake_fetch_count(), 2);
  fake_fetch_answer_rest(200);
}

static void draining_sends_what_waits_and_ends_when_it_is_answered(void **state) {
  add("abcdefg");
  outbox_drain(outbox, on_drained, NULL);
  assert_int_equal(fake_timer_ms(), OUTBOX_DRAIN_MS);
  add("z");
  assert_int_equal(outbox_dropped(outbox), 1);
  fake_fetch_answer(0, 200);
  assert_string_equal(fake_fetch_body(2), "[g]");
  fake_fetch_answer(1, 200);
  assert_int_equal(drains, 0);
  fake_fetch_answer(2, 500);
  assert_int_equal(drains, 1);
  assert_int_equal(outbox_dropped(outbox), 2);
}

static void draining_ends_without_answers(void **state) {
  add("abcdefgh");
  outbox_drain(outbox, on_drained, NULL);
  fake_timer_fire();
  assert_int_equal(drains, 1);
  assert_int_equal(outbox_dropped(outbox), 2); /* g and h never left */
  fake_fetch_answer(0, 0);                     /* as a fetcher does that closes */
  fake_fetch_answer(1, 200);
  assert_int_equal(drains, 1);
  assert_int_equal(outbox_dropped(outbox), 5);
  assert_int_equal(fake_fetch_count(), 2);
}

static void draining_nothing_ends_at_once(void **state) {
  outbox_drain(outbox, on_drained, NULL);
  assert_int_equal(drains, 1);
  assert_int_equal(fake_fetch_count(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_full_batch_leaves_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(others_leave_a_second_after_the_first_item, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(a_timer_that_finds_nothing_changes_nothing, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(two_requests_are_under_way_at_most, set_up, tear_down),
      cmocka_unit_test_setup_teardown(what_was_due_leaves_when_a_request_is_free, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(items_beyond_the_bound_are_dropped_and_counted, set_up,
                                      tear_down),
      cmocka_unit_test_setup_teardown(what_the_service_refuses_is_counted, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_request_that_cannot_begin_is_counted_and_keeps_no_place,
                                      set_up, tear_down),
      cmocka_unit_test_setup_teardown(draining_sends_what_waits_and_ends_when_it_is_answered,
                                      set_up, tear_down),
      cmocka_unit_test_setup_teardown(draining_ends_without_answers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(draining_nothing_ends_at_once, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
