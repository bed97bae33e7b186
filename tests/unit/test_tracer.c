/* test_tracer.c: which traces are sampled, and what of them leaves for the collector. */
#include "fake_fetch.h"
#include "unit.h"

#include "lib/telemetry/tracer.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct tracer *tracer;
static struct span_sink *sink;
static unsigned drains;

static void on_drained(void *argument) {
  drains++;
}

static void open_tracer(const struct tracer_options *options) {
  fake_fetch_begin();
  loop = loop_new(0);
  tracer = tracer_new(loop, NULL, options, NULL);
  assert_non_null(tracer);
  sink = tracer_sink(tracer);
  drains = 0;
}

static void close_tracer(void) {
  tracer_drain(tracer, on_drained, NULL);
  fake_fetch_answer_rest(200);
  assert_int_equal(drains, 1);
  loop_close_inbox(loop);
  loop_run(loop);
  loop_free(loop);
}

static struct tracer_options options_of(double ratio, unsigned per_second) {
  return (struct tracer_options){.service = "backend",
                                 .environment = "test",
                                 .xray_fd = -1,
                                 .ratio = ratio,
                                 .per_second = per_second};
}

static unsigned count_sampled(bool (*sample)(struct span_sink *sink), unsigned tries) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; i++)
    count += sample(sink);
  return count;
}

/* --- Sampling --- */

static void the_share_decides_how_many_are_sampled(void **state) {
  static const struct {
    double ratio;
    unsigned least, most;
  } CASES[] = {{0, 0, 0}, {1, 10000, 10000}, {0.5, 4000, 6000}, {0.01, 1, 400}};
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct tracer_options options = options_of(CASES[i].ratio, 0);
    open_tracer(&options);
    unsigned count = count_sampled(sink->sample, 10000);
    assert_true(count >= CASES[i].least && count <= CASES[i].most);
    close_tracer();
  }
}

static void traces_a_second_are_bounded(void **state) {
  struct tracer_options options = options_of(1, 3);
  open_tracer(&options);
  assert_int_equal(count_sampled(sink->sample, 10), 3);
  fake_now_ms += 999;
  assert_int_equal(count_sampled(sink->sample, 10), 0);
  fake_now_ms += 1;
  assert_int_equal(count_sampled(sink->sample, 10), 3);
  close_tracer();
}

static void failures_have_a_bound_of_their_own(void **state) {
  struct tracer_options options = options_of(0.000001, 3);
  open_tracer(&options);
  assert_int_equal(count_sampled(sink->sample_failure, 10), 3);
  fake_now_ms += 1000;
  assert_int_equal(count_sampled(sink->sample_failure, 10), 3);
  close_tracer();
}

static void a_share_of_zero_samples_no_failure(void **state) {
  struct tracer_options options = options_of(0, 0);
  open_tracer(&options);
  assert_int_equal(count_sampled(sink->sample_failure, 10), 0);
  close_tracer();
}

static void a_bound_of_zero_is_unlimited(void **state) {
  struct tracer_options options = options_of(1, 0);
  open_tracer(&options);
  assert_int_equal(count_sampled(sink->sample, 10000), 10000);
  assert_int_equal(count_sampled(sink->sample_failure, 10000), 10000);
  close_tracer();
}

/* --- Recording --- */

static void record(unsigned count) {
  struct span span = {.context = {.trace_id = {1}, .span_id = {2}}, .kind = SPAN_SERVER};
  for (unsigned i = 0; i < count; i++) {
    snprintf(span.name, sizeof(span.name), "GET /%u", i);
    sink->record(sink, &span);
  }
}

/* The spans of a request to the collector, borrowed from `body`. */
static const json_t *spans_of(const json_t *body) {
  const json_t *of_resource = json_array_get(json_object_get(body, "resourceSpans"), 0);
  const json_t *of_scope = json_array_get(json_object_get(of_resource, "scopeSpans"), 0);
  return json_object_get(of_scope, "spans");
}

static size_t spans_sent(unsigned index) {
  json_t *body = json_loads(fake_fetch_body(index), JSON_REJECT_DUPLICATES, NULL);
  size_t count = json_array_size(spans_of(body));
  assert_non_null(body);
  json_decref(body);
  return count;
}

static void spans_leave_in_requests_of_512(void **state) {
  struct tracer_options options = options_of(1, 0);
  options.otlp_endpoint = "http://collector:4318//";
  options.otlp_headers = STR("x-key = a%20b , broken, =, x-other=c, bad=%0");
  open_tracer(&options);
  record(511);
  assert_int_equal(fake_fetch_count(), 0);
  record(2);
  assert_int_equal(fake_fetch_count(), 1);
  assert_string_equal(fake_fetch_url(0), "http://collector:4318/v1/traces");
  assert_string_equal(fake_fetch_headers(0),
                      "Content-Type: application/json\nx-key: a b\n: \nx-other: c\n");
  assert_int_equal(spans_sent(0), 512);
  fake_timer_fire();
  assert_int_equal(spans_sent(1), 1);
  fake_fetch_answer(0, 500);
  assert_int_equal(tracer_stats(tracer).recorded, 513);
  assert_int_equal(tracer_stats(tracer).otlp_dropped, 512);
  close_tracer();
}

static void spans_wait_for_a_slow_collector_up_to_a_bound(void **state) {
  struct tracer_options options = options_of(1, 0);
  options.otlp_endpoint = "http://collector:4318";
  open_tracer(&options);
  record(2 * 512 + 2048);
  assert_int_equal(tracer_stats(tracer).otlp_dropped, 0);
  record(7);
  assert_int_equal(tracer_stats(tracer).otlp_dropped, 7);
  assert_int_equal(fake_fetch_count(), 2);
  close_tracer();
  assert_int_equal(fake_fetch_count(), 6);
}

static void nothing_is_recorded_after_draining_began(void **state) {
  struct tracer_options options = options_of(1, 0);
  options.otlp_endpoint = "http://collector:4318";
  open_tracer(&options);
  record(1);
  tracer_drain(tracer, on_drained, NULL);
  record(1);
  assert_int_equal(tracer_stats(tracer).recorded, 1);
  assert_int_equal(drains, 0);
  fake_fetch_answer(0, 200);
  assert_int_equal(drains, 1);
  assert_int_equal(spans_sent(0), 1);
  loop_close_inbox(loop);
  loop_run(loop);
  loop_free(loop);
}

static void the_daemon_gets_each_span_too(void **state) {
  struct tracer_options options = options_of(1, 0);
  char bytes[4096];
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds), 0);
  options.xray_fd = fds[0];
  open_tracer(&options);
  record(2);
  close_tracer();
  for (int i = 0; i < 2; i++)
    assert_true(read(fds[1], bytes, sizeof(bytes)) > 0);
  assert_int_equal(fake_fetch_count(), 0);
  close(fds[0]);
  close(fds[1]);
}

static void there_may_be_no_tracer(void **state) {
  drains = 0;
  assert_null(tracer_sink(NULL));
  assert_int_equal(tracer_stats(NULL).recorded, 0);
  tracer_drain(NULL, on_drained, NULL);
  assert_int_equal(drains, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_share_decides_how_many_are_sampled),
      cmocka_unit_test(traces_a_second_are_bounded),
      cmocka_unit_test(failures_have_a_bound_of_their_own),
      cmocka_unit_test(a_share_of_zero_samples_no_failure),
      cmocka_unit_test(a_bound_of_zero_is_unlimited),
      cmocka_unit_test(spans_leave_in_requests_of_512),
      cmocka_unit_test(spans_wait_for_a_slow_collector_up_to_a_bound),
      cmocka_unit_test(nothing_is_recorded_after_draining_began),
      cmocka_unit_test(the_daemon_gets_each_span_too),
      cmocka_unit_test(there_may_be_no_tracer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
