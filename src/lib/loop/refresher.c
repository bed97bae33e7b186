/* refresher.c: one value that one loop fetches and every loop uses.
 *
 * The refresher's loop runs the rounds; other threads take the value and ask for rounds. The mutex
 * guards what threads share; it is never held across I/O, nor while anything of the owner or of a
 * watcher is called but is_same(), is_usable() and ref(). A round goes through the states below.
 * The memory is counted: the creator, the timer, each watcher, a posted ask and a try that is under
 * way hold a reference; the last one of them releases the owner. */
#include "lib/loop/refresher.h"

#include "lib/base/clock.h"
#include "lib/base/random.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum refresher_state {
  REFRESHER_RESTING,  /* no round is under way */
  REFRESHER_ASKED,    /* a round was asked for and is on its way to the refresher's loop */
  REFRESHER_PAUSING,  /* the timer begins the next try, or the first one of all */
  REFRESHER_FETCHING, /* a try is under way */
};

struct refresher {
  /* Set once. */
  struct loop *loop;
  const struct refresher_kind *kind;
  struct refresher_timing timing;
  void *owner;

  /* Of the refresher's loop. */
  uv_timer_t timer;  /* for the next try or the next round */
  unsigned tries;    /* of this round that have failed */
  unsigned failures; /* rounds that failed in a row */
  bool falls_due;    /* the value is not good for ever */

  atomic_uint references;

  /* Of every thread. */
  pthread_mutex_t mutex; /* guards what follows, and refresher_watcher.posted */
  enum refresher_state state;
  bool closing;
  void *value;          /* NULL: none yet; written by the refresher's loop alone */
  bool is_refused;      /* the value is no good: whoever needs one waits for another */
  unsigned refusals;    /* in a row that began a round */
  uint64_t refused_us;  /* the last of them; 0: never */
  struct error failure; /* of the last round; ERROR_NONE after a good one, and before the first */
  uint64_t succeeded_us, settled_us, asked_us; /* the last time; 0: never */
  struct list watchers;
  bool has_asker; /* of the round under way, since it was asked for */
  struct trace_context asker;
  char asker_state[TRACESTATE_LIMIT];
};

static void *ref(struct refresher *refresher) {
  atomic_fetch_add_explicit(&refresher->references, 1, memory_order_relaxed);
  return refresher;
}

static void unref(struct refresher *refresher) {
  unsigned before = atomic_fetch_sub_explicit(&refresher->references, 1, memory_order_acq_rel);
  assert(before > 0);
  if (before > 1) return;
  assert(refresher->closing && list_empty(&refresher->watchers));
  if (refresher->value) refresher->kind->unref(refresher->value);
  pthread_mutex_destroy(&refresher->mutex);
  refresher->kind->release(refresher->owner);
  free(refresher);
}

/* Under the mutex. */
static void enter(struct refresher *refresher, enum refresher_state state) {
  static const unsigned BEFORE[] = {
      [REFRESHER_RESTING] = 1U << REFRESHER_FETCHING | 1U << REFRESHER_PAUSING,
      [REFRESHER_ASKED] = 1U << REFRESHER_RESTING,
      [REFRESHER_PAUSING] = 1U << REFRESHER_FETCHING,
      [REFRESHER_FETCHING] =
          1U << REFRESHER_RESTING | 1U << REFRESHER_ASKED | 1U << REFRESHER_PAUSING,
  };
  assert(BEFORE[state] & 1U << refresher->state);
  refresher->state = state;
}

/* --- The end of a round --- */

static void finish_leaving(struct refresher_watcher *watcher) {
  struct refresher *refresher = watcher->refresher;
  if (watcher->value) refresher->kind->unref(watcher->value);
  watcher->value = NULL;
  watcher->left(watcher); /* the end of the watcher */
  unref(refresher);
}

static void tell_watcher(struct loop *loop, void *argument) {
  struct refresher_watcher *watcher = argument;
  assert(loop == watcher->loop);
  pthread_mutex_lock(&watcher->refresher->mutex);
  watcher->posted = false;
  pthread_mutex_unlock(&watcher->refresher->mutex);
  if (watcher->left)
    finish_leaving(watcher);
  else
    watcher->settled(watcher);
}

/* Under the mutex. A watcher whose loop takes nothing more needs no news. */
static void post_to_watchers(struct refresher *refresher) {
  for (struct list *node = refresher->watchers.next; node != &refresher->watchers;
       node = node->next) {
    struct refresher_watcher *watcher = LIST_ENTRY(node, struct refresher_watcher, node);
    if (!watcher->posted) watcher->posted = loop_post(watcher->loop, tell_watcher, watcher);
  }
}

/* Ends a round: the reference `fetched` (NULL: it failed with `error`) becomes the value, unless it
 * says the same. */
static void settle(struct refresher *refresher, void *fetched, const struct error *error) {
  const struct refresher_kind *kind = refresher->kind;
  void *unused = fetched;
  pthread_mutex_lock(&refresher->mutex);
  bool changed =
      fetched && !(refresher->value && kind->is_same && kind->is_same(refresher->value, fetched));
  if (changed) {
    unused = refresher->value;
    refresher->value = fetched;
  }
  refresher->failure.kind = ERROR_NONE;
  if (error) refresher->failure = *error;
  refresher->settled_us = clock_monotonic_us();
  if (fetched) refresher->succeeded_us = refresher->settled_us;
  refresher->is_refused = false;
  refresher->has_asker = false;
  enter(refresher, REFRESHER_RESTING);
  post_to_watchers(refresher);
  pthread_mutex_unlock(&refresher->mutex);
  if (unused) kind->unref(unused);
  if (kind->ended && !refresher->closing)
    kind->ended(refresher->owner, refresher->value, changed, refresher->failures, error);
  refresher->failures = fetched ? 0 : refresher->failures + 1;
}

static void settle_closed(struct refresher *refresher) {
  struct error error;
  error_set(&error, ERROR_UNAVAILABLE, "the program ends");
  settle(refresher, NULL, &error);
}

static uint64_t backoff_ms(const struct refresher *refresher, unsigned attempt) {
  return random_backoff_ms(attempt, refresher->timing.retry_base_ms,
                           refresher->timing.retry_cap_ms);
}

/* --- Rounds and tries --- */

static void begin_try(struct refresher *refresher) {
  assert(refresher->state == REFRESHER_FETCHING);
  if (refresher->closing) {
    settle_closed(refresher);
    return;
  }
  ref(refresher);
  refresher->kind->fetch(refresher->owner, refresher->has_asker ? &refresher->asker : NULL);
}

/* The timer was set for a round that somebody else may have asked for meanwhile. */
static void on_timer(uv_timer_t *timer) {
  struct refresher *refresher = timer->data;
  pthread_mutex_lock(&refresher->mutex);
  bool begins_round = refresher->state == REFRESHER_RESTING;
  bool begins = begins_round || refresher->state == REFRESHER_PAUSING;
  if (begins) enter(refresher, REFRESHER_FETCHING);
  pthread_mutex_unlock(&refresher->mutex);
  if (begins_round) refresher->tries = 0;
  if (begins) begin_try(refresher);
}

static void on_asked(struct loop *loop, void *argument) {
  struct refresher *refresher = argument;
  assert(loop == refresher->loop);
  if (!refresher->closing) uv_timer_stop(&refresher->timer);
  refresher->tries = 0;
  pthread_mutex_lock(&refresher->mutex);
  enter(refresher, REFRESHER_FETCHING);
  pthread_mutex_unlock(&refresher->mutex);
  begin_try(refresher);
  unref(refresher);
}

void refresher_succeed(struct refresher *refresher, void *value, uint64_t due_ms) {
  assert(refresher->state == REFRESHER_FETCHING && value);
  refresher->falls_due = due_ms > 0;
  settle(refresher, value, NULL);
  if (due_ms > 0 && !refresher->closing) uv_timer_start(&refresher->timer, on_timer, due_ms, 0);
  unref(refresher);
}

/* While there is a value that falls due, or where there must be one, the next round begins by
 * itself; otherwise with the next one who asks. */
static void fail_round(struct refresher *refresher, const struct error *error) {
  uint64_t wait_ms = refresher->timing.rest_ms + backoff_ms(refresher, refresher->failures);
  if (refresher->value && wait_ms < refresher->timing.stale_rest_ms)
    wait_ms = refresher->timing.stale_rest_ms;
  bool again = refresher->value ? refresher->falls_due : refresher->timing.insists;
  settle(refresher, NULL, error);
  if (again && !refresher->closing) uv_timer_start(&refresher->timer, on_timer, wait_ms, 0);
}

void refresher_fail(struct refresher *refresher, const struct error *error) {
  assert(refresher->state == REFRESHER_FETCHING && error->kind != ERROR_NONE);
  refresher->tries++;
  bool again = error->kind == ERROR_UNAVAILABLE && refresher->tries < refresher->timing.tries &&
               !refresher->closing;
  if (again) {
    pthread_mutex_lock(&refresher->mutex);
    enter(refresher, REFRESHER_PAUSING);
    pthread_mutex_unlock(&refresher->mutex);
    uv_timer_start(&refresher->timer, on_timer, backoff_ms(refresher, refresher->tries), 0);
  } else {
    fail_round(refresher, error);
  }
  unref(refresher);
}

/* --- Life --- */

struct refresher *refresher_new(struct loop *loop, const struct refresher_kind *kind,
                                const struct refresher_timing *timing, void *owner) {
  assert(timing->tries > 0);
  struct refresher *refresher = calloc(1, sizeof(*refresher));
  if (!refresher) return NULL;
  refresher->loop = loop;
  refresher->kind = kind;
  refresher->timing = *timing;
  refresher->owner = owner;
  refresher->state = REFRESHER_PAUSING;
  atomic_init(&refresher->references, 2); /* the caller's and the timer's */
  pthread_mutex_init(&refresher->mutex, NULL);
  list_init(&refresher->watchers);
  uv_timer_init(loop_uv(loop), &refresher->timer);
  refresher->timer.data = refresher;
  uv_timer_start(&refresher->timer, on_timer, 0, 0);
  return refresher;
}

static void on_timer_closed(uv_handle_t *handle) {
  unref(handle->data);
}

void refresher_close(struct refresher *refresher) {
  if (!refresher) return;
  pthread_mutex_lock(&refresher->mutex);
  assert(!refresher->closing);
  refresher->closing = true;
  bool pausing = refresher->state == REFRESHER_PAUSING;
  pthread_mutex_unlock(&refresher->mutex);
  uv_close((uv_handle_t *)&refresher->timer, on_timer_closed);
  if (pausing) settle_closed(refresher);
  unref(refresher);
}

/* --- From any thread --- */

bool refresher_has_value(struct refresher *refresher) {
  pthread_mutex_lock(&refresher->mutex);
  bool has_value = refresher->value != NULL;
  pthread_mutex_unlock(&refresher->mutex);
  return has_value;
}

uint64_t refresher_age_s(struct refresher *refresher) {
  pthread_mutex_lock(&refresher->mutex);
  uint64_t succeeded_us = refresher->succeeded_us;
  pthread_mutex_unlock(&refresher->mutex);
  return succeeded_us ? (clock_monotonic_us() - succeeded_us) / 1000000 : 0;
}

/* Under the mutex. */
static bool may_begin(const struct refresher *refresher) {
  const struct refresher_timing *timing = &refresher->timing;
  uint64_t now_us = clock_monotonic_us();
  if (refresher->closing || (timing->insists && !refresher->value)) return false;
  bool rests = refresher->failure.kind != ERROR_NONE &&
               now_us - refresher->settled_us < timing->rest_ms * 1000;
  bool asked_before =
      refresher->asked_us && now_us - refresher->asked_us < timing->ask_interval_ms * 1000;
  return !rests && !asked_before;
}

/* Under the mutex: what is said of the trace lives as long as the round. */
static void note_asker(struct refresher *refresher, const struct trace_context *trace) {
  refresher->has_asker = trace != NULL;
  if (!trace) return;
  assert(trace->state.length <= sizeof(refresher->asker_state));
  refresher->asker = *trace;
  refresher->asker.state.data = refresher->asker_state;
  if (trace->state.length > 0)
    memcpy(refresher->asker_state, trace->state.data, trace->state.length);
}

/* Under the mutex. */
static bool ask(struct refresher *refresher, const struct trace_context *trace) {
  if (refresher->state != REFRESHER_RESTING) return true;
  if (!may_begin(refresher) || !loop_post(refresher->loop, on_asked, refresher)) return false;
  ref(refresher);
  enter(refresher, REFRESHER_ASKED);
  note_asker(refresher, trace);
  refresher->asked_us = clock_monotonic_us();
  return true;
}

bool refresher_ask(struct refresher *refresher, const struct trace_context *trace) {
  pthread_mutex_lock(&refresher->mutex);
  bool under_way = ask(refresher, trace);
  pthread_mutex_unlock(&refresher->mutex);
  return under_way;
}

bool refresher_is_busy(struct refresher *refresher) {
  pthread_mutex_lock(&refresher->mutex);
  bool busy = refresher->state != REFRESHER_RESTING;
  pthread_mutex_unlock(&refresher->mutex);
  return busy;
}

/* Under the mutex. */
static bool is_usable(const struct refresher *refresher) {
  const struct refresher_kind *kind = refresher->kind;
  return refresher->value && !refresher->is_refused &&
         (!kind->is_usable || kind->is_usable(refresher->value));
}

enum refresher_taken refresher_take(struct refresher *refresher, const struct trace_context *trace,
                                    void **ret_value, struct error *reterr) {
  enum refresher_taken taken = REFRESHER_NONE;
  pthread_mutex_lock(&refresher->mutex);
  if (is_usable(refresher)) {
    *ret_value = refresher->kind->ref(refresher->value);
    taken = REFRESHER_TAKEN;
  } else if (ask(refresher, trace)) {
    taken = REFRESHER_WAIT;
  } else {
    *reterr = refresher->failure;
  }
  pthread_mutex_unlock(&refresher->mutex);
  return taken;
}

/* Under the mutex. A value that is refused again and again is fetched ever more rarely: whoever
 * hands it out does not know better. */
static bool may_refuse(struct refresher *refresher, uint64_t now_us) {
  const struct refresher_timing *timing = &refresher->timing;
  uint64_t since_ms = (now_us - refresher->refused_us) / 1000;
  if (since_ms > 2 * timing->retry_cap_ms) refresher->refusals = 0;
  if (refresher->refusals == 0) return true;
  unsigned doublings = refresher->refusals < 16 ? refresher->refusals - 1 : 15;
  uint64_t wait_ms = timing->ask_interval_ms << doublings;
  return since_ms >= (wait_ms < timing->retry_cap_ms ? wait_ms : timing->retry_cap_ms);
}

bool refresher_refuse(struct refresher *refresher, const void *value) {
  pthread_mutex_lock(&refresher->mutex);
  uint64_t now_us = clock_monotonic_us();
  bool replaced = refresher->value != value;
  bool asked =
      !replaced && (refresher->is_refused || may_refuse(refresher, now_us)) && ask(refresher, NULL);
  if (asked && !refresher->is_refused) {
    refresher->is_refused = true;
    refresher->refusals++;
    refresher->refused_us = now_us;
  }
  pthread_mutex_unlock(&refresher->mutex);
  return replaced || asked;
}

/* --- Watchers --- */

void refresher_watch(struct refresher *refresher, struct refresher_watcher *watcher) {
  watcher->refresher = ref(refresher);
  watcher->value = NULL;
  watcher->posted = false;
  watcher->left = NULL;
  pthread_mutex_lock(&refresher->mutex);
  list_append(&refresher->watchers, &watcher->node);
  pthread_mutex_unlock(&refresher->mutex);
}

/* The watcher's reference keeps its value where it is, so equal addresses are the same value. */
bool refresher_update(struct refresher_watcher *watcher) {
  struct refresher *refresher = watcher->refresher;
  void *old = watcher->value;
  pthread_mutex_lock(&refresher->mutex);
  bool changed = refresher->value != old;
  if (changed) watcher->value = refresher->kind->ref(refresher->value);
  pthread_mutex_unlock(&refresher->mutex);
  if (changed && old) refresher->kind->unref(old);
  return changed;
}

void refresher_leave(struct refresher_watcher *watcher,
                     void (*left)(struct refresher_watcher *watcher)) {
  assert(!watcher->left && left);
  watcher->left = left;
  pthread_mutex_lock(&watcher->refresher->mutex);
  list_remove(&watcher->node);
  bool posted = watcher->posted;
  pthread_mutex_unlock(&watcher->refresher->mutex);
  if (!posted) finish_leaving(watcher);
}
