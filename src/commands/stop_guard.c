/* stop_guard.c: a thread that sleeps until the orderly end of the process is over, or overdue.
 *
 * It holds the mutex while it ends the process, so that an orderly end which is late by a moment
 * waits in stop_guard_end() and does not run into it. */
#include "commands/stop_guard.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { LOG_FLUSH_MS = 500 };

static struct timespec moment(uint64_t monotonic_us) {
  return (struct timespec){.tv_sec = (time_t)(monotonic_us / 1000000),
                           .tv_nsec = (long)(monotonic_us % 1000000) * 1000};
}

static void *watch(void *argument) {
  struct stop_guard *guard = argument;
  pthread_mutex_lock(&guard->mutex);
  while (!guard->over && clock_monotonic_us() < guard->due_us) {
    struct timespec due = moment(guard->due_us);
    pthread_cond_timedwait(&guard->changed, &guard->mutex, &due);
  }
  if (!guard->over) {
    log_event(LOG_LEVEL_WARNING, "stopped; what waits for the network was not waited for", LOG_END);
    log_stop(LOG_FLUSH_MS);
    _exit(guard->exit_code); /* exit() would free what the other threads use */
  }
  pthread_mutex_unlock(&guard->mutex);
  return NULL;
}

static bool start_thread(struct stop_guard *guard) {
  sigset_t all, before;
  sigfillset(&all); /* signals are for the first loop */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = pthread_create(&guard->thread, NULL, watch, guard) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

void stop_guard_begin(struct stop_guard *guard, uint64_t within_ms, int exit_code) {
  if (guard->begun) return;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&guard->mutex, NULL);
  pthread_cond_init(&guard->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  guard->due_us = clock_monotonic_us() + within_ms * 1000;
  guard->exit_code = exit_code;
  guard->begun = start_thread(guard);
}

void stop_guard_hurry(struct stop_guard *guard, uint64_t within_ms) {
  if (!guard->begun) return;
  uint64_t due_us = clock_monotonic_us() + within_ms * 1000;
  pthread_mutex_lock(&guard->mutex);
  if (due_us < guard->due_us) guard->due_us = due_us;
  pthread_cond_signal(&guard->changed);
  pthread_mutex_unlock(&guard->mutex);
}

void stop_guard_end(struct stop_guard *guard) {
  if (!guard->begun) return;
  pthread_mutex_lock(&guard->mutex);
  guard->over = true;
  pthread_cond_signal(&guard->changed);
  pthread_mutex_unlock(&guard->mutex);
  pthread_join(guard->thread, NULL);
  pthread_cond_destroy(&guard->changed);
  pthread_mutex_destroy(&guard->mutex);
}
