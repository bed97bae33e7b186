/* drain.c: the end of a server, without losing a request of a balancer that was not told.
 *
 * While it drains, every answer tells its connection to close. In turn:
 *   listening  new connections are taken still, for the time of drain_delay_ms: readiness answers
 *              503, so that a balancer that asks goes elsewhere
 *   refusing   the kernel takes no new connection, those that it has taken come in
 *   last call  nobody listens; kept connections may bring one more request, since a balancer may
 *              send it at the very moment at which we would hang up
 *   waiting    for the requests in work
 * A server without connections goes over what it need not wait for. */
#include "lib/base/log.h"
#include "lib/http/internal.h"

#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  REFUSING_MS = 50,   /* longer than handshakes under way take within a data centre */
  LAST_CALL_MS = 500, /* longer than a request is on its way to us */
  QUEUE_TRIES = 1000,
};

static void tell_drained(struct loop_task *task) {
  struct http_server *server = LIST_ENTRY(task, struct http_server, drained_task);
  void (*drained)(void *) = server->drained;
  server->drained = NULL;
  uv_timer_stop(&server->drain_timer);
  uv_timer_stop(&server->stage_timer);
  if (drained) drained(server->drained_argument);
}

/* Told at the end of the turn: whoever hears it stops the daemon, which may be running just now. */
void drain_check(struct http_server *server) {
  bool silent = server->stage == DRAIN_WAITING ||
                (server->stage == DRAIN_LAST_CALL && server->connections == 0);
  if (silent && server->drained && server->requests == 0)
    loop_at_end_of_turn(server->loop, &server->drained_task);
}

/* Drops the SYN of new connections; whoever sent it tries again a second later and is refused then.
 * A socket that is closed would reset connections in its queue, with the requests that they bring.
 * Where the kernel has no filters the queue is taken as it is. */
static void refuse_connections(int listen_fd) {
  enum { TCP_FLAGS_OFFSET = 13, SYN = 0x02 };
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TCP_FLAGS_OFFSET),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SYN, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  const struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
  setsockopt(listen_fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

static bool has_waiting(int listen_fd) {
  struct pollfd poll_fd = {.fd = listen_fd, .events = POLLIN};
  return poll(&poll_fd, 1, 0) > 0;
}

/* libmicrohttpd takes a few connections of the socket's queue at a time, and none at its limit. */
static void stop_listening(struct http_server *server) {
  int queue_fd = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
  for (unsigned tries = 0; tries < QUEUE_TRIES && has_waiting(queue_fd); tries++)
    MHD_run(server->daemon);
  MHD_socket listen_fd = MHD_quiesce_daemon(server->daemon);
  if (listen_fd != MHD_INVALID_SOCKET) close(listen_fd);
  server_ask_run(server);
}

static void on_stage_over(uv_timer_t *timer);

static void begin_stage(struct http_server *server, enum drain_stage stage, uint64_t length_ms) {
  server->stage = stage;
  uv_timer_start(&server->stage_timer, on_stage_over, length_ms, 0);
}

static void begin_refusing(struct http_server *server) {
  refuse_connections(MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd);
  begin_stage(server, DRAIN_REFUSING, REFUSING_MS);
}

static void on_stage_over(uv_timer_t *timer) {
  struct http_server *server = timer->data;
  uint64_t delay_ms = server->options->drain_delay_ms;
  if (server->stage == DRAIN_LISTENING) {
    begin_refusing(server);
  } else if (server->stage == DRAIN_REFUSING) {
    stop_listening(server);
    begin_stage(server, DRAIN_LAST_CALL, delay_ms < LAST_CALL_MS ? delay_ms : LAST_CALL_MS);
  } else {
    server->stage = DRAIN_WAITING;
  }
  drain_check(server);
}

static void on_drain_timeout(uv_timer_t *timer) {
  struct http_server *server = timer->data;
  if (server->requests > 0)
    log_event(LOG_LEVEL_WARNING, "requests still in work when the time to drain was over",
              log_int("requests", server->requests), LOG_END);
  loop_at_end_of_turn(server->loop, &server->drained_task);
}

bool http_server_draining(const struct http_server *server) {
  return server->stage != DRAIN_NOT;
}

void http_server_drain(struct http_server *server, uint64_t timeout_ms,
                       void (*drained)(void *argument), void *argument) {
  server->drained = drained;
  server->drained_argument = argument;
  uv_timer_start(&server->drain_timer, on_drain_timeout, timeout_ms, 0);
  if (server->connections > 0 && server->options->drain_delay_ms > 0)
    begin_stage(server, DRAIN_LISTENING, server->options->drain_delay_ms);
  else
    begin_refusing(server);
}

void drain_init(struct http_server *server) {
  loop_task_init(&server->drained_task, tell_drained);
  uv_timer_t *const timers[] = {&server->drain_timer, &server->stage_timer};
  for (int i = 0; i < 2; i++) {
    uv_timer_init(loop_uv(server->loop), timers[i]);
    timers[i]->data = server;
  }
}

void drain_close(struct http_server *server) {
  uv_close((uv_handle_t *)&server->drain_timer, NULL);
  uv_close((uv_handle_t *)&server->stage_timer, NULL);
}
