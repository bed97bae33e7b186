/* test_trace.c: reading and writing the headers that carry traces. */
#include "unit.h"

#include "lib/base/trace.h"

#include <string.h>

static const char PARENT[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static void reads_and_writes_a_traceparent(void **state) {
  struct trace_context context;
  char text[TRACEPARENT_SIZE];
  assert_true(trace_parse_traceparent(str_from(PARENT), &context));
  assert_true(context.sampled);
  assert_int_equal(context.trace_id[0], 0x0a);
  assert_int_equal(context.span_id[7], 0x31);
  trace_format_traceparent(&context, text);
  assert_string_equal(text, PARENT);
}

static void keeps_the_decision_not_to_sample(void **state) {
  struct trace_context context;
  struct str header = STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
  assert_true(trace_parse_traceparent(header, &context));
  assert_false(context.sampled);
}

static void takes_a_later_version_with_more_fields(void **state) {
  struct trace_context context;
  struct str header = STR("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more");
  assert_true(trace_parse_traceparent(header, &context));
}

static void refuses_malformed_traceparents(void **state) {
  static const char *const BAD[] = {
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "",
      "00",
      "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
      "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
      "00-0af7651916cd43dd8448eb211c8031zz-b7ad6b7169203331-01",
  };
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct trace_context context;
    assert_false(trace_parse_traceparent(str_from(BAD[i]), &context));
  }
}

static void reads_what_x_ray_sends(void **state) {
  struct trace_context context;
  bool decided = false;
  struct str header =
      STR("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
  assert_true(trace_parse_xray(header, &context, &decided));
  assert_true(decided && context.sampled);
  assert_int_equal(context.trace_id[0], 0x57);
  assert_int_equal(context.trace_id[4], 0xbd);
  assert_int_equal(context.span_id[0], 0x53);
}

static void leaves_the_decision_open_when_a_balancer_does(void **state) {
  struct trace_context context;
  bool decided = true;
  struct str header = STR("Root=1-5759e988-bd862e3fe1be46a994272793");
  assert_true(trace_parse_xray(header, &context, &decided));
  assert_false(decided);
}

static void refuses_malformed_roots(void **state) {
  static const char *const BAD[] = {"",
                                    "Root=",
                                    "Root=2-5759e988-bd862e3fe1be46a994272793",
                                    "Root=1-5759e988-bd862e3fe1be46a99427279",
                                    "Parent=53995c3f42cd8ad8",
                                    "Root=1-00000000-000000000000000000000000"};
  for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
    struct trace_context context;
    bool decided;
    assert_false(trace_parse_xray(str_from(BAD[i]), &context, &decided));
  }
}

static void writes_what_x_ray_reads(void **state) {
  struct trace_context context, again;
  char text[XRAY_HEADER_SIZE];
  bool decided = false;
  assert_true(trace_parse_traceparent(str_from(PARENT), &context));
  trace_format_xray(&context, text);
  assert_string_equal(text, "Root=1-0af76519-16cd43dd8448eb211c80319c;Parent=b7ad6b7169203331;"
                            "Sampled=1");
  assert_true(trace_parse_xray(str_from(text), &again, &decided));
  assert_true(decided && again.sampled);
  assert_memory_equal(again.trace_id, context.trace_id, TRACE_ID_SIZE);
  assert_memory_equal(again.span_id, context.span_id, SPAN_ID_SIZE);
}

static void knows_what_may_be_passed_on(void **state) {
  char text[TRACESTATE_LIMIT + 1];
  memset(text, 'x', sizeof(text));
  assert_true(trace_state_is_sane(STR("vendor=a b\t,other=~")));
  assert_true(trace_state_is_sane((struct str){text, TRACESTATE_LIMIT}));
  assert_false(trace_state_is_sane((struct str){text, TRACESTATE_LIMIT + 1}));
  assert_false(trace_state_is_sane(STR("a=b\r\nX: y")));
  assert_false(trace_state_is_sane(STR("a=\xc3\xa9")));
  assert_false(trace_state_is_sane(STR("a=\x7f")));
}

struct recorder {
  struct span_sink sink;
  struct span last;
};

static void keep_span(struct span_sink *sink, const struct span *span) {
  ((struct recorder *)(void *)sink)->last = *span;
}

static void records_calls_below_sampled_parents_alone(void **state) {
  struct recorder recorder = {.sink = {.record = keep_span}};
  struct trace_context parent;
  struct span span;
  assert_true(trace_parse_traceparent(str_from(PARENT), &parent));
  assert_false(trace_begin_call(&span, NULL, &parent, "http"));
  assert_false(trace_begin_call(&span, &recorder.sink, NULL, "http"));
  assert_true(trace_begin_call(&span, &recorder.sink, &parent, "http"));
  assert_memory_equal(span.parent_id, parent.span_id, SPAN_ID_SIZE);
  assert_memory_equal(span.context.trace_id, parent.trace_id, TRACE_ID_SIZE);
  assert_memory_not_equal(span.context.span_id, parent.span_id, SPAN_ID_SIZE);
  trace_end(&span, &recorder.sink);
  assert_true(recorder.last.end_unix_us >= recorder.last.start_unix_us);
  parent.sampled = false;
  assert_false(trace_begin_call(&span, &recorder.sink, &parent, "http"));
}

static void begins_traces_with_the_time(void **state) {
  struct trace_context context;
  trace_begin(&context, INT64_C(0x5759e988) * 1000000);
  assert_int_equal(context.trace_id[0], 0x57);
  assert_int_equal(context.trace_id[3], 0x88);
  assert_false(context.sampled);
}

static void an_authority_is_a_host_and_perhaps_a_port(void **state) {
  static const struct {
    const char *text, *host;
    unsigned port;
  } CASES[] = {
      {"api.test", "api.test", 0},
      {"api.test:80", "api.test", 80},
      {"[::1]", "::1", 0},
      {"[::1]:8443", "::1", 8443},
      {"", "", 0},
      {"[::1", "", 0},
      {"api.test:0", "", 0},
      {"api.test:", "", 0},
      {"api.test:99999", "", 0},
      {"a b", "", 0},
      {"\"><script>", "", 0},
      {"[::1]x", "", 0},
      {"::1", "", 0},
      {"[]", "", 0},
  };
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct span span = {0};
    trace_set_authority(&span, str_from(CASES[i].text));
    assert_string_equal(span.host, CASES[i].host);
    assert_int_equal(span.port, CASES[i].port);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_authority_is_a_host_and_perhaps_a_port),
      cmocka_unit_test(reads_and_writes_a_traceparent),
      cmocka_unit_test(keeps_the_decision_not_to_sample),
      cmocka_unit_test(takes_a_later_version_with_more_fields),
      cmocka_unit_test(refuses_malformed_traceparents),
      cmocka_unit_test(reads_what_x_ray_sends),
      cmocka_unit_test(leaves_the_decision_open_when_a_balancer_does),
      cmocka_unit_test(refuses_malformed_roots),
      cmocka_unit_test(writes_what_x_ray_reads),
      cmocka_unit_test(knows_what_may_be_passed_on),
      cmocka_unit_test(records_calls_below_sampled_parents_alone),
      cmocka_unit_test(begins_traces_with_the_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
