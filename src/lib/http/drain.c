/* drain.c: the end of a server, in stages.
 *
 * While a server drains, every answer tells its connection to close. In turn:
 *   listening  new connections are taken still, for the time of drain_delay_ms: readiness answers
 *              503, so that a balancer that asks goes elsewhere
 *   refusing   the kernel takes no new connection, those that it has taken come in
 *   last call  nobody listens; kept connections may bring one more request, since a balancer may
 *              send it at the very moment at which we would hang up
 *   waiting    for the requests in work
 * A server without connections goes over what it need not wait for. */
#include "lib/http/drain.h"

#include "lib/base/log.h"

#include <assert.h>
#include <linux/filter.h>
#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  REFUSING_MS = 50,   /* longer than handshakes under way take within a data centre */
  LAST_CALL_MS = 500, /* longer than a request is on its way to us */
  QUEUE_TRIES = 1000,
};

static void tell_drained(struct loop_task *task) {
  struct drain *drain = LIST_ENTRY(task, struct drain, drained_task);
  void (*drained)(void *) = drain->drained;
  drain->drained = NULL;
  uv_timer_stop(&drain->timeout_timer);
  uv_timer_stop(&drain->stage_timer);
  if (drained) drained(drain->drained_argument);
}

/* Told at the end of the turn: whoever hears it stops the daemon, which may be running just now. */
void drain_check(struct drain *drain) {
  bool silent =
      drain->stage == DRAIN_WAITING || (drain->stage == DRAIN_LAST_CALL && drain->connections == 0);
  if (silent && drain->drained && drain->requests == 0)
    loop_at_end_of_turn(drain->site->loop, &drain->drained_task);
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
static void stop_listening(struct drain *drain) {
  int queue_fd = MHD_get_daemon_info(drain->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd;
  for (unsigned tries = 0; tries < QUEUE_TRIES && has_waiting(queue_fd); tries++)
    MHD_run(drain->daemon);
  MHD_socket listen_fd = MHD_quiesce_daemon(drain->daemon);
  if (listen_fd != MHD_INVALID_SOCKET) close(listen_fd);
  loop_at_end_of_turn(drain->site->loop, drain->run_task);
}

static void enter(struct drain *drain, enum drain_stage stage) {
  assert(stage > drain->stage && drain->site->draining);
  drain->stage = stage;
}

static void on_stage_over(uv_timer_t *timer);

static void begin_stage(struct drain *drain, enum drain_stage stage, uint64_t length_ms) {
  enter(drain, stage);
  uv_timer_start(&drain->stage_timer, on_stage_over, length_ms, 0);
}

static void begin_refusing(struct drain *drain) {
  refuse_connections(MHD_get_daemon_info(drain->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd);
  begin_stage(drain, DRAIN_REFUSING, REFUSING_MS);
}

static void on_stage_over(uv_timer_t *timer) {
  struct drain *drain = timer->data;
  uint64_t delay_ms = drain->site->options->drain_delay_ms;
  if (drain->stage == DRAIN_LISTENING) {
    begin_refusing(drain);
  } else if (drain->stage == DRAIN_REFUSING) {
    stop_listening(drain);
    begin_stage(drain, DRAIN_LAST_CALL, delay_ms < LAST_CALL_MS ? delay_ms : LAST_CALL_MS);
  } else {
    enter(drain, DRAIN_WAITING);
  }
  drain_check(drain);
}

static void on_timeout(uv_timer_t *timer) {
  struct drain *drain = timer->data;
  if (drain->requests > 0)
    log_event(LOG_LEVEL_WARNING, "requests still in work when the time to drain was over",
              log_int("requests", drain->requests), LOG_END);
  loop_at_end_of_turn(drain->site->loop, &drain->drained_task);
}

void drain_begin(struct drain *drain, uint64_t timeout_ms, void (*drained)(void *argument),
                 void *argument) {
  assert(!drain->site->draining && drained);
  drain->site->draining = true;
  drain->drained = drained;
  drain->drained_argument = argument;
  uint64_t delay_ms = drain->site->options->drain_delay_ms;
  uv_timer_start(&drain->timeout_timer, on_timeout, timeout_ms, 0);
  if (drain->connections > 0 && delay_ms > 0)
    begin_stage(drain, DRAIN_LISTENING, delay_ms);
  else
    begin_refusing(drain);
}

void drain_init(struct drain *drain, struct http_site *site, struct MHD_Daemon *daemon,
                struct loop_task *run_task) {
  *drain = (struct drain){.site = site, .daemon = daemon, .run_task = run_task};
  loop_task_init(&drain->drained_task, tell_drained);
  uv_timer_t *const timers[] = {&drain->timeout_timer, &drain->stage_timer};
  for (int i = 0; i < 2; i++) {
    uv_timer_init(loop_uv(site->loop), timers[i]);
    timers[i]->data = drain;
  }
}

void drain_close(struct drain *drain) {
  uv_close((uv_handle_t *)&drain->timeout_timer, NULL);
  uv_close((uv_handle_t *)&drain->stage_timer, NULL);
}
