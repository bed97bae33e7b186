/* headers.c: the headers of a request, by libmicrohttpd's list of them. */
#include "lib/http/headers.h"

#include <microhttpd.h>

#define NOTED(text, member)                                                                        \
  { {text, sizeof(text) - 1}, offsetof(struct http_headers, member) }

static const struct {
  struct str name;
  size_t place;
} NOTED_HEADERS[] = {
    NOTED("Host", host),
    NOTED("Content-Length", content_length),
    NOTED("Transfer-Encoding", transfer_encoding),
    NOTED("Content-Type", content_type),
    NOTED("Expect", expect),
    NOTED("Origin", origin),
    NOTED("Access-Control-Request-Method", preflight_method),
    NOTED("X-Request-Id", request_id),
    NOTED("traceparent", traceparent),
    NOTED("X-Amzn-Trace-Id", xray_trace),
    NOTED("X-Forwarded-Proto", forwarded_proto),
    NOTED("X-Forwarded-For", forwarded_for),
    NOTED("Authorization", authorization),
    NOTED("If-None-Match", if_none_match),
};

enum { NOTED_COUNT = sizeof(NOTED_HEADERS) / sizeof(NOTED_HEADERS[0]) };

static struct str value_of(const char *value, size_t length) {
  return value ? (struct str){value, length} : STR("");
}

static void note(struct http_headers *headers, struct str name, struct str value) {
  for (size_t i = 0; i < NOTED_COUNT; i++) {
    if (!str_equal_ignore_case(NOTED_HEADERS[i].name, name)) continue;
    struct str *slot = (struct str *)(void *)((char *)headers + NOTED_HEADERS[i].place);
    if (!slot->data) *slot = value;
    return;
  }
  if (str_equal_ignore_case(name, STR("Accept-Encoding")) && value.length > 0)
    accept_encoding_read(&headers->accepted, value);
}

static enum MHD_Result note_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length) {
  enum { SEPARATORS = 4 }; /* ": " and CR LF */
  (void)kind;
  struct http_headers *headers = argument;
  headers->size += name_length + value_length + SEPARATORS;
  note(headers, (struct str){name, name_length}, value_of(value, value_length));
  return MHD_YES;
}

void headers_note(struct MHD_Connection *mhd, struct http_headers *ret_headers) {
  *ret_headers = (struct http_headers){.accepted = ACCEPT_ENCODING_NONE};
  MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, note_header, ret_headers);
}

struct str headers_find(struct MHD_Connection *mhd, const char *name) {
  const char *value = NULL;
  size_t length = 0;
  MHD_lookup_connection_value_n(mhd, MHD_HEADER_KIND, name, strlen(name), &value, &length);
  return value_of(value, length);
}

/* Somebody who wants the lines of one name. */
struct header_reader {
  struct str name;
  void (*line)(void *argument, struct str value);
  void *argument;
};

static enum MHD_Result read_line(void *argument, enum MHD_ValueKind kind, const char *name,
                                 size_t name_length, const char *value, size_t value_length) {
  (void)kind;
  const struct header_reader *reader = argument;
  if (str_equal_ignore_case(reader->name, (struct str){name, name_length}))
    reader->line(reader->argument, value_of(value, value_length));
  return MHD_YES;
}

void headers_each(struct MHD_Connection *mhd, struct str name,
                  void (*line)(void *argument, struct str value), void *argument) {
  struct header_reader reader = {name, line, argument};
  MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, read_line, &reader);
}
