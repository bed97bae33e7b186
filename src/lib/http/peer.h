/* peer.h: who a request comes from: the socket's other end, or whom trusted proxies name. Inside of
 * the room only. */
#pragma once

#include "lib/http/http_connection.h"
#include "lib/http/request.h"

struct sockaddr;

/* Notes who is at the other end of a new connection; `address` may be NULL. */
void peer_note(struct http_connection *connection, const struct sockaddr *address,
               const struct proxies *proxies);

/* True when a trusted proxy says that it got the request by TLS. */
bool peer_used_tls(const struct http_request *request);

/* The address of the client: the peer's, or the one that trusted proxies name. */
struct address peer_client(const struct http_request *request);
