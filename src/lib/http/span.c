/* span.c: the span of a request: whose trace it belongs to, and what is said of it. */
#include "lib/base/clock.h"
#include "lib/http/internal.h"

/* A caller's decision is kept; a balancer that only names a trace leaves it to us. */
static bool take_context(const struct http_request *request, struct trace_context *context) {
  struct span_sink *sink = request->server->sink;
  bool decided = false;
  if (trace_parse_traceparent(http_request_header(request, "traceparent"), context))
    return context->sampled;
  if (trace_parse_xray(http_request_header(request, "X-Amzn-Trace-Id"), context, &decided)) {
    if (decided) return context->sampled;
  } else {
    trace_begin(context, clock_unix_us());
  }
  context->sampled = sink->sample(sink);
  return context->sampled;
}

void span_begin(struct http_request *request) {
  struct trace_context context;
  if (!request->server->sink || !take_context(request, &context)) return;
  struct span *span = http_request_alloc(request, sizeof(*span));
  if (!span) return; /* not traced */
  *span = (struct span){.context = context, .kind = SPAN_SERVER};
  memcpy(span->parent_id, context.span_id, SPAN_ID_SIZE);
  trace_new_span_id(span->context.span_id);
  span->end_unix_us = clock_unix_us();
  span->start_unix_us = span->end_unix_us - (int64_t)(clock_monotonic_us() - request->started_us);
  request->span = span;
}

const struct trace_context *http_request_trace(const struct http_request *request) {
  return request->span ? &request->span->context : NULL;
}

void span_end(struct http_request *request) {
  struct span *span = request->span;
  struct span_sink *sink = request->server->sink;
  if (!span || !sink) return;
  span->end_unix_us = clock_unix_us();
  span->status = (int)request->status;
  span->failed = request->status >= 500 || request->status == 0;
  const char *method = router_method_name(request->method);
  snprintf(span->method, sizeof(span->method), "%s", method);
  snprintf(span->name, sizeof(span->name), "%s %s", method,
           request->route ? request->route->pattern : "-");
  snprintf(span->request_id, sizeof(span->request_id), "%.*s", (int)request->id.length,
           request->id.data);
  sink->record(sink, span);
}
