/* limits.c: how much a client may ask and a user may write; the counts are shared by all loops. */
#include "lib/http/limits.h"

#include "lib/base/clock.h"
#include "lib/http/peer.h"

enum { IPV6_COUNTED_BYTES = 8 }; /* a customer gets a /64 at least, and all the addresses in it */

static bool is_write(const struct http_request *request) {
  enum http_method method = request->method;
  return method == HTTP_POST || method == HTTP_PUT || method == HTTP_DELETE;
}

static bool take(struct rate_limiter *limiter, const struct http_request *request, unsigned tokens,
                 unsigned *ret_wait_s) {
  struct address client = peer_client(request);
  size_t counted = address_is_ipv4(&client) ? sizeof(client.bytes) : IPV6_COUNTED_BYTES;
  struct str key = {(const char *)client.bytes, counted};
  return rate_limiter_take(limiter, key, tokens, clock_monotonic_us(), ret_wait_s);
}

bool limits_count_address(const struct http_request *request, unsigned *ret_wait_s) {
  const struct http_options *options = request->site->options;
  if (options->writes_per_address && is_write(request))
    return take(options->writes_per_address, request, 1, ret_wait_s);
  if (options->reads_per_address && request->route->cost > 0)
    return take(options->reads_per_address, request, request->route->cost, ret_wait_s);
  return true;
}

bool limits_count_user(const struct http_request *request, unsigned *ret_wait_s) {
  struct rate_limiter *limiter = request->site->options->writes_per_user;
  if (!limiter || request->sub.length == 0 || !is_write(request)) return true;
  return rate_limiter_take(limiter, request->sub, 1, clock_monotonic_us(), ret_wait_s);
}
