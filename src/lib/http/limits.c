/* limits.c: how much a client and a user may write; the counts are shared by all loops. */
#include "lib/http/limits.h"

#include "lib/base/clock.h"
#include "lib/http/peer.h"

enum { IPV6_COUNTED_BYTES = 8 }; /* a customer gets a /64 at least, and all the addresses in it */

static bool is_write(const struct http_request *request) {
  enum http_method method = request->method;
  return method == HTTP_POST || method == HTTP_PUT || method == HTTP_DELETE;
}

bool limits_count_address(const struct http_request *request, unsigned *ret_wait_s) {
  struct rate_limiter *limiter = request->site->options->writes_per_address;
  if (!limiter || !is_write(request)) return true;
  struct address client = peer_client(request);
  size_t counted = address_is_ipv4(&client) ? sizeof(client.bytes) : IPV6_COUNTED_BYTES;
  struct str key = {(const char *)client.bytes, counted};
  return rate_limiter_take(limiter, key, clock_monotonic_us(), ret_wait_s);
}

bool limits_count_user(const struct http_request *request, unsigned *ret_wait_s) {
  struct rate_limiter *limiter = request->site->options->writes_per_user;
  if (!limiter || request->sub.length == 0 || !is_write(request)) return true;
  return rate_limiter_take(limiter, request->sub, clock_monotonic_us(), ret_wait_s);
}
