/* serve_stop.c: signals, and the guard of the end.
 *
 * SIGTERM and SIGINT end the server in an orderly way, SIGQUIT quickly; whichever comes second ends
 * it at once. SIGUSR1 turns debug lines on and off. SIGHUP does nothing, since there is no file to
 * read again, and says so; SIGUSR2 and SIGPIPE do nothing. All of it happens on the first loop.
 *
 * The guard is a thread that sleeps until the orderly end is over, or overdue. It holds its mutex
 * while it ends the process, so that an orderly end which is late by a moment waits in
 * serve_stop_done() and does not run into it. */
#include "commands/serve_stop.h"

#include "lib/base/clock.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

enum { LAST_LINES_MS = 500 };

/* --- Signals --- */

void serve_stop_ignore_signals(void) {
  static const int NUMBERS[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE};
  for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++)
    signal(NUMBERS[i], SIG_IGN);
}

/* Asked twice. SIGQUIT's default action would leave a core. */
static void end_at_once(int number) {
  if (number != SIGQUIT) {
    signal(number, SIG_DFL);
    raise(number);
  }
  _exit(128 + number); /* process 1, as in a container, has no default actions */
}

static void on_end(uv_signal_t *handle, int number) {
  struct serve_signals *signals = handle->data;
  if (signals->stopping) end_at_once(number);
  signals->stopping = true;
  log_event(LOG_LEVEL_INFO, "stopping",
            log_text("signal", number == SIGTERM  ? "SIGTERM"
                               : number == SIGINT ? "SIGINT"
                                                  : "SIGQUIT"),
            LOG_END);
  signals->stop(number == SIGQUIT, signals->argument);
}

static void on_hang_up(uv_signal_t *handle, int number) {
  (void)handle, (void)number;
  log_event(LOG_LEVEL_WARNING, "SIGHUP is ignored: settings are read at the start alone", LOG_END);
}

/* Says so while debug lines are on, so that it is heard whatever LOG_LEVEL is. */
static void on_toggle(uv_signal_t *handle, int number) {
  (void)number;
  struct serve_signals *signals = handle->data;
  signals->debug = !signals->debug;
  if (signals->debug) log_set_level(LOG_LEVEL_DEBUG);
  log_event(LOG_LEVEL_INFO,
            signals->debug ? "SIGUSR1: debug lines are logged, until the next one"
                           : "SIGUSR1: debug lines are no longer logged",
            LOG_END);
  if (!signals->debug) log_set_level(signals->level);
}

void serve_stop_catch_signals(struct serve_signals *signals, struct loop *loop,
                              enum log_level level, void (*stop)(bool quickly, void *argument),
                              void *argument) {
  static const struct {
    int number;
    uv_signal_cb heard;
  } HEARD[SERVE_SIGNALS] = {{SIGTERM, on_end},
                            {SIGINT, on_end},
                            {SIGQUIT, on_end},
                            {SIGHUP, on_hang_up},
                            {SIGUSR1, on_toggle}};
  signals->stop = stop;
  signals->argument = argument;
  signals->debug = level == LOG_LEVEL_DEBUG;
  signals->level = signals->debug ? LOG_LEVEL_INFO : level;
  for (size_t i = 0; i < SERVE_SIGNALS; i++) {
    uv_signal_init(loop_uv(loop), &signals->handles[i]);
    signals->handles[i].data = signals;
    uv_signal_start(&signals->handles[i], HEARD[i].heard, HEARD[i].number);
  }
}

void serve_stop_close_signals(struct serve_signals *signals) {
  for (size_t i = 0; i < SERVE_SIGNALS; i++)
    uv_close((uv_handle_t *)&signals->handles[i], NULL);
}

/* --- The guard --- */

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
    log_stop(LAST_LINES_MS);
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

void serve_stop_guard(struct stop_guard *guard, uint64_t within_ms, int exit_code) {
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

void serve_stop_hurry(struct stop_guard *guard, uint64_t within_ms) {
  if (!guard->begun) return;
  uint64_t due_us = clock_monotonic_us() + within_ms * 1000;
  pthread_mutex_lock(&guard->mutex);
  if (due_us < guard->due_us) guard->due_us = due_us;
  pthread_cond_signal(&guard->changed);
  pthread_mutex_unlock(&guard->mutex);
}

void serve_stop_done(struct stop_guard *guard) {
  if (!guard->begun) return;
  pthread_mutex_lock(&guard->mutex);
  guard->over = true;
  pthread_cond_signal(&guard->changed);
  pthread_mutex_unlock(&guard->mutex);
  pthread_join(guard->thread, NULL);
  pthread_cond_destroy(&guard->changed);
  pthread_mutex_destroy(&guard->mutex);
}
