/* xray.c: spans as X-Ray segments and subsegments, and the socket to the X-Ray daemon.
 *
 * A request and a task of our own become segments, a call of a dependency becomes a subsegment. The
 * text is written on the loop when a span ends: printf() would be too slow here. */
#include "lib/telemetry/xray.h"

#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NAME_LIMIT = 200 };

/* Appends a name in which '_' stands for each byte that X-Ray refuses, and for each byte beyond
 * ASCII: X-Ray takes some of those characters, but not all. */
static void append_name(struct buffer *datagram, const char *name) {
  static const char SYMBOLS[] = " _.:/%&#=+\\-@";
  char copy[NAME_LIMIT + 1];
  size_t length = 0;
  for (; name[length] && length < NAME_LIMIT; length++) {
    unsigned char byte = (unsigned char)name[length];
    bool known = byte < 0x80 && (isalnum(byte) || strchr(SYMBOLS, byte));
    copy[length] = known ? (char)byte : '_';
  }
  json_writer_string(datagram, (struct str){copy, length});
}

static void append_trace_id(struct buffer *datagram, const unsigned char *trace_id) {
  buffer_append_text(datagram, ",\"trace_id\":\"1-");
  encoding_hex_append(datagram, trace_id, 4);
  buffer_append_char(datagram, '-');
  encoding_hex_append(datagram, trace_id + 4, TRACE_ID_SIZE - 4);
  buffer_append_char(datagram, '"');
}

static void append_span_id(struct buffer *datagram, const char *begin,
                           const unsigned char *span_id) {
  buffer_append_text(datagram, begin);
  encoding_hex_append(datagram, span_id, SPAN_ID_SIZE);
  buffer_append_char(datagram, '"');
}

/* Appends seconds with six decimals. */
static void append_time(struct buffer *datagram, const char *begin, int64_t unix_us) {
  char digits[6];
  int64_t rest = unix_us % 1000000;
  for (size_t i = sizeof(digits); i > 0; i--, rest /= 10)
    digits[i - 1] = (char)('0' + rest % 10);
  buffer_append_text(datagram, begin);
  json_writer_int(datagram, unix_us / 1000000);
  buffer_append_char(datagram, '.');
  buffer_append(datagram, digits, sizeof(digits));
}

static void append_text(struct buffer *datagram, const char *begin, const char *text) {
  buffer_append_text(datagram, begin);
  json_writer_string(datagram, str_from(text));
}

static bool has_parent(const struct span *span) {
  for (int i = 0; i < SPAN_ID_SIZE; i++)
    if (span->parent_id[i]) return true;
  return false;
}

static void append_response(struct buffer *datagram, const struct span *span) {
  buffer_append_text(datagram, "\"response\":{\"status\":");
  json_writer_int(datagram, span->status);
  buffer_append_char(datagram, '}');
}

/* Sets the flags that follow from the status. A call without any answer counts as a fault. */
static void append_flags(struct buffer *datagram, const struct span *span) {
  bool client_error = span->status >= 400 && span->status < 500;
  if (span->status == 429) buffer_append_text(datagram, ",\"throttle\":true");
  if (client_error) buffer_append_text(datagram, ",\"error\":true");
  if (span->failed && !client_error) buffer_append_text(datagram, ",\"fault\":true");
}

static void append_segment(struct buffer *datagram, const struct span *span) {
  append_text(datagram, ",\"http\":{\"request\":{\"method\":", span->method);
  append_text(datagram, ",\"url\":", span->path);
  buffer_append_text(datagram, "},");
  append_response(datagram, span);
  append_text(datagram, "},\"annotations\":{\"request_id\":", span->request_id);
  buffer_append_char(datagram, '}');
}

static void append_aws(struct buffer *datagram, const struct span *span) {
  append_text(datagram, ",\"namespace\":\"aws\",\"aws\":{\"operation\":", span->operation);
  if (*span->region) append_text(datagram, ",\"region\":", span->region);
  if (*span->space) append_text(datagram, ",\"table_name\":", span->space);
  if (*span->request_id) append_text(datagram, ",\"request_id\":", span->request_id);
  buffer_append_text(datagram, ",\"retries\":");
  json_writer_int(datagram, span->tries > 1 ? (long long)span->tries - 1 : 0);
  buffer_append_char(datagram, '}');
  if (!span->status) return;
  buffer_append_text(datagram, ",\"http\":{");
  append_response(datagram, span);
  buffer_append_char(datagram, '}');
}

static bool is_postgres(const struct span *span) {
  return strcmp(span->system, "postgresql") == 0;
}

static void append_postgres(struct buffer *datagram, const struct span *span) {
  buffer_append_text(datagram, ",\"sql\":{\"database_type\":\"PostgreSQL\"}");
  append_text(datagram, ",\"annotations\":{\"statement\":", span->operation);
  if (*span->code) append_text(datagram, ",\"sqlstate\":", span->code);
  buffer_append_char(datagram, '}');
}

static void append_remote(struct buffer *datagram, const struct span *span) {
  buffer_append_text(datagram, ",\"namespace\":\"remote\"");
  if (is_postgres(span)) append_postgres(datagram, span);
  if (!*span->method) return;
  append_text(datagram, ",\"http\":{\"request\":{\"method\":", span->method);
  buffer_append_char(datagram, '}');
  if (span->status) {
    buffer_append_char(datagram, ',');
    append_response(datagram, span);
  }
  buffer_append_char(datagram, '}');
}

static bool is_aws(const struct span *span) {
  return *span->operation && !is_postgres(span);
}

/* A segment is named after our service, a call after what is called: a database as database@host.
 */
static void append_name_of(struct buffer *datagram, const char *service, const struct span *span) {
  char database[sizeof(span->space) + sizeof(span->host) + 1];
  snprintf(database, sizeof(database), "%s@%s", span->space, span->host);
  if (span->kind != SPAN_CLIENT)
    append_name(datagram, service);
  else if (is_aws(span))
    append_name(datagram, "DynamoDB");
  else if (is_postgres(span))
    append_name(datagram, *span->space ? database : "postgresql");
  else
    append_name(datagram, *span->host ? span->host : span->name);
}

void xray_append_datagram(struct buffer *datagram, const char *service, const struct span *span) {
  buffer_append_text(datagram, "{\"format\":\"json\",\"version\":1}\n{\"name\":");
  append_name_of(datagram, service, span);
  append_span_id(datagram, ",\"id\":\"", span->context.span_id);
  append_trace_id(datagram, span->context.trace_id);
  if (has_parent(span)) append_span_id(datagram, ",\"parent_id\":\"", span->parent_id);
  append_time(datagram, ",\"start_time\":", span->start_unix_us);
  append_time(datagram, ",\"end_time\":", span->end_unix_us);
  if (span->kind == SPAN_SERVER) {
    append_segment(datagram, span);
  } else if (span->kind == SPAN_INTERNAL) {
    append_text(datagram, ",\"annotations\":{\"task\":", span->name);
    buffer_append_char(datagram, '}');
  } else {
    buffer_append_text(datagram, ",\"type\":\"subsegment\"");
    if (is_aws(span))
      append_aws(datagram, span);
    else
      append_remote(datagram, span);
  }
  append_flags(datagram, span);
  buffer_append_char(datagram, '}');
}

/* The daemon's address as the SDKs read it: one for both protocols, or one for each. */
static struct str udp_part(const char *daemon_address) {
  struct str rest = str_from(daemon_address), item;
  struct str found = rest;
  while (str_next(&rest, ' ', &item)) {
    if (str_starts_with(item, STR("udp:"))) return (struct str){item.data + 4, item.length - 4};
    if (!str_starts_with(item, STR("tcp:"))) found = item;
  }
  return found;
}

int xray_open(const char *daemon_address, struct error *error) {
  struct str address = udp_part(daemon_address);
  char host[256];
  snprintf(host, sizeof(host), "%.*s", (int)address.length, address.data);
  char *colon = strrchr(host, ':');
  struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
  if (colon) *colon = '\0';
  if (!colon || getaddrinfo(host, colon + 1, &hints, &found) != 0) {
    error_set(error, ERROR_INVALID,
              "AWS_XRAY_DAEMON_ADDRESS must be host:port of a name that resolves, for example "
              "AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000");
    return -1;
  }
  int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
    close(fd);
    fd = -1;
  }
  freeaddrinfo(found);
  if (fd < 0) error_set(error, ERROR_UNAVAILABLE, "AWS_XRAY_DAEMON_ADDRESS cannot be sent to");
  return fd;
}
