/* serve_signals.c: what signals do to `cruddur serve`.
 *
 * SIGTERM and SIGINT end it in an orderly way, SIGQUIT quickly; whichever comes second ends it at
 * once. SIGUSR1 turns debug lines on and off. SIGHUP does nothing, since there is no file to read
 * again, and says so; SIGUSR2 and SIGPIPE do nothing. Everything happens on the first loop. */
#include "commands/serve_signals.h"

#include <signal.h>
#include <unistd.h>

void serve_signals_ignore(void) {
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

void serve_signals_catch(struct serve_signals *signals, struct loop *loop, enum log_level level,
                         void (*stop)(bool quickly, void *argument), void *argument) {
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

void serve_signals_close(struct serve_signals *signals) {
  for (size_t i = 0; i < SERVE_SIGNALS; i++)
    uv_close((uv_handle_t *)&signals->handles[i], NULL);
}
