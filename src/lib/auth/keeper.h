/* keeper.h: what the gate sees of the key keeper. Inside of the room only. */
#pragma once

#include "lib/auth/auth.h"
#include "lib/auth/jwks.h"

/* Intervals in milliseconds; tests shorten them. */
struct keeper_timing {
  uint64_t fetch_timeout_ms;
  uint64_t refetch_interval_ms; /* between fetches that unknown keys ask for */
  uint64_t retry_floor_ms;      /* while there is no set at all: at least so long, … */
  uint64_t retry_base_ms;       /* … and a jittered wait that doubles from here … */
  uint64_t retry_cap_ms;        /* … up to here */
};

extern const struct keeper_timing KEEPER_TIMING;

/* key_keeper_new() with other intervals. */
struct key_keeper *key_keeper_new_timed(struct loop *loop, const struct auth_options *options,
                                        const struct keeper_timing *timing, struct error *error);

const struct auth_options *key_keeper_options(const struct key_keeper *keeper);

/* Somebody on a loop who wants to know when a fetch ended, well or not. */
struct key_watcher {
  struct loop *loop;
  void (*settled)(struct key_watcher *watcher); /* on `loop`; may be called once after leaving */
  struct list node;
  bool posted; /* a call of `settled` is on its way; the keeper's mutex guards it */
  struct key_keeper *keeper;
};

/* Starts to tell `watcher`, and keeps the keeper's memory until key_keeper_part(). */
void key_keeper_join(struct key_keeper *keeper, struct key_watcher *watcher);

/* Stops to tell; returns true when one call of `settled` is still on its way: the watcher's memory
 * must stay until then. On the watcher's loop. */
bool key_keeper_leave(struct key_watcher *watcher);

/* Lets go of the keeper's memory; after key_keeper_leave() and the last call of `settled`. */
void key_keeper_part(struct key_watcher *watcher);

/* A loop's view of the keys: a counted set (NULL: none yet) and which one it is. */
struct key_view {
  struct key_set *keys;
  uint64_t generation;
};

/* Replaces a view that is out of date; returns true when it did. */
bool key_keeper_refresh(struct key_keeper *keeper, struct key_view *view);

enum keeper_answer {
  KEEPER_REFRESHED, /* the view was out of date and is not any more: look again */
  KEEPER_WAIT,      /* a fetch is under way: `settled` will be called */
  KEEPER_NO,        /* the view is all there is for now */
};

/* A key was not found in `view`: with `fetch`, fetches the set again unless one is under way or it
 * was asked for less than the interval ago. `trace` is that of who asks, and may be NULL. From any
 * thread that has joined. */
enum keeper_answer key_keeper_ask(struct key_keeper *keeper, struct key_view *view, bool fetch,
                                  const struct trace_context *trace);
