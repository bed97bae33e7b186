/* server.h: the HTTP server of one loop: a libmicrohttpd daemon polled by the loop.
 *
 * Each loop has one, all listening on one port with SO_REUSEPORT, so that the kernel spreads the
 * connections and the loops share nothing. */
#pragma once

#include "lib/http/http.h"
#include "lib/http/proxies.h"
#include "lib/http/rate.h"

struct http_server;

/* Immutable, shared by all servers of the process. */
struct http_options {
  const struct http_route *const *tables; /* NULL-terminated list of route tables */
  struct str allowed_origins;             /* comma-separated; "*": any */
  unsigned connection_limit;              /* of one server */
  uint64_t idle_timeout_ms;               /* between requests of a kept connection */
  uint64_t receive_timeout_ms;            /* from the request line to the end of the body */
  uint64_t send_timeout_ms;               /* from the answer to its last byte */
  uint64_t drain_delay_ms; /* new connections are taken for so long after the call to drain */
  http_check_token check_token;
  struct proxies proxies;                                    /* trusted for who the client is */
  struct rate_limiter *writes_per_user, *writes_per_address; /* NULL: no limit */
};

/* Opens a listening socket on `port` (0: any free one), dual-stack where the machine has IPv6. With
 * `first` it makes sure that no other process listens there. Returns the descriptor, or -1. */
int http_listen(unsigned port, bool first, unsigned *ret_port, struct error *error);

/* Makes a server on `loop`; it owns `listen_fd` from now on, even when it fails. `context` is for
 * the handlers, `authenticator` for options->check_token. NULL on failure. */
struct http_server *http_server_new(struct loop *loop, int listen_fd,
                                    const struct http_options *options, void *context,
                                    void *authenticator, struct error *error);

/* Records a span for each request from now on; `sink` may be NULL. */
void http_server_trace(struct http_server *server, struct span_sink *sink);

/* Called for each answer of 500 or more, on the loop; `route` is a constant. */
typedef void (*http_failure)(void *argument, const char *method, const char *route, unsigned status,
                             struct str request_id);
void http_server_on_failure(struct http_server *server, http_failure failed, void *argument);

/* Tells connections to close, stops accepting after options->drain_delay_ms (at once where there is
 * no connection); calls `drained(argument)` once when no request is left in work, or after
 * `timeout_ms` from now. The caller then makes what the handlers wait for
 * give up, so that every request has its answer, and calls http_server_close(). */
void http_server_drain(struct http_server *server, uint64_t timeout_ms,
                       void (*drained)(void *argument), void *argument);

/* True from the call of http_server_drain() on. */
bool http_server_draining(const struct http_server *server);

/* Stops the daemon of a drained server and closes its handles; frees it when the loop has let go of
 * them. */
void http_server_close(struct http_server *server);
