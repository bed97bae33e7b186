/* drain.h: the end of a server, without losing a request of a balancer that was not told. Inside of
 * the room only. */
#pragma once

#include "lib/http/site.h"

struct MHD_Daemon;

/* How far the end has come: see drain.c. */
enum drain_stage {
  DRAIN_NOT,
  DRAIN_LISTENING,
  DRAIN_REFUSING,
  DRAIN_LAST_CALL,
  DRAIN_WAITING,
};

struct drain {
  struct http_site *site;
  struct MHD_Daemon *daemon;
  struct loop_task *run_task; /* runs the daemon */
  unsigned connections;       /* open; counted by the server */
  unsigned requests;          /* begun and not yet ended; counted by the server */
  enum drain_stage stage;
  struct loop_task drained_task;
  uv_timer_t timeout_timer, stage_timer;
  void (*drained)(void *argument);
  void *drained_argument;
};

void drain_init(struct drain *drain, struct http_site *site, struct MHD_Daemon *daemon,
                struct loop_task *run_task);
void drain_close(struct drain *drain);

/* See http_server_drain(). */
void drain_begin(struct drain *drain, uint64_t timeout_ms, void (*drained)(void *argument),
                 void *argument);

/* Looks whether the last request is over; to be called when a request or a connection ended. */
void drain_check(struct drain *drain);
