/* stop_guard.h: ends the process when its orderly end takes too long: a thread of libpq's that
 * waits for the network can neither be interrupted nor waited for. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

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
void stop_guard_begin(struct stop_guard *guard, uint64_t within_ms, int exit_code);

/* Only what nobody needs is left: the process ends after `within_ms` at the latest. */
void stop_guard_hurry(struct stop_guard *guard, uint64_t within_ms);

/* Everything ended in time. Takes one that was not begun. */
void stop_guard_end(struct stop_guard *guard);
