/* otlp.c: see otlp.h. Ids are hexadecimal and 64-bit numbers are strings in OTLP's JSON encoding
 * (opentelemetry.io: "OTLP Specification", JSON Protobuf Encoding). */
#include "lib/telemetry/otlp.h"

#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"

enum { KIND_SERVER = 2, KIND_CLIENT = 3, STATUS_ERROR = 2 };

static void append_text_attribute(struct buffer *body, const char *key, struct str value) {
  if (body->data[body->length - 1] != '[') buffer_append_char(body, ',');
  buffer_append_format(body, "{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
  json_append_string(body, value);
  buffer_append_text(body, "}}");
}

static void append_int_attribute(struct buffer *body, const char *key, long long value) {
  if (body->data[body->length - 1] != '[') buffer_append_char(body, ',');
  buffer_append_format(body, "{\"key\":\"%s\",\"value\":{\"intValue\":\"%lld\"}}", key, value);
}

/* Names of attributes: OpenTelemetry semantic conventions for HTTP and databases. */
static void append_attributes(struct buffer *body, const struct span *span) {
  buffer_append_text(body, "\"attributes\":[");
  if (span->kind == SPAN_SERVER) {
    append_text_attribute(body, "http.request.method", str_from(span->method));
    const char *route = strchr(span->name, ' ');
    if (route) append_text_attribute(body, "http.route", str_from(route + 1));
    append_text_attribute(body, "request.id", str_from(span->request_id));
  } else {
    append_text_attribute(body, "peer.service", str_from(span->system));
    if (strcmp(span->system, "postgresql") == 0)
      append_text_attribute(body, "db.system", STR("postgresql"));
  }
  if (span->status) append_int_attribute(body, "http.response.status_code", span->status);
  buffer_append_text(body, "]");
}

static void append_id(struct buffer *body, const char *name, const unsigned char *bytes,
                      size_t size) {
  buffer_append_format(body, "\"%s\":\"", name);
  hex_append(body, bytes, size);
  buffer_append_text(body, "\",");
}

static bool is_zero(const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i]) return false;
  return true;
}

static void append_span(struct buffer *body, const struct span *span) {
  buffer_append_char(body, '{');
  append_id(body, "traceId", span->context.trace_id, TRACE_ID_SIZE);
  append_id(body, "spanId", span->context.span_id, SPAN_ID_SIZE);
  if (!is_zero(span->parent_id, SPAN_ID_SIZE))
    append_id(body, "parentSpanId", span->parent_id, SPAN_ID_SIZE);
  buffer_append_text(body, "\"name\":");
  json_append_string(body, str_from(span->name));
  buffer_append_format(body,
                       ",\"kind\":%d,\"startTimeUnixNano\":\"%lld000\","
                       "\"endTimeUnixNano\":\"%lld000\",",
                       span->kind == SPAN_SERVER ? KIND_SERVER : KIND_CLIENT,
                       (long long)span->start_unix_us, (long long)span->end_unix_us);
  append_attributes(body, span);
  if (span->failed) buffer_append_format(body, ",\"status\":{\"code\":%d}", STATUS_ERROR);
  buffer_append_char(body, '}');
}

void otlp_append_request(struct buffer *body, const char *service, const char *environment,
                         const struct span *spans, size_t count) {
  buffer_append_text(body, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
  if (body->failed) return;
  append_text_attribute(body, "service.name", str_from(service));
  append_text_attribute(body, "service.version", STR(CRUDDUR_VERSION));
  append_text_attribute(body, "deployment.environment", str_from(environment));
  buffer_append_text(
      body, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"cruddur\",\"version\":\"" CRUDDUR_VERSION
            "\"},\"spans\":[");
  for (size_t i = 0; i < count && !body->failed; i++) {
    if (i > 0) buffer_append_char(body, ',');
    append_span(body, &spans[i]);
  }
  buffer_append_text(body, "]}]}]}");
}
