/* headers.c: the headers of a request, by libmicrohttpd's list of them. */
#include "lib/http/headers.h"

#include <microhttpd.h>
#include <string.h>

/* One alone may come of what says where a request ends, or whom it is for (RFC 9112, sections 3.2,
 * 6.1 and 6.3). */
#define NOTED(text, member)                                                                        \
  { {text, sizeof(text) - 1}, offsetof(struct http_headers, member), false }
#define SINGLE(text, member)                                                                       \
  { {text, sizeof(text) - 1}, offsetof(struct http_headers, member), true }

static const struct {
  struct str name;
  size_t place;
  bool is_single;
} NOTED_HEADERS[] = {
    SINGLE("Host", host),
    SINGLE("Content-Length", content_length),
    SINGLE("Transfer-Encoding", transfer_encoding),
    NOTED("Expect", expect),
    NOTED("Content-Type", content_type),
    NOTED("Content-Encoding", content_encoding),
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

/* The headers that were noted, where the last line ended, and where all of them do. */
struct head_reading {
  struct http_headers *headers;
  const char *last_end, *end; /* NULL: nobody wants to know */
};

static struct str value_of(const char *value, size_t length) {
  return value ? (struct str){value, length} : STR("");
}

static void note(struct http_headers *headers, struct str name, struct str value) {
  for (size_t i = 0; i < NOTED_COUNT; i++) {
    if (!str_equal_ignore_case(NOTED_HEADERS[i].name, name)) continue;
    struct str *slot = (struct str *)(void *)((char *)headers + NOTED_HEADERS[i].place);
    if (!slot->data)
      *slot = value;
    else if (NOTED_HEADERS[i].is_single)
      headers->repeated = true;
    return;
  }
  if (str_equal_ignore_case(name, STR("Accept-Encoding")) && value.length > 0)
    accept_encoding_read(&headers->accepted, value);
}

/* --- Was it read as it was sent? --- */

/* How many bytes there are from one place to another, in one piece of memory or in none: what is
 * somewhere else is far away. */
static size_t distance(const char *from, const char *to) {
  return (size_t)((uintptr_t)to - (uintptr_t)from);
}

/* A line ends in CR LF, or in LF alone. libmicrohttpd writes NULs over them. */
static bool is_next_line(const char *end, const char *begin) {
  size_t between = distance(end, begin);
  return between == 1 || between == 2;
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}

/* Between the name and its value there is a colon, and perhaps white space. */
static bool is_value_of(struct str name, struct str value, const char *end) {
  const char *at = name.data + name.length;
  size_t between = distance(at, value.data);
  if (between == 0 || between >= distance(at, end)) return false;
  for (size_t i = 1; i < between; i++)
    if (!is_blank(at[i])) return false;
  return true;
}

/* token = 1*tchar (RFC 9110, section 5.6.2) */
static bool is_token(struct str name) {
  for (size_t i = 0; i < name.length; i++) {
    char c = name.data[i];
    bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                (c > ' ' && c < 0x7F && strchr("!#$%&'*+-.^_`|~", c));
    if (!good) return false;
  }
  return name.length > 0;
}

/* A lone CR ends a line for some (RFC 9112, section 2.2). Other control characters end none: what
 * reads the value says what it thinks of them. */
static bool has_no_cr(struct str value) {
  return value.length == 0 || !memchr(value.data, '\r', value.length);
}

static bool is_line(const struct head_reading *reading, struct str name, struct str value) {
  bool in_place = !reading->last_end || (is_next_line(reading->last_end, name.data) &&
                                         is_value_of(name, value, reading->end));
  return in_place && is_token(name) && has_no_cr(value);
}

static bool is_request_line(const struct head_place *place) {
  const char *target_end = place->target + place->target_length;
  return distance(place->method + strlen(place->method), place->target) == 1 &&
         distance(target_end, place->version) == 1;
}

/* --- Reading --- */

static enum MHD_Result note_header(void *argument, enum MHD_ValueKind kind, const char *name_text,
                                   size_t name_length, const char *value_text,
                                   size_t value_length) {
  enum { SEPARATORS = 4 }; /* ": " and CR LF */
  (void)kind;
  struct head_reading *reading = argument;
  struct str name = {name_text, name_length}, value = value_of(value_text, value_length);
  reading->headers->size += name_length + value_length + SEPARATORS;
  if (!is_line(reading, name, value)) reading->headers->broken = true;
  if (reading->last_end) reading->last_end = value.data + value.length;
  note(reading->headers, name, value);
  return MHD_YES;
}

void headers_note(struct MHD_Connection *mhd, const struct head_place *place,
                  struct http_headers *ret_headers) {
  *ret_headers = (struct http_headers){.accepted = ACCEPT_ENCODING_NONE};
  struct head_reading reading = {.headers = ret_headers};
  if (place) {
    reading.last_end = place->version + strlen(place->version);
    reading.end = place->end;
  }
  MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, note_header, &reading);
  if (!place) return;
  size_t rest = distance(reading.last_end, place->end); /* the line's end, and an empty line */
  if (!is_request_line(place) || rest < 2 || rest > 4) ret_headers->broken = true;
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
