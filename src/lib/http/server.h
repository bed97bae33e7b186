/* server.h: the HTTP server of one loop: a libmicrohttpd daemon polled by the loop.
 *
 * Each loop has one, all listening on one port with SO_REUSEPORT, so that the kernel spreads the
 * connections and the loops share nothing. */
#pragma once

#include "lib/http/options.h"

struct http_server;

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

/* Tells of each answer of 500 or more. */
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

/* Appends what `count` servers with the same tables have counted as Prometheus text; from any
 * thread. */
void http_server_append_metrics(struct http_server *const *servers, size_t count,
                                struct buffer *buffer);

/* What is the case now; from any thread. */
struct http_server_stats {
  uint64_t connections, connections_limit; /* of clients */
  uint64_t requests;                       /* that have begun and not ended */
  uint64_t sending_bytes;                  /* of answers whose last byte was not sent yet */
};

struct http_server_stats http_server_stats(const struct http_server *server);
