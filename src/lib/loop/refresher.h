/* refresher.h: one value for all loops of a process, such as keys or credentials: one loop fetches
 * it, and every loop uses the same immutable, counted value.
 *
 * A round fetches the value; it is one try, or several while the other end is unavailable. A round
 * begins at the start, when the value is due, when somebody asks for it (at most once in a while),
 * and after a round that failed, where the value must not be missing. Whoever watches is told on
 * their own loop that a round has ended, well or not. */
#pragma once

#include "lib/base/trace.h"
#include "lib/loop/loop.h"

/* What a refresher fetches, and for whom. The functions get the `owner` of refresher_new(), on the
 * refresher's loop unless something else is said. */
struct refresher_kind {
  /* Begins one try. It ends with one call of refresher_succeed() or refresher_fail(), on the
   * refresher's loop, which may come from inside of this call. `asker` is the trace of the request
   * that asked for the round; NULL where there is none. */
  void (*fetch)(void *owner, const struct trace_context *asker);

  /* Take and drop a reference to a value; from any thread. */
  void *(*ref)(void *value);
  void (*unref)(void *value);

  /* True when what was fetched says the same as the current value, which stays then. NULL: never.
   */
  bool (*is_same)(const void *current, const void *fetched);

  /* True while a value is good for use; from any thread, under a mutex. NULL: always. */
  bool (*is_usable)(const void *value);

  /* Hears that a round has ended, for the log, unless the refresher was closed meanwhile; may be
   * NULL. `value` is the current one or NULL, `error` is NULL after a good round, `failures` counts
   * the rounds that failed in a row before this one. */
  void (*ended)(void *owner, const void *value, bool changed, unsigned failures,
                const struct error *error);

  /* Frees the owner: nobody uses the refresher any more. From any thread, on a later turn of the
   * loop than refresher_close() at the earliest. */
  void (*release)(void *owner);
};

struct refresher_timing {
  unsigned tries;         /* of a round, while the other end is unavailable; at least 1 */
  uint64_t retry_base_ms; /* between tries, and after rounds that failed: a jittered wait that … */
  uint64_t retry_cap_ms;  /* … doubles from the first to the second */
  uint64_t rest_ms;       /* after a round that failed, at least so long, … */
  uint64_t stale_rest_ms;   /* … and so long where a value that fell due is used meanwhile */
  uint64_t ask_interval_ms; /* between the beginnings of rounds that were asked for */
  bool insists; /* while there is no value, rounds follow each other and nobody need ask */
};

struct refresher;

/* Makes a refresher on `loop`; the first round begins when the loop runs. `kind` stays the
 * caller's and outlives it. NULL when memory is out: `owner` is still the caller's then. */
struct refresher *refresher_new(struct loop *loop, const struct refresher_kind *kind,
                                const struct refresher_timing *timing, void *owner);

/* Ends a try well. Takes over the caller's reference to `value`; the next round begins after
 * `due_ms` (0: only when it is asked for). */
void refresher_succeed(struct refresher *refresher, void *value, uint64_t due_ms);

/* Ends a try that failed. Only ERROR_UNAVAILABLE is worth another try in the same round. */
void refresher_fail(struct refresher *refresher, const struct error *error);

/* On the refresher's loop: no round begins any more, and a try that is under way is the last one:
 * the caller makes it end. The current value stays in use. Takes NULL. */
void refresher_close(struct refresher *refresher);

/* --- From any thread --- */

/* True once there is a value. */
bool refresher_has_value(struct refresher *refresher);

/* Seconds since the last good round ended; 0 when there was none. */
uint64_t refresher_age_s(struct refresher *refresher);

/* Begins a round unless one is under way, or may not begin yet. True when one is under way: the
 * watchers will be told. `trace` is that of who asks, and may be NULL. The caller watches. */
bool refresher_ask(struct refresher *refresher, const struct trace_context *trace);

/* True while a round is under way: the watchers will be told. */
bool refresher_is_busy(struct refresher *refresher);

enum refresher_taken {
  REFRESHER_TAKEN, /* a usable value, the caller's reference */
  REFRESHER_WAIT,  /* a round is under way: the watchers will be told */
  REFRESHER_NONE,  /* there is none */
};

/* Takes the value if it is usable and was not refused, and asks for a round otherwise. `reterr` is
 * set for REFRESHER_NONE: why the last round failed, or of the kind ERROR_NONE when it did not.
 * The caller watches. */
enum refresher_taken refresher_take(struct refresher *refresher, const struct trace_context *trace,
                                    void **ret_value, struct error *reterr);

/* Somebody at the other end said that `value` is no good any more: unless another took its place, a
 * round is asked for, and nobody takes the value until it has ended; when values are refused one
 * after the other, each time after a longer pause (from ask_interval_ms to retry_cap_ms). True when
 * taking again may give another value. The caller watches. */
bool refresher_refuse(struct refresher *refresher, const void *value);

/* --- Watchers --- */

/* Somebody on a loop who wants to know when a round ended, well or not. */
struct refresher_watcher {
  struct loop *loop;                                  /* set by the caller, … */
  void (*settled)(struct refresher_watcher *watcher); /* … as this; called on `loop` */
  struct refresher *refresher;
  void *value; /* as of the last refresher_update(), a reference; NULL: none yet */
  struct list node;
  bool posted; /* a call of `settled` is on its way; the refresher's mutex guards it */
  void (*left)(struct refresher_watcher *watcher);
};

/* Starts to tell `watcher`, which keeps the refresher's memory and its owner's. */
void refresher_watch(struct refresher *refresher, struct refresher_watcher *watcher);

/* Puts the current value into watcher->value. True when it is another one than before. On the
 * watcher's loop. */
bool refresher_update(struct refresher_watcher *watcher);

/* Stops to tell, on the watcher's loop: `settled` is not called any more. `left` is called once,
 * when the refresher needs the watcher's memory no more: before this returns, or later on the same
 * loop. The watcher must not use the refresher from now on. */
void refresher_leave(struct refresher_watcher *watcher,
                     void (*left)(struct refresher_watcher *watcher));
