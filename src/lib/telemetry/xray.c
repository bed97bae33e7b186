/* xray.c: see xray.h. */
#include "lib/telemetry/xray.h"

#include "lib/base/encoding.h"
#include "lib/base/json_writer.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void append_trace_id(struct buffer *datagram, const unsigned char *trace_id) {
  buffer_append_text(datagram, ",\"trace_id\":\"1-");
  hex_append(datagram, trace_id, 4);
  buffer_append_char(datagram, '-');
  hex_append(datagram, trace_id + 4, TRACE_ID_SIZE - 4);
  buffer_append_char(datagram, '"');
}

static void append_span_id(struct buffer *datagram, const char *name,
                           const unsigned char *span_id) {
  buffer_append_format(datagram, ",\"%s\":\"", name);
  hex_append(datagram, span_id, SPAN_ID_SIZE);
  buffer_append_char(datagram, '"');
}

static void append_time(struct buffer *datagram, const char *name, int64_t unix_us) {
  buffer_append_format(datagram, ",\"%s\":%lld.%06lld", name, (long long)(unix_us / 1000000),
                       (long long)(unix_us % 1000000));
}

static bool has_parent(const struct span *span) {
  for (int i = 0; i < SPAN_ID_SIZE; i++)
    if (span->parent_id[i]) return true;
  return false;
}

static void append_http(struct buffer *datagram, const struct span *span) {
  const char *route = strchr(span->name, ' ');
  buffer_append_text(datagram, ",\"http\":{\"request\":{\"method\":");
  json_append_string(datagram, str_from(span->method));
  buffer_append_text(datagram, ",\"url\":");
  json_append_string(datagram, str_from(route ? route + 1 : span->name));
  buffer_append_format(datagram, "},\"response\":{\"status\":%d}}", span->status);
  buffer_append_text(datagram, ",\"annotations\":{\"request_id\":");
  json_append_string(datagram, str_from(span->request_id));
  buffer_append_char(datagram, '}');
  if (span->status == 429) buffer_append_text(datagram, ",\"throttle\":true");
  if (span->status >= 400 && span->status < 500) buffer_append_text(datagram, ",\"error\":true");
  if (span->status >= 500) buffer_append_text(datagram, ",\"fault\":true");
}

void xray_append_datagram(struct buffer *datagram, const char *service, const struct span *span) {
  bool server = span->kind == SPAN_SERVER;
  buffer_append_text(datagram, "{\"format\":\"json\",\"version\":1}\n{\"name\":");
  json_append_string(datagram, str_from(server ? service : span->name));
  append_span_id(datagram, "id", span->context.span_id);
  append_trace_id(datagram, span->context.trace_id);
  if (has_parent(span)) append_span_id(datagram, "parent_id", span->parent_id);
  append_time(datagram, "start_time", span->start_unix_us);
  append_time(datagram, "end_time", span->end_unix_us);
  if (server) {
    append_http(datagram, span);
  } else {
    buffer_append_text(datagram, ",\"type\":\"subsegment\",\"namespace\":\"remote\"");
    if (span->failed) buffer_append_text(datagram, ",\"fault\":true");
  }
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
