/* serve_signals.h: what signals do to `cruddur serve`. */
#pragma once

#include "lib/base/log.h"
#include "lib/loop/loop.h"

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
void serve_signals_ignore(void);

/* Begins to hear signals, on `loop`. `level` is the lowest one that is logged now. */
void serve_signals_catch(struct serve_signals *signals, struct loop *loop, enum log_level level,
                         void (*stop)(bool quickly, void *argument), void *argument);

/* On the loop: hears no more. */
void serve_signals_close(struct serve_signals *signals);
