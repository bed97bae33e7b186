/* span.c: the span of a request. */
#include "lib/http/span.h"

#include "lib/base/clock.h"
#include "lib/http/http_connection.h"
#include "lib/http/peer.h"
#include "lib/http/round.h"
#include "lib/http/router.h"

#include <assert.h>
#include <stdio.h>

_Static_assert(sizeof(((struct span *)NULL)->request_id) > HTTP_REQUEST_ID_LIMIT,
               "a span holds every request id");

/* The fields of one header or of several (RFC 9110, section 5.3), joined. */
struct joined {
  size_t length;
  bool bad;
  char text[TRACESTATE_LIMIT];
};

static void join(void *argument, struct str value) {
  struct joined *joined = argument;
  struct str part = str_trim(value);
  bool comma = joined->length > 0;
  if (joined->bad || part.length + comma > sizeof(joined->text) - joined->length) {
    joined->bad = true;
    return;
  }
  if (comma) joined->text[joined->length++] = ',';
  memcpy(joined->text + joined->length, part.data, part.length);
  joined->length += part.length;
}

/* What other tracers know of the caller's span; it belongs to a traceparent and means nothing
 * alone.
 */
static struct str take_state(struct http_request *request) {
  struct joined joined = {.length = 0};
  headers_each(request->mhd, STR("tracestate"), join, &joined);
  struct str state = {joined.text, joined.length};
  if (joined.bad || joined.length == 0 || !trace_state_is_sane(state)) return (struct str){NULL, 0};
  char *copy = http_request_alloc(request, joined.length);
  if (!copy) return (struct str){NULL, 0};
  memcpy(copy, joined.text, joined.length);
  return (struct str){copy, joined.length};
}

/* Reads the trace that the caller names. False when there is none; `*ret_decided` tells whether the
 * caller has decided to record it, or not to. A balancer only names a trace. */
static bool read_context(struct http_request *request, struct trace_context *context,
                         bool *ret_decided) {
  *ret_decided = true;
  if (!trace_parse_traceparent(request->headers.traceparent, context))
    return trace_parse_xray(request->headers.xray_trace, context, ret_decided);
  context->state = take_state(request);
  return true;
}

/* A decision counts where a trusted proxy passes it on: anybody else could have each of their
 * requests recorded, and so use up what may be recorded in a second. False when the request is of
 * no trace. */
static bool take_context(struct http_request *request, struct trace_context *context) {
  struct span_sink *sink = request->site->sink;
  bool decided = false;
  if (!read_context(request, context, &decided)) {
    if (!sink) return false;
    decided = false;
    trace_begin(context, clock_unix_us());
  }
  request->trace_decided = decided && request->connection->from_proxy;
  if (sink && !request->trace_decided) context->sampled = sink->sample(sink);
  return true;
}

static bool has_span_id(const struct trace_context *context) {
  for (int i = 0; i < SPAN_ID_SIZE; i++)
    if (context->span_id[i]) return true;
  return false;
}

static struct span *begin(struct http_request *request) {
  struct span *span = http_request_alloc(request, sizeof(*span));
  if (!span) return NULL; /* not recorded */
  *span = (struct span){.context = request->trace, .kind = SPAN_SERVER};
  memcpy(span->parent_id, request->trace_parent, SPAN_ID_SIZE);
  span->start_unix_us = clock_unix_us() - (int64_t)(clock_monotonic_us() - request->started_us);
  return span;
}

/* The context we propagate always carries a span id: ours, or the caller's when we record nothing.
 */
void span_begin(struct http_request *request) {
  struct trace_context *trace = &request->trace;
  const struct span_sink *sink = request->site->sink;
  assert(!request->has_trace && !request->span);
  request->has_trace = take_context(request, trace);
  if (!request->has_trace) return;
  memcpy(request->trace_parent, trace->span_id, SPAN_ID_SIZE);
  if (sink || !has_span_id(trace)) trace_new_span_id(trace->span_id);
  if (sink && trace->sampled) request->span = begin(request);
}

/* A failure that nobody decided not to trace has a span, if one without its calls. */
static struct span *span_of_failure(struct http_request *request) {
  struct span_sink *sink = request->site->sink;
  if (!sink || !request->has_trace || request->trace_decided || !sink->sample_failure(sink))
    return NULL;
  struct span *span = begin(request);
  if (span) span->context.sampled = true;
  return span;
}

/* The calls of a round are in the trace of one of the requests that it answered. */
static void add_link(const struct http_request *request, struct span *span) {
  if (!request->round) return;
  const struct trace_context *trace = http_request_trace(request->round->request);
  if (!trace_is_sampled(trace) || memcmp(trace->span_id, span->context.span_id, SPAN_ID_SIZE) == 0)
    return;
  memcpy(span->link_trace_id, trace->trace_id, TRACE_ID_SIZE);
  memcpy(span->link_span_id, trace->span_id, SPAN_ID_SIZE);
}

/* The path, with "REDACTED" for each parameter and for a path that we do not have: both may say
 * who somebody is. */
static void write_path(const struct http_route *route, char *path, size_t size) {
  const char *at = route ? route->pattern : "/:unknown";
  size_t used = 0;
  for (; *at && used + sizeof("REDACTED") < size; at++) {
    if (*at != ':') {
      path[used++] = *at;
      continue;
    }
    memcpy(path + used, "REDACTED", sizeof("REDACTED") - 1);
    used += sizeof("REDACTED") - 1;
    at += strcspn(at, "/") - 1;
  }
  path[used] = '\0';
}

/* OpenTelemetry's name of a request is its method and its route; of an unknown method, HTTP. */
static void describe(const struct http_request *request, struct span *span) {
  bool known = request->method < HTTP_METHODS;
  const char *method = router_method_name(request->method);
  span->status = (int)request->status;
  span->failed = request->status >= 500 || request->status == 0;
  span->secure = peer_used_tls(request);
  span->route = request->route ? request->route->pattern : NULL;
  snprintf(span->method, sizeof(span->method), "%s", known ? method : "_OTHER");
  snprintf(span->name, sizeof(span->name), "%s%s%s", known ? method : "HTTP",
           span->route ? " " : "", span->route ? span->route : "");
  if (request->status >= 500)
    snprintf(span->error, sizeof(span->error), "%u", (unsigned)request->status);
  else if (request->status == 0)
    snprintf(span->error, sizeof(span->error), "client_left");
  write_path(request->route, span->path, sizeof(span->path));
  trace_set_authority(span, request->headers.host);
}

void span_end(struct http_request *request) {
  struct span_sink *sink = request->site->sink;
  bool failed = request->status >= 500;
  struct span *span = request->span || !failed ? request->span : span_of_failure(request);
  if (!span) return;
  describe(request, span);
  snprintf(span->request_id, sizeof(span->request_id), "%.*s", (int)request->id.length,
           request->id.data);
  add_link(request, span);
  trace_end(span, sink);
}
