/* serve_stop.h: how `cruddur serve` is told to stop, and what sees to it that it does: signals, and
 * a guard that ends the process when its orderly end takes too long. A thread of libpq's that waits
 * for the network can neither be interrupted nor waited for. */
#pragma once

#include "lib/base/log.h"
#include "lib/loop/loop.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { SERVE_SIGNALS = 5 };

struct serve_signals {
  uv_signal_t handles[SERVE_SIGNALS];
  /* Called on the loop at the first signal that ends the server; `quickly`: without waiting for the
   * requests in work. */
  void (*stop)(bool quickly, void *argument);
  void *argument;
  enum log_level level; /* lowest level logged while debug lines are not */
  bool debug, stopping;
};

/* Before there are threads: ignores what must not end the process, from the start on. */
void serve_stop_ignore_signals(void);

/* Begins to hear signals, on `loop`. `level` is the lowest one that is logged now. */
void serve_stop_catch_signals(struct serve_signals *signals, struct loop *loop,
                              enum log_level level, void (*stop)(bool quickly, void *argument),
                              void *argument);

/* On the loop: hears no more. */
void serve_stop_close_signals(struct serve_signals *signals);

/* Zeroed: not begun. */
struct stop_guard {
  pthread_t thread;
  pthread_mutex_t mutex; /* guards what follows */
  pthread_cond_t changed;
  uint64_t due_us; /* on the monotonic clock */
  int exit_code;
  bool begun, over;
};

/* From now on the process ends with `exit_code` after `within_ms`, whatever it is doing. Without
 * memory for a thread there is no guard. Call once. */
void serve_stop_guard(struct stop_guard *guard, uint64_t within_ms, int exit_code);

/* Only what nobody needs is left: the process ends after `within_ms` at the latest. */
void serve_stop_hurry(struct stop_guard *guard, uint64_t within_ms);

/* Everything ended in time. Takes one that was not begun. */
void serve_stop_done(struct stop_guard *guard);
