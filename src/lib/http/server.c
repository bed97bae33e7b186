/* server.c: libmicrohttpd on the loop, and the life of a request through it. */
#include "lib/http/server.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/http/gzip.h"
#include "lib/http/internal.h"
#include "lib/http/round.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- Running the daemon --- */

void server_ask_run(struct http_server *server) {
  if (!server->closing) loop_at_end_of_turn(server->loop, &server->run_task);
}

/* Connections that have more to do than their events told are the daemon's own business: it says so
 * with a timeout of 0, and wants to be run again. */
static void run_daemon(struct loop_task *task) {
  struct http_server *server = LIST_ENTRY(task, struct http_server, run_task);
  MHD_run(server->daemon);
  MHD_UNSIGNED_LONG_LONG timeout;
  if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES && timeout == 0) server_ask_run(server);
}

static void on_daemon_event(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  struct http_server *server = poll->data;
  run_daemon(&server->run_task);
}

void server_resume(struct http_request *request) {
  request->suspended = false;
  MHD_resume_connection(request->mhd);
  server_ask_run(request->server);
}

/* --- Connections --- */

static void on_connection_deadline(struct deadline *deadline) {
  struct http_connection *connection = LIST_ENTRY(deadline, struct http_connection, deadline);
  shutdown(connection->fd, SHUT_RDWR); /* the daemon sees the end and cleans up */
}

static void on_connection(void *argument, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
  struct http_server *server = argument;
  if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
    server->connections--;
    drain_check(server);
    struct http_connection *closed = *socket_context;
    if (closed) deadline_stop(&closed->deadline);
    free(closed);
    *socket_context = NULL;
    /* At its limit of connections the daemon takes its listening socket out of what it polls, and
     * puts it back only when it is run again after one was closed. */
    server_ask_run(server);
    return;
  }
  server->connections++;
  struct http_connection *connection = calloc(1, sizeof(*connection));
  *socket_context = connection;
  if (!connection) return; /* request_begin() finds none and hangs up */
  connection->server = server;
  connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  client_look_at_peer(connection, mhd);
  deadline_init(&connection->deadline, on_connection_deadline);
  deadline_start(&server->idle, &connection->deadline);
}

/* --- Requests --- */

/* libmicrohttpd gives each parameter of a query a record in the connection's memory, and hangs up
 * without an answer when that is full. The query is read by us, where it is used: what it finds
 * in its buffer, which is no constant to it, is an empty one. */
static void hide_query(const char *target) {
  char *question = strchr((char *)(uintptr_t)target, '?');
  if (question && question[1]) question[1] = '\0';
}

static void *request_begin(void *argument, const char *target, struct MHD_Connection *mhd) {
  struct http_server *server = argument;
  struct http_connection *connection =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  struct http_request *request = connection ? request_new(connection, mhd, target) : NULL;
  hide_query(target);
  if (!request) return NULL;
  server->requests++;
  deadline_start(&server->receiving, &connection->deadline);
  return request;
}

/* While the server drains, 503 is what a balancer is to hear. */
static bool is_failure(const struct http_request *request) {
  bool is_told_to_leave =
      request->status == HTTP_UNAVAILABLE && http_server_draining(request->server);
  return request->status >= 500 && !is_told_to_leave;
}

/* Of its user, or of the request under whose id the handler of its round logged. */
static struct log_field last_field(const struct http_request *request) {
  if (request->sub.length > 0) return log_str("user", request->sub);
  bool led = request->round && !str_equal(request->round->request->id, request->id);
  return led ? log_str("shared_request_id", request->round->request->id) : LOG_END;
}

static void log_request(const struct http_request *request, bool completed, uint64_t duration_us) {
  log_event(is_failure(request) ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
            completed ? "request" : "request aborted", log_str("request_id", request->id),
            log_text("method", router_method_name(request->method)),
            log_text("route", request->route ? request->route->pattern : "-"),
            log_int("status", request->status), log_int("bytes", (int64_t)request->answer_size),
            log_ms("duration_ms", duration_us), last_field(request), LOG_END);
}

static void on_completed(void *argument, struct MHD_Connection *mhd, void **request_context,
                         enum MHD_RequestTerminationCode code) {
  (void)mhd;
  struct http_server *server = argument;
  struct http_request *request = *request_context;
  if (!request) return;
  assert(!request->suspended);
  *request_context = NULL;
  deadline_start(&server->idle, &request->connection->deadline);
  span_end(request);
  uint64_t duration_us = clock_monotonic_us() - request->started_us;
  metrics_count(request, duration_us);
  if (is_failure(request) && server->failed)
    server->failed(server->failed_argument, router_method_name(request->method),
                   request->route ? request->route->pattern : "-", request->status, request->id);
  log_request(request, code == MHD_REQUEST_TERMINATED_COMPLETED_OK, duration_us);
  request_free(request);
  server->requests--;
  drain_check(server);
}

static void admit(struct http_request *request) {
  assert(request->phase == HTTP_PHASE_WORKING);
  if (!client_user_may_write(request)) return;
  enum body_verdict verdict = request->route->body_limit ? request_parse_body(request) : BODY_GOOD;
  switch (verdict) {
  case BODY_GOOD: request->route->handler(request); break;
  case BODY_TOO_LARGE:
    http_answer_error(request, HTTP_PAYLOAD_TOO_LARGE, "payload_too_large");
    break;
  case BODY_NOT_JSON:
    http_answer_error(request, HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    break;
  case BODY_MALFORMED: http_answer_error(request, HTTP_BAD_REQUEST, "malformed_json"); break;
  }
}

void http_request_go_on(struct http_request *request) {
  const struct http_server *server = request->server;
  struct str authorization = http_request_header(request, "Authorization");
  switch (server->options->check_token(request, authorization, server->authenticator,
                                       &request->waiting, &request->sub)) {
  case HTTP_TOKEN_GOOD: admit(request); break;
  case HTTP_TOKEN_WAIT: break;
  case HTTP_TOKEN_BAD:
    http_answer_header(request, "WWW-Authenticate", "Bearer");
    http_answer_error(request, HTTP_UNAUTHORIZED, "generic_401");
    break;
  }
}

static void pass_on(struct http_request *request) {
  switch (request->route->auth) {
  case HTTP_AUTH_NONE: admit(request); break;
  case HTTP_AUTH_SHARED: coalesce_join(request); break;
  case HTTP_AUTH_REQUIRED: http_request_go_on(request); break;
  }
}

/* The whole request is here. */
static void work(struct http_request *request) {
  const struct http_server *server = request->server;
  request->phase = HTTP_PHASE_WORKING;
  deadline_stop(
      &request->connection->deadline); /* what is submitted now has deadlines of its own */
  if (server->closing)                 /* what a handler would wait for is closed already */
    http_answer_unavailable(request);
  else if (request->discarded > 0)
    http_answer_error(request, HTTP_PAYLOAD_TOO_LARGE, "payload_too_large");
  else
    pass_on(request);
}

static void refuse_method(struct http_request *request, unsigned methods) {
  struct buffer allow = BUFFER_EMPTY;
  router_list_methods(methods | 1U << HTTP_OPTIONS, &allow);
  http_answer_header(request, "Allow", buffer_text(&allow));
  buffer_free(&allow);
  http_answer_error(request, HTTP_METHOD_NOT_ALLOWED, "generic_405");
}

/* The headers are here: whatever can be said without the body is said now. */
static void judge_headers(struct http_request *request, const char *method, const char *version) {
  request->phase = HTTP_PHASE_BODY;
  request_set_id(request);
  span_begin(request);
  router_method(method, &request->method);
  if (request_headers_size(request) > HTTP_HEADERS_LIMIT) {
    http_answer_error(request, HTTP_HEADERS_TOO_LARGE, "generic_431");
    return;
  }
  if (request_framing_is_ambiguous(request) || request_lacks_host(request, version)) {
    http_answer_error(request, HTTP_BAD_REQUEST, "generic_400");
    return;
  }
  unsigned methods = router_match(request);
  if (request->method == HTTP_OPTIONS && (methods || cors_applies(request)))
    cors_answer_options(request, methods);
  else if (!methods)
    http_answer_error(request, HTTP_NOT_FOUND, "generic_404");
  else if (!request->route)
    refuse_method(request, methods);
  else if (!client_may_write(request))
    return;
  else if (request_announced_body(request) == BODY_TOO_LARGE)
    http_answer_error(request, HTTP_PAYLOAD_TOO_LARGE, "payload_too_large");
}

/* An answer before a body stops the body and ends the connection. Without a body it can wait for
 * the next call, and the connection stays; so it does for who is only early: what they have sent
 * already is read and forgotten. */
static bool answers_at_once(const struct http_request *request) {
  if (request->phase != HTTP_PHASE_ANSWERED || !request_has_body(request)) return false;
  bool is_short = http_request_header(request, "Content-Length").length > 0 &&
                  http_request_header(request, "Expect").length == 0 &&
                  request_announced_body(request) == BODY_GOOD;
  return request->status != HTTP_TOO_MANY_REQUESTS || !is_short;
}

/* libmicrohttpd calls this when the headers are there, for each part of the body, when the request
 * is whole, and after a resume. */
static enum MHD_Result on_access(void *argument, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *upload,
                                 size_t *upload_size, void **request_context) {
  (void)argument, (void)mhd, (void)url;
  struct http_request *request = *request_context;
  if (!request) return MHD_NO;
  if (request->phase == HTTP_PHASE_HEADERS) {
    judge_headers(request, method, version);
    return answers_at_once(request) ? answer_queue(request) : MHD_YES;
  }
  if (*upload_size > 0) {
    bool taken = request_take_body(request, upload, *upload_size);
    *upload_size = 0;
    return taken ? MHD_YES : MHD_NO;
  }
  if (request->phase == HTTP_PHASE_BODY) work(request);
  if (request->phase == HTTP_PHASE_ANSWERED) return answer_queue(request);
  assert(request->phase == HTTP_PHASE_WORKING);
  request->suspended = true;
  MHD_suspend_connection(mhd);
  return MHD_YES;
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
      MHD_OPTION_CONNECTION_LIMIT, server->options->connection_limit,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_MEMORY,
      MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
      MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_URI_LOG_CALLBACK, request_begin,
      server, MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, server,
      MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

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
  server->loop = loop;
  server->options = options;
  server->context = context;
  server->authenticator = authenticator;
  server->metrics = metrics_new(options->tables);
  loop_free_at_end(loop, server->metrics);
  server->daemon = server->metrics ? start_daemon(server, listen_fd) : NULL;
  if (!server->daemon) {
    close(listen_fd);
    error_set(error, ERROR_UNAVAILABLE, "libmicrohttpd does not start: %s", strerror(errno));
    return NULL;
  }
  loop_task_init(&server->run_task, run_daemon);
  drain_init(server);
  coalescer_init(server);
  deadline_queue_init(&server->idle, loop, options->idle_timeout_ms);
  deadline_queue_init(&server->receiving, loop, options->receive_timeout_ms);
  deadline_queue_init(&server->sending, loop, options->send_timeout_ms);
  int epoll_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  uv_poll_init(loop_uv(loop), &server->poll, epoll_fd);
  server->poll.data = server;
  uv_poll_start(&server->poll, UV_READABLE, on_daemon_event);
  return server;
}

void http_server_trace(struct http_server *server, struct span_sink *sink) {
  server->sink = sink;
}

void http_server_on_failure(struct http_server *server, http_failure failed, void *argument) {
  server->failed = failed;
  server->failed_argument = argument;
}

/* --- Stopping --- */

void http_server_close(struct http_server *server) {
  if (!server || server->closing) return;
  server->closing = true;
  loop_task_cancel(&server->run_task);
  coalescer_close(server);
  for (int i = 0; i < 3; i++)
    MHD_run(server->daemon); /* the last answers go out */
  uv_close((uv_handle_t *)&server->poll, NULL);
  drain_close(server);
  MHD_stop_daemon(server->daemon);
  server->daemon = NULL;
  server->gzip = gzip_free(server->gzip);
  deadline_queue_close(&server->idle);
  deadline_queue_close(&server->receiving);
  deadline_queue_close(&server->sending);
}
