/* fuzz_trace.c: the headers traceparent, tracestate and X-Amzn-Trace-Id. */
#include "fuzz.h"

#include "lib/base/trace.h"

static bool is_zero(const unsigned char *bytes, size_t count) {
  unsigned char any = 0;
  for (size_t i = 0; i < count; i++)
    any |= bytes[i];
  return any == 0;
}

static bool same(const struct trace_context *a, const struct trace_context *b) {
  return memcmp(a->trace_id, b->trace_id, TRACE_ID_SIZE) == 0 &&
         memcmp(a->span_id, b->span_id, SPAN_ID_SIZE) == 0 && a->sampled == b->sampled;
}

static void check_formatted_xray(const struct trace_context *context) {
  char text[XRAY_HEADER_SIZE];
  struct trace_context again;
  bool decided = false;
  trace_format_xray(context, text);
  assert(trace_parse_xray(str_from(text), &again, &decided));
  assert(decided && same(context, &again));
}

static void check_formatted(const struct trace_context *context) {
  char text[TRACEPARENT_SIZE];
  struct trace_context again;
  trace_format_traceparent(context, text);
  assert(strlen(text) == TRACEPARENT_SIZE - 1);
  assert(trace_parse_traceparent(str_from(text), &again) && same(context, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct str header = fuzz_text(data, size);
  struct trace_context context;
  bool decided = false;
  if (trace_parse_traceparent(header, &context)) {
    assert(!is_zero(context.trace_id, TRACE_ID_SIZE) && !is_zero(context.span_id, SPAN_ID_SIZE));
    check_formatted(&context);
  }
  if (trace_parse_xray(header, &context, &decided)) {
    assert(!is_zero(context.trace_id, TRACE_ID_SIZE) && (decided || !context.sampled));
    check_formatted_xray(&context);
    if (!is_zero(context.span_id, SPAN_ID_SIZE)) check_formatted(&context);
  }
  if (trace_state_is_sane(header))
    for (size_t i = 0; i < size; i++)
      assert(header.data[i] == '\t' || (header.data[i] >= ' ' && header.data[i] <= '~'));
  return 0;
}
