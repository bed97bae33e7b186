/* otlp.c: spans as an OTLP/HTTP request in JSON.
 *
 * In OTLP's JSON encoding ids are hexadecimal, and 64-bit numbers are strings (opentelemetry.io:
 * "OTLP Specification", JSON Protobuf Encoding). A span is written on the loop when it ends:
 * printf() would be too slow here. */
#include "lib/telemetry/otlp.h"

#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"

enum { STATUS_ERROR = 2 };

/* Begins an attribute, with a comma before it unless it is the first of its list. The names of
 * attributes are those of the OpenTelemetry semantic conventions. */
static void append_key(struct buffer *body, const char *key) {
  if (body->length > 0 && body->data[body->length - 1] != '[') buffer_append_char(body, ',');
  buffer_append_text(body, "{\"key\":\"");
  buffer_append_text(body, key);
  buffer_append_text(body, "\",\"value\":{");
}

static void append_text_attribute(struct buffer *body, const char *key, const char *value) {
  if (!*value) return;
  append_key(body, key);
  buffer_append_text(body, "\"stringValue\":");
  json_writer_string(body, str_from(value));
  buffer_append_text(body, "}}");
}

static void append_int_attribute(struct buffer *body, const char *key, long long value) {
  append_key(body, key);
  buffer_append_text(body, "\"intValue\":\"");
  json_writer_int(body, value);
  buffer_append_text(body, "\"}}");
}

static void append_texts_attribute(struct buffer *body, const char *key, const char *only) {
  append_key(body, key);
  buffer_append_text(body, "\"arrayValue\":{\"values\":[{\"stringValue\":");
  json_writer_string(body, str_from(only));
  buffer_append_text(body, "}]}}}");
}

static const char *scheme_of(const struct span *span) {
  return span->secure ? "https" : "http";
}

/* A port that is the scheme's own is told all the same. */
static void append_server(struct buffer *body, const struct span *span) {
  unsigned own = !*span->method ? 0 : span->secure ? 443 : 80;
  unsigned port = span->port ? span->port : own;
  append_text_attribute(body, "server.address", span->host);
  if (*span->host && port) append_int_attribute(body, "server.port", port);
}

static void append_server_attributes(struct buffer *body, const struct span *span) {
  append_text_attribute(body, "http.request.method", span->method);
  append_text_attribute(body, "url.path", span->path);
  append_text_attribute(body, "url.scheme", scheme_of(span));
  if (span->route) append_text_attribute(body, "http.route", span->route);
  append_server(body, span);
  append_text_attribute(body, "request.id", span->request_id);
}

static void append_url(struct buffer *body, const struct span *span) {
  bool is_address = strchr(span->host, ':');
  append_key(body, "url.full");
  buffer_append_format(body, "\"stringValue\":\"%s://%s%s%s", scheme_of(span),
                       is_address ? "[" : "", span->host, is_address ? "]" : "");
  if (span->port) buffer_append_format(body, ":%u", span->port);
  struct buffer path = BUFFER_EMPTY;
  json_writer_string(&path, str_from(*span->path ? span->path : "/"));
  if (path.length > 1) buffer_append(body, path.data + 1, path.length - 1);
  buffer_append_text(body, "}}");
  buffer_free(&path);
}

static void append_postgres(struct buffer *body, const struct span *span) {
  append_text_attribute(body, "db.system.name", "postgresql");
  append_text_attribute(body, "db.namespace", span->space);
  append_text_attribute(body, "db.operation.name", span->operation);
  if (span->statements > 1) append_int_attribute(body, "db.operation.batch.size", span->statements);
  append_text_attribute(body, "db.response.status_code", span->code);
}

static void append_aws(struct buffer *body, const struct span *span) {
  if (strcmp(span->system, "dynamodb") == 0) {
    append_text_attribute(body, "db.system.name", "aws.dynamodb");
    append_text_attribute(body, "db.operation.name", span->operation);
    append_text_attribute(body, "db.collection.name", span->space);
    if (*span->space) append_texts_attribute(body, "aws.dynamodb.table_names", span->space);
  }
  append_text_attribute(body, "rpc.system.name", "aws-api");
  append_text_attribute(body, "rpc.method", span->operation);
  append_text_attribute(body, "cloud.region", span->region);
  append_text_attribute(body, "aws.request_id", span->request_id);
}

static void append_client_attributes(struct buffer *body, const struct span *span) {
  if (strcmp(span->system, "postgresql") == 0)
    append_postgres(body, span);
  else if (*span->operation)
    append_aws(body, span);
  append_text_attribute(body, "http.request.method", span->method);
  if (*span->method && *span->host) append_url(body, span);
  append_server(body, span);
  if (span->tries > 1)
    append_int_attribute(body, "http.request.resend_count", (long long)span->tries - 1);
}

static void append_attributes(struct buffer *body, const struct span *span) {
  buffer_append_text(body, "\"attributes\":[");
  if (span->kind == SPAN_SERVER) append_server_attributes(body, span);
  if (span->kind == SPAN_CLIENT) append_client_attributes(body, span);
  append_text_attribute(body, "error.type", span->error);
  if (span->status) append_int_attribute(body, "http.response.status_code", span->status);
  buffer_append_char(body, ']');
}

static void append_id(struct buffer *body, const char *name, const unsigned char *bytes,
                      size_t size) {
  buffer_append_text(body, name);
  encoding_hex_append(body, bytes, size);
  buffer_append_text(body, "\",");
}

static bool is_zero(const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i]) return false;
  return true;
}

static char kind_digit(enum span_kind kind) {
  switch (kind) {
  case SPAN_INTERNAL: return '1';
  case SPAN_SERVER: return '2';
  case SPAN_CLIENT: return '3';
  }
  return '0';
}

static void append_times(struct buffer *body, const struct span *span) {
  buffer_append_text(body, ",\"startTimeUnixNano\":\"");
  json_writer_int(body, span->start_unix_us);
  buffer_append_text(body, "000\",\"endTimeUnixNano\":\"");
  json_writer_int(body, span->end_unix_us);
  buffer_append_text(body, "000\",");
}

/* Names the span whose calls did the work of this one too. */
static void append_link(struct buffer *body, const struct span *span) {
  if (is_zero(span->link_span_id, SPAN_ID_SIZE)) return;
  buffer_append_text(body, ",\"links\":[{");
  append_id(body, "\"traceId\":\"", span->link_trace_id, TRACE_ID_SIZE);
  append_id(body, "\"spanId\":\"", span->link_span_id, SPAN_ID_SIZE);
  body->length--; /* the comma that follows an id */
  buffer_append_text(body, "}]");
}

void otlp_append_span(struct buffer *body, const struct span *span) {
  buffer_append_char(body, '{');
  append_id(body, "\"traceId\":\"", span->context.trace_id, TRACE_ID_SIZE);
  append_id(body, "\"spanId\":\"", span->context.span_id, SPAN_ID_SIZE);
  if (!is_zero(span->parent_id, SPAN_ID_SIZE))
    append_id(body, "\"parentSpanId\":\"", span->parent_id, SPAN_ID_SIZE);
  if (span->context.state.length > 0) {
    buffer_append_text(body, "\"traceState\":");
    json_writer_string(body, span->context.state);
    buffer_append_char(body, ',');
  }
  buffer_append_text(body, "\"name\":");
  json_writer_string(body, str_from(span->name));
  buffer_append_text(body, ",\"kind\":");
  buffer_append_char(body, kind_digit(span->kind));
  append_times(body, span);
  append_attributes(body, span);
  append_link(body, span);
  if (span->failed) {
    buffer_append_text(body, ",\"status\":{\"code\":");
    json_writer_int(body, STATUS_ERROR);
    buffer_append_char(body, '}');
  }
  buffer_append_char(body, '}');
}

void otlp_append_head(struct buffer *body, const char *service, const char *environment) {
  buffer_append_text(body, "{\"resourceSpans\":[{\"resource\":{\"attributes\":[");
  append_text_attribute(body, "service.name", service);
  append_text_attribute(body, "service.version", CRUDDUR_VERSION);
  append_text_attribute(body, "deployment.environment.name", environment);
  buffer_append_text(
      body, "]},\"scopeSpans\":[{\"scope\":{\"name\":\"cruddur\",\"version\":\"" CRUDDUR_VERSION
            "\"},\"spans\":[");
}
