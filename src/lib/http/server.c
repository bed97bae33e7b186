/* server.c: libmicrohttpd on the loop: connections, the calls by which it hands a request over, and
 * the daemon's start and end.
 *
 * The daemon is run when its epoll descriptor is readable, and at the end of a turn in which
 * something was answered. What a request goes through is in steps.c. A request whose answer is not
 * there yet is suspended, and resumed when it is. */
#include "lib/http/server.h"

#include "lib/base/log.h"
#include "lib/http/body.h"
#include "lib/http/coalesce.h"
#include "lib/http/drain.h"
#include "lib/http/gzip.h"
#include "lib/http/linger.h"
#include "lib/http/peer.h"
#include "lib/http/refusal.h"
#include "lib/http/request_metrics.h"
#include "lib/http/respond.h"
#include "lib/http/router.h"
#include "lib/http/steps.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What libmicrohttpd may use for one connection: 16 KiB of headers, 56 bytes of its own for each of
 * a hundred headers, and the head of the answer. It clears all of it after each request, so that
 * every kept connection costs this much resident memory. */
enum { CONNECTION_MEMORY = 24 * 1024 };

struct http_server {
  struct http_site site;
  struct MHD_Daemon *daemon;
  uv_poll_t poll;
  struct loop_task run_task;
  struct connection_deadlines deadlines;
  struct router *router;
  struct drain drain;
  struct lingerers lingerers;
};

/* --- Running the daemon --- */

static void ask_run(struct http_server *server) {
  if (!server->site.closing) loop_at_end_of_turn(server->site.loop, &server->run_task);
}

/* Connections that have more to do than their events told are the daemon's own business: it says so
 * with a timeout of 0, and wants to be run again. */
static void run_daemon(struct loop_task *task) {
  struct http_server *server = LIST_ENTRY(task, struct http_server, run_task);
  MHD_run(server->daemon);
  MHD_UNSIGNED_LONG_LONG timeout;
  if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES && timeout == 0) ask_run(server);
}

static void on_daemon_event(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  struct http_server *server = poll->data;
  run_daemon(&server->run_task);
}

/* --- Connections --- */

/* Over the limit whoever has been idle for longest leaves at once, so that a new client need not
 * wait until somebody goes. Where nobody is idle, answers close their connections. */
static void keep_limit(struct http_server *server) {
  bool is_over = server->drain.connections > server->site.options->connection_limit;
  server->site.crowded = is_over && !http_connection_close_idle(&server->deadlines);
}

static void open_connection(struct http_server *server, struct MHD_Connection *mhd,
                            void **socket_context) {
  server->drain.connections++;
  request_metrics_connect(server->site.metrics);
  keep_limit(server);
  int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  struct http_connection *connection = http_connection_new(&server->deadlines, fd);
  *socket_context = connection;
  if (!connection) return; /* on_request() finds none and hangs up */
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  peer_note(connection, info ? info->client_addr : NULL, &server->site.options->proxies);
}

static void close_connection(struct http_server *server, void **socket_context) {
  assert(server->drain.connections > 0);
  server->drain.connections--;
  request_metrics_disconnect(server->site.metrics);
  if (server->drain.connections <= server->site.options->connection_limit)
    server->site.crowded = false;
  drain_check(&server->drain);
  http_connection_free(*socket_context);
  *socket_context = NULL;
  /* At its limit of connections the daemon takes its listening socket out of what it polls, and
   * puts it back only when it is run again after one was closed. */
  ask_run(server);
}

static void on_connection(void *argument, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
  if (code == MHD_CONNECTION_NOTIFY_CLOSED)
    close_connection(argument, socket_context);
  else
    open_connection(argument, mhd, socket_context);
}

/* --- Requests --- */

/* libmicrohttpd gives each parameter of a query a record in the connection's memory, and hangs up
 * without an answer when that is full. The query is read by us, where it is used: what it finds
 * in its buffer, which is no constant to it, is an empty one. */
static void hide_query(const char *target) {
  char *question = strchr((char *)(uintptr_t)target, '?');
  if (question && question[1]) question[1] = '\0';
}

/* Makes libmicrohttpd come back for the answer of a suspended request. */
static void on_answered(struct http_request *request) {
  struct http_connection *connection = request->connection;
  if (!connection->suspended) return;
  connection->suspended = false;
  MHD_resume_connection(request->mhd);
  ask_run(LIST_ENTRY(request->site, struct http_server, site));
}

static void *on_request(void *argument, const char *target, struct MHD_Connection *mhd) {
  struct http_server *server = argument;
  struct http_connection *connection =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  struct http_request *request = connection ? request_new(&server->site, target) : NULL;
  hide_query(target);
  if (!request) return NULL;
  assert(!connection->request);
  request->mhd = mhd;
  request->connection = connection;
  request->answered = on_answered;
  connection->request = request;
  http_connection_enter(connection, CONNECTION_RECEIVING);
  server->drain.requests++;
  request_metrics_begin(server->site.metrics);
  return request;
}

static void on_completed(void *argument, struct MHD_Connection *mhd, void **request_context,
                         enum MHD_RequestTerminationCode code) {
  (void)mhd;
  struct http_server *server = argument;
  struct http_request *request = *request_context;
  if (!request) return;
  assert(!request->connection->suspended && server->drain.requests > 0);
  *request_context = NULL;
  http_connection_enter(request->connection, CONNECTION_IDLE);
  steps_end(request, code == MHD_REQUEST_TERMINATED_COMPLETED_OK || request->is_refused);
  server->drain.requests--;
  drain_check(&server->drain);
}

/* Answering before the body has come forces libmicrohttpd to close the connection. Where there is
 * no body the answer can wait for the next call, and the connection stays; so it does where the
 * body is short: it is read and forgotten. */
static bool answers_at_once(const struct http_request *request) {
  if (request->phase != HTTP_PHASE_ANSWERED) return false;
  if (request->ends_connection) return true;
  bool is_short = request->headers.expect.length == 0 && body_is_announced_short(request);
  return body_is_announced(request) && !is_short;
}

/* Where in libmicrohttpd's memory the head of the request is. */
static struct head_place find_head(const struct http_request *request, const char *target,
                                   const char *method, const char *version) {
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(request->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  assert(info && "it is called when the headers are there");
  return (struct head_place){.method = method,
                             .target = target,
                             .target_length = request->target_length,
                             .version = version,
                             .end = method + info->header_size};
}

static enum MHD_Result read_headers(struct http_request *request, const struct head_place *place) {
  steps_begin(request, place);
  http_steps_go_on(request);
  if (!answers_at_once(request)) return MHD_YES;
  request->connection->lingers = true;
  return respond(request);
}

/* While a body comes libmicrohttpd takes no answer. */
static enum MHD_Result read_body(struct http_request *request, const char *bytes, size_t length) {
  if (body_take(request, bytes, length)) return MHD_YES;
  if (request->is_over) {
    http_answer_error(request, HTTP_PAYLOAD_TOO_LARGE, "payload_too_large");
    refusal_send(request);
  }
  return MHD_NO;
}

static enum MHD_Result suspend(struct http_request *request) {
  assert(request->phase == HTTP_PHASE_WORKING);
  request->connection->suspended = true;
  MHD_suspend_connection(request->mhd);
  return MHD_YES;
}

/* libmicrohttpd calls this when the headers are there, for each part of the body, when the request
 * is whole, and after a resume. */
static enum MHD_Result on_access(void *argument, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **request_context) {
  (void)argument, (void)mhd;
  struct http_request *request = *request_context;
  if (!request) return MHD_NO;
  if (request->phase == HTTP_PHASE_HEADERS) {
    struct head_place place = find_head(request, url, method, version);
    return read_headers(request, &place);
  }
  if (*upload_size > 0) {
    size_t length = *upload_size;
    *upload_size = 0;
    return read_body(request, upload, length);
  }
  if (request->phase == HTTP_PHASE_RECEIVING) {
    request_enter(request, HTTP_PHASE_WORKING);
    http_connection_enter(request->connection, CONNECTION_WORKING);
    http_steps_go_on(request);
  }
  return request->phase == HTTP_PHASE_ANSWERED ? respond(request) : suspend(request);
}

/* --- The daemon --- */

/* Paths and queries are decoded by us, once, where they are used. */
static size_t leave_encoded(void *argument, struct MHD_Connection *mhd, char *text) {
  (void)argument, (void)mhd;
  return strlen(text);
}

/* What libmicrohttpd has to say is about clients that break HTTP. */
__attribute__((format(printf, 2, 0))) static void log_daemon(void *argument, const char *format,
                                                             va_list arguments) {
  (void)argument;
  if (!log_enabled(LOG_LEVEL_DEBUG)) return;
  char text[512];
  vsnprintf(text, sizeof(text), format, arguments);
  text[strcspn(text, "\n")] = '\0';
  log_event(LOG_LEVEL_DEBUG, "libmicrohttpd", log_text("reason", text), LOG_END);
}

static struct MHD_Daemon *start_daemon(struct http_server *server, int listen_fd) {
  return MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_access,
      server, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, server, MHD_OPTION_LISTEN_SOCKET, listen_fd,
      MHD_OPTION_CONNECTION_LIMIT, server->site.options->connection_limit + 1, /* keep_limit() */
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_TIMEOUT,
      0U, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
      on_completed, server, MHD_OPTION_URI_LOG_CALLBACK, on_request, server,
      MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, server, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
      MHD_OPTION_END);
}

/* What requests need. After a failure free_parts() frees what there is. */
static bool make_parts(struct http_server *server, struct error *error) {
  struct http_site *site = &server->site;
  server->router = router_new(site->options, error);
  if (!server->router) return false;
  site->router = server->router;
  site->metrics = request_metrics_new(site->router);
  site->coalescer = coalesce_new(site);
  return (site->metrics && site->coalescer) ||
         error_set(error, ERROR_MEMORY, "out of memory for the HTTP server");
}

static void free_parts(struct http_server *server) {
  server->site.coalescer = coalesce_free(server->site.coalescer);
  server->site.gzip = gzip_free(server->site.gzip);
}

static void start_watching(struct http_server *server) {
  const struct http_options *options = server->site.options;
  struct loop *loop = server->site.loop;
  loop_task_init(&server->run_task, run_daemon);
  drain_init(&server->drain, &server->site, server->daemon, &server->run_task);
  loop_deadlines_init(&server->deadlines.fresh, loop, options->idle_timeout_ms);
  loop_deadlines_init(&server->deadlines.idle, loop, options->idle_timeout_ms);
  loop_deadlines_init(&server->deadlines.receiving, loop, options->receive_timeout_ms);
  loop_deadlines_init(&server->deadlines.sending, loop, options->send_timeout_ms);
  linger_init(&server->lingerers, loop);
  server->deadlines.lingerers = &server->lingerers;
  int epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  uv_poll_init(loop_uv(loop), &server->poll, epoll_fd);
  server->poll.data = server;
  uv_poll_start(&server->poll, UV_READABLE, on_daemon_event);
}

/* Router and metrics are read by other threads and at the end of requests: they stay as long as the
 * server, which the loop frees. */
struct http_server *http_server_new(struct loop *loop, int listen_fd,
                                    const struct http_options *options, void *context,
                                    void *authenticator, struct error *error) {
  struct http_server *server = calloc(1, sizeof(*server));
  if (!server) {
    close(listen_fd);
    error_set(error, ERROR_MEMORY, "out of memory for the HTTP server");
    return NULL;
  }
  loop_free_at_end(loop, server);
  server->site = (struct http_site){
      .loop = loop, .options = options, .context = context, .authenticator = authenticator};
  bool made = refusal_works(error) && make_parts(server, error);
  loop_free_at_end(loop, server->site.metrics);
  loop_free_at_end(loop, server->router);
  server->daemon = made ? start_daemon(server, listen_fd) : NULL;
  if (!server->daemon) {
    if (made)
      error_set(error, ERROR_UNAVAILABLE, "libmicrohttpd does not start: %s", strerror(errno));
    close(listen_fd);
    free_parts(server);
    return NULL;
  }
  start_watching(server);
  return server;
}

void http_server_trace(struct http_server *server, struct span_sink *sink) {
  server->site.sink = sink;
}

void http_server_on_failure(struct http_server *server, http_failure failed, void *argument) {
  server->site.failed = failed;
  server->site.failed_argument = argument;
}

void http_server_append_metrics(struct http_server *const *servers, size_t count,
                                struct buffer *buffer) {
  struct request_metrics *sum = request_metrics_new(servers[0]->site.router);
  if (!sum) return;
  for (size_t i = 0; i < count; i++)
    request_metrics_add(sum, servers[i]->site.metrics);
  request_metrics_append(sum, buffer);
  free(sum);
}

struct http_server_stats http_server_stats(const struct http_server *server) {
  struct request_gauges now = request_metrics_now(server->site.metrics);
  return (struct http_server_stats){.connections = now.connections,
                                    .connections_limit = server->site.options->connection_limit,
                                    .requests = now.requests,
                                    .sending_bytes = now.sending_bytes};
}

/* --- Stopping --- */

void http_server_drain(struct http_server *server, uint64_t timeout_ms,
                       void (*drained)(void *argument), void *argument) {
  drain_begin(&server->drain, timeout_ms, drained, argument);
}

bool http_server_draining(const struct http_server *server) {
  return server->site.draining;
}

void http_server_close(struct http_server *server) {
  if (!server || server->site.closing) return;
  server->site.closing = true;
  loop_task_cancel(&server->run_task);
  coalesce_close(server->site.coalescer);
  for (int i = 0; i < 3; i++)
    MHD_run(server->daemon); /* the last answers go out */
  uv_close((uv_handle_t *)&server->poll, NULL);
  drain_close(&server->drain);
  linger_close(&server->lingerers);
  MHD_stop_daemon(server->daemon);
  server->daemon = NULL;
  assert(server->drain.connections == 0 && server->drain.requests == 0);
  free_parts(server);
  loop_deadlines_close(&server->deadlines.fresh);
  loop_deadlines_close(&server->deadlines.idle);
  loop_deadlines_close(&server->deadlines.receiving);
  loop_deadlines_close(&server->deadlines.sending);
}
