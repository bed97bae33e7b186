/* peer.c: who a request comes from. */
#include "lib/http/peer.h"

void peer_note(struct http_connection *connection, const struct sockaddr *address,
               const struct proxies *proxies) {
  connection->from_proxy = address && address_from_socket(address, &connection->peer) &&
                           proxies_trust(proxies, &connection->peer);
}

bool peer_used_tls(const struct http_request *request) {
  return request->connection->from_proxy &&
         str_equal_ignore_case(request->headers.forwarded_proto, STR("https"));
}

/* What the lines of X-Forwarded-For said so far. */
struct forwarded_reading {
  const struct proxies *proxies;
  struct address peer, client;
};

static void judge_line(void *argument, struct str value) {
  struct forwarded_reading *reading = argument;
  if (proxies_judge(reading->proxies, value, &reading->client) == FORWARDED_GARBAGE)
    reading->client = reading->peer;
}

struct address peer_client(const struct http_request *request) {
  const struct http_connection *connection = request->connection;
  struct forwarded_reading reading = {&request->site->options->proxies, connection->peer,
                                      connection->peer};
  if (connection->from_proxy && request->headers.forwarded_for.data)
    headers_each(request->mhd, STR("X-Forwarded-For"), judge_line, &reading);
  return reading.client;
}
