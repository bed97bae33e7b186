/* client.c: who a request comes from: the socket's other end, or whom trusted proxies name; whether
 * it came to them by TLS; and how much it may write. */
#include "lib/base/clock.h"
#include "lib/http/internal.h"

#include <stdio.h>

enum { IPV6_COUNTED_BYTES = 8 }; /* a customer gets a /64 at least, and all the addresses in it */

void client_look_at_peer(struct http_connection *connection, struct MHD_Connection *mhd) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  connection->from_proxy = info && info->client_addr &&
                           address_from_socket(info->client_addr, &connection->peer) &&
                           proxies_trust(&connection->server->options->proxies, &connection->peer);
}

bool client_came_by_tls(const struct http_request *request) {
  return request->connection->from_proxy &&
         str_equal_ignore_case(http_request_header(request, "X-Forwarded-Proto"), STR("https"));
}

/* What the lines of X-Forwarded-For said so far. */
struct reading {
  const struct http_request *request;
  struct address client;
};

static enum MHD_Result read_header(void *argument, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length) {
  (void)kind;
  struct reading *reading = argument;
  const struct http_connection *connection = reading->request->connection;
  if (!str_equal_ignore_case((struct str){name, name_length}, STR("X-Forwarded-For")))
    return MHD_YES;
  enum forwarded found = proxies_judge(&connection->server->options->proxies,
                                       (struct str){value, value_length}, &reading->client);
  if (found == FORWARDED_GARBAGE) reading->client = connection->peer;
  return MHD_YES;
}

static struct address find_client(const struct http_request *request) {
  struct reading reading = {request, request->connection->peer};
  if (request->connection->from_proxy)
    MHD_get_connection_values_n(request->mhd, MHD_HEADER_KIND, read_header, &reading);
  return reading.client;
}

/* --- Writes --- */

static bool is_write(const struct http_request *request) {
  enum http_method method = request->method;
  return (method == HTTP_POST || method == HTTP_PUT || method == HTTP_DELETE) &&
         cors_applies(request);
}

static bool take(struct http_request *request, struct rate_limiter *limiter, struct str key) {
  unsigned wait_s = 0;
  if (rate_limiter_take(limiter, key, clock_monotonic_us(), &wait_s)) return true;
  char text[16];
  snprintf(text, sizeof(text), "%u", wait_s);
  http_answer_header(request, "Retry-After", text);
  http_answer_error(request, HTTP_TOO_MANY_REQUESTS, "rate_limited");
  return false;
}

bool client_may_write(struct http_request *request) {
  struct rate_limiter *limiter = request->server->options->writes_per_address;
  if (!limiter || !is_write(request)) return true;
  struct address client = find_client(request);
  size_t counted = address_is_ipv4(&client) ? sizeof(client.bytes) : IPV6_COUNTED_BYTES;
  return take(request, limiter, (struct str){(const char *)client.bytes, counted});
}

bool client_user_may_write(struct http_request *request) {
  struct rate_limiter *limiter = request->server->options->writes_per_user;
  if (!limiter || request->sub.length == 0 || !is_write(request)) return true;
  return take(request, limiter, request->sub);
}
