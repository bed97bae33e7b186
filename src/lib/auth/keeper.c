/* keeper.c: see keeper.h and auth.h. One process-wide set of keys; the mutex guards pointers and
 * flags and is never held across I/O. */
#include "lib/auth/keeper.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct keeper_timing KEEPER_TIMING = {
    .fetch_timeout_ms = 2000,
    .refetch_interval_ms = 60000,
    .retry_floor_ms = 100,
    .retry_base_ms = 500,
    .retry_cap_ms = 15000,
};

struct key_keeper {
  /* Set once. */
  struct loop *loop;
  const struct auth_options *options;
  struct keeper_timing timing;

  /* Of the keeper's loop. */
  struct fetcher *fetcher;
  uv_timer_t retry_timer;
  unsigned failures; /* in a row */
  struct span_sink *sink;
  struct span root, call; /* of the fetch under way, where they are recorded */
  bool root_traced, call_traced;

  /* Of every thread. */
  atomic_uint references; /* the owner, the timer, each watcher, each posted fetch */
  atomic_bool ready;
  atomic_uint_fast64_t fetched_us; /* when keys came last; 0: never */
  pthread_mutex_t mutex;           /* guards what follows, and key_watcher.posted */
  struct key_set *keys;
  uint64_t generation; /* counts the sets */
  bool fetching;
  bool closing;
  bool refetched;
  uint64_t refetched_us;
  struct list watchers;
  bool asked_in_trace; /* the request that asked for the fetch is of the trace `asker` */
  struct trace_context asker;
  char asker_state[TRACESTATE_LIMIT];
};

static void keeper_unref(struct key_keeper *keeper) {
  if (atomic_fetch_sub_explicit(&keeper->references, 1, memory_order_acq_rel) > 1) return;
  key_set_unref(keeper->keys);
  pthread_mutex_destroy(&keeper->mutex);
  free(keeper);
}

static void keeper_ref(struct key_keeper *keeper) {
  atomic_fetch_add_explicit(&keeper->references, 1, memory_order_relaxed);
}

static void tell_watcher(struct loop *loop, void *argument) {
  (void)loop;
  struct key_watcher *watcher = argument;
  struct key_keeper *keeper = watcher->keeper;
  pthread_mutex_lock(&keeper->mutex);
  watcher->posted = false;
  pthread_mutex_unlock(&keeper->mutex);
  watcher->settled(watcher); /* may be the end of the watcher, and with it of the keeper */
}

/* A watcher whose loop takes no more needs no news; under the mutex. */
static void post_to_watchers(struct key_keeper *keeper) {
  for (struct list *node = keeper->watchers.next; node != &keeper->watchers; node = node->next) {
    struct key_watcher *watcher = LIST_ENTRY(node, struct key_watcher, node);
    if (!watcher->posted) watcher->posted = loop_post(watcher->loop, tell_watcher, watcher);
  }
}

/* Ends a fetch; a set that differs from the current one (owned by the call) takes its place.
 * Returns true when it did. */
static bool settle(struct key_keeper *keeper, struct key_set *fetched) {
  pthread_mutex_lock(&keeper->mutex);
  bool changed = fetched && (!keeper->keys || !key_set_equal(keeper->keys, fetched));
  struct key_set *unused = fetched;
  if (changed) {
    unused = keeper->keys;
    keeper->keys = fetched;
    keeper->generation++;
    atomic_store_explicit(&keeper->ready, true, memory_order_release);
  }
  keeper->fetching = false;
  post_to_watchers(keeper);
  pthread_mutex_unlock(&keeper->mutex);
  key_set_unref(unused);
  return changed;
}

static void on_retry(uv_timer_t *timer);

/* Keys that are known go on working; only while there are none the keeper tries again by itself. */
static void fetch_failed(struct key_keeper *keeper, const struct error *error) {
  settle(keeper, NULL);
  if (keeper->closing) return;
  if (keeper->failures == 0)
    log_event(LOG_LEVEL_WARNING, "the user pool's keys cannot be fetched",
              log_text("reason", error->message), LOG_END);
  if (!key_keeper_ready(keeper)) {
    uint64_t wait_ms = keeper->timing.retry_floor_ms +
                       random_backoff_ms(keeper->failures, keeper->timing.retry_base_ms,
                                         keeper->timing.retry_cap_ms);
    uv_timer_start(&keeper->retry_timer, on_retry, wait_ms, 0);
  }
  keeper->failures++;
}

static void fetch_succeeded(struct key_keeper *keeper, struct key_set *keys) {
  atomic_store_explicit(&keeper->fetched_us, clock_monotonic_us(), memory_order_relaxed);
  int64_t count = (int64_t)key_set_count(keys);
  bool changed = settle(keeper, keys);
  if (changed || keeper->failures > 0)
    log_event(LOG_LEVEL_INFO, "the user pool's keys are loaded", log_int("keys", count), LOG_END);
  keeper->failures = 0;
}

/* --- The spans of a fetch --- */

void key_keeper_trace(struct key_keeper *keeper, struct span_sink *sink) {
  keeper->sink = sink;
}

/* Under the mutex. */
static void remember_asker(struct key_keeper *keeper, const struct trace_context *trace) {
  keeper->asked_in_trace = trace != NULL;
  if (!trace) return;
  keeper->asker = *trace;
  keeper->asker.state.data = keeper->asker_state;
  if (trace->state.length > 0) memcpy(keeper->asker_state, trace->state.data, trace->state.length);
}

/* A fetch that nobody asked for has a trace of its own, with the loading as its root. */
static bool begin_trace(struct key_keeper *keeper, struct trace_context *ret_trace) {
  if (!keeper->sink) return false;
  struct span *root = &keeper->root;
  *root = (struct span){.kind = SPAN_INTERNAL, .name = "load the user pool's keys"};
  root->start_unix_us = clock_unix_us();
  trace_begin(&root->context, root->start_unix_us);
  trace_new_span_id(root->context.span_id);
  root->context.sampled = keeper->sink->sample(keeper->sink);
  keeper->root_traced = root->context.sampled;
  *ret_trace = root->context;
  return true;
}

/* "pool.example:443" of "https://user@pool.example:443/path?query" */
static struct str host_of(const char *url) {
  const char *begin = strstr(url, "://");
  if (!begin) return (struct str){"", 0};
  begin += 3;
  size_t length = strcspn(begin, "/?#");
  for (size_t i = length; i > 0; i--)
    if (begin[i - 1] == '@') return (struct str){begin + i, length - i};
  return (struct str){begin, length};
}

/* False when the fetch is of no trace. */
static bool begin_spans(struct key_keeper *keeper, struct trace_context *ret_trace) {
  pthread_mutex_lock(&keeper->mutex);
  bool asked = keeper->asked_in_trace;
  *ret_trace = keeper->asker;
  keeper->asked_in_trace = false;
  pthread_mutex_unlock(&keeper->mutex);
  keeper->root_traced = false;
  keeper->call_traced = false;
  if (!asked && !begin_trace(keeper, ret_trace)) return false;
  struct span *call = &keeper->call;
  struct str host = host_of(keeper->options->jwks_url);
  keeper->call_traced = trace_begin_call(call, keeper->sink, ret_trace, "http");
  if (!keeper->call_traced) return true;
  *ret_trace = call->context;
  snprintf(call->name, sizeof(call->name), "GET jwks");
  snprintf(call->method, sizeof(call->method), "GET");
  snprintf(call->host, sizeof(call->host), "%.*s", (int)host.length, host.data);
  return true;
}

static void end_spans(struct key_keeper *keeper, int status, const struct error *error) {
  bool failed = error->message[0] != '\0';
  keeper->call.status = status;
  keeper->call.failed = keeper->root.failed = failed;
  if (failed)
    snprintf(keeper->call.error, sizeof(keeper->call.error), "%s",
             status == 200 ? "malformed" : "unavailable");
  if (keeper->call_traced) trace_end(&keeper->call, keeper->sink);
  if (keeper->root_traced) trace_end(&keeper->root, keeper->sink);
  keeper->call_traced = keeper->root_traced = false;
}

/* --- Fetching --- */

static void on_fetched(const struct fetch_response *response, void *argument) {
  struct key_keeper *keeper = argument;
  struct error error = {0};
  struct key_set *keys = NULL;
  if (response->error) {
    error = *response->error;
  } else if (response->status != 200) {
    error_set(&error, ERROR_UNAVAILABLE, "the pool answered with status %d", response->status);
  } else {
    keys = key_set_parse(response->body, &error);
  }
  end_spans(keeper, response->status, &error);
  if (keys)
    fetch_succeeded(keeper, keys);
  else
    fetch_failed(keeper, &error);
}

/* The flag `fetching` is up. */
static void fetch_keys(struct key_keeper *keeper) {
  struct trace_context trace;
  bool traced = begin_spans(keeper, &trace);
  struct fetch_request request = {
      .url = keeper->options->jwks_url,
      .timeout_ms = keeper->timing.fetch_timeout_ms,
      .response_limit = JWKS_SIZE_LIMIT,
      .allow_file = true,
      .trace = traced ? &trace : NULL,
  };
  struct error error = {0};
  error_set(&error, ERROR_MEMORY, "out of memory");
  if (keeper->closing || !fetch_start(keeper->fetcher, &request, on_fetched, keeper)) {
    end_spans(keeper, 0, &error);
    fetch_failed(keeper, &error);
  }
}

static void on_retry(uv_timer_t *timer) {
  struct key_keeper *keeper = timer->data;
  pthread_mutex_lock(&keeper->mutex);
  keeper->fetching = true;
  pthread_mutex_unlock(&keeper->mutex);
  fetch_keys(keeper);
}

static void on_asked(struct loop *loop, void *argument) {
  (void)loop;
  struct key_keeper *keeper = argument;
  fetch_keys(keeper);
  keeper_unref(keeper);
}

static bool check_options(const struct auth_options *options, struct error *error) {
  struct str url = str_from(options->jwks_url);
  if (!str_starts_with(url, STR("https:")) && !str_starts_with(url, STR("http:")) &&
      !str_starts_with(url, STR("file:")))
    return error_set(error, ERROR_INVALID,
                     "AWS_COGNITO_JWKS_URL must begin with https:, http: or file:, for example "
                     "AWS_COGNITO_JWKS_URL=file:/srv/cruddur/jwks.json");
  if (!options->issuer || !*options->issuer)
    return error_set(error, ERROR_INVALID,
                     "AWS_COGNITO_ISSUER is empty (the tokens' issuer), for example "
                     "AWS_COGNITO_ISSUER=https://pool.example");
  struct str rest = options->client_ids, item;
  while (str_next(&rest, ',', &item))
    if (item.length > 0) return true;
  return error_set(error, ERROR_INVALID,
                   "AWS_COGNITO_USER_POOL_CLIENT_ID names no client, for example "
                   "AWS_COGNITO_USER_POOL_CLIENT_ID=4o1kpmkv0pp5k5mbb1d3qmkncj");
}

struct key_keeper *key_keeper_new_timed(struct loop *loop, const struct auth_options *options,
                                        const struct keeper_timing *timing, struct error *error) {
  if (!check_options(options, error)) return NULL;
  struct fetcher *fetcher = fetcher_new(loop, error);
  if (!fetcher) return NULL;
  struct key_keeper *keeper = calloc(1, sizeof(*keeper));
  if (!keeper) {
    fetcher_close(fetcher);
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  keeper->loop = loop;
  keeper->options = options;
  keeper->timing = *timing;
  keeper->fetcher = fetcher;
  keeper->fetching = true;
  atomic_init(&keeper->references, 2);
  atomic_init(&keeper->ready, false);
  pthread_mutex_init(&keeper->mutex, NULL);
  list_init(&keeper->watchers);
  uv_timer_init(loop_uv(loop), &keeper->retry_timer);
  keeper->retry_timer.data = keeper;
  uv_timer_start(&keeper->retry_timer, on_retry, 0, 0);
  return keeper;
}

struct key_keeper *key_keeper_new(struct loop *loop, const struct auth_options *options,
                                  struct error *error) {
  return key_keeper_new_timed(loop, options, &KEEPER_TIMING, error);
}

bool key_keeper_ready(const struct key_keeper *keeper) {
  return atomic_load_explicit(&keeper->ready, memory_order_acquire);
}

uint64_t key_keeper_age_s(const struct key_keeper *keeper) {
  uint64_t fetched_us = atomic_load_explicit(&keeper->fetched_us, memory_order_relaxed);
  return fetched_us ? (clock_monotonic_us() - fetched_us) / 1000000 : 0;
}

static void on_timer_closed(uv_handle_t *handle) {
  keeper_unref(handle->data);
}

void key_keeper_close(struct key_keeper *keeper) {
  if (!keeper) return;
  pthread_mutex_lock(&keeper->mutex);
  keeper->closing = true;
  pthread_mutex_unlock(&keeper->mutex);
  fetcher_close(keeper->fetcher); /* settles the fetch under way */
  uv_close((uv_handle_t *)&keeper->retry_timer, on_timer_closed);
  keeper_unref(keeper);
}

const struct auth_options *key_keeper_options(const struct key_keeper *keeper) {
  return keeper->options;
}

void key_keeper_join(struct key_keeper *keeper, struct key_watcher *watcher) {
  keeper_ref(keeper);
  watcher->keeper = keeper;
  watcher->posted = false;
  pthread_mutex_lock(&keeper->mutex);
  list_append(&keeper->watchers, &watcher->node);
  pthread_mutex_unlock(&keeper->mutex);
}

bool key_keeper_leave(struct key_watcher *watcher) {
  pthread_mutex_lock(&watcher->keeper->mutex);
  list_remove(&watcher->node);
  bool posted = watcher->posted;
  pthread_mutex_unlock(&watcher->keeper->mutex);
  return posted;
}

void key_keeper_part(struct key_watcher *watcher) {
  keeper_unref(watcher->keeper);
}

/* Under the mutex; returns what the caller drops after it. */
static struct key_set *replace_view(struct key_keeper *keeper, struct key_view *view) {
  struct key_set *old = view->keys;
  *view = (struct key_view){key_set_ref(keeper->keys), keeper->generation};
  return old;
}

bool key_keeper_refresh(struct key_keeper *keeper, struct key_view *view) {
  struct key_set *old = NULL;
  pthread_mutex_lock(&keeper->mutex);
  bool newer = keeper->generation != view->generation;
  if (newer) old = replace_view(keeper, view);
  pthread_mutex_unlock(&keeper->mutex);
  key_set_unref(old);
  return newer;
}

/* Under the mutex. */
static bool may_refetch(const struct key_keeper *keeper, uint64_t now_us) {
  if (keeper->closing || !keeper->keys) return false;
  return !keeper->refetched ||
         now_us - keeper->refetched_us >= keeper->timing.refetch_interval_ms * 1000;
}

enum keeper_answer key_keeper_ask(struct key_keeper *keeper, struct key_view *view, bool fetch,
                                  const struct trace_context *trace) {
  if (key_keeper_refresh(keeper, view)) return KEEPER_REFRESHED;
  enum keeper_answer answer = KEEPER_NO;
  pthread_mutex_lock(&keeper->mutex);
  uint64_t now_us = clock_monotonic_us();
  if (fetch && !keeper->fetching && may_refetch(keeper, now_us)) {
    keeper->refetched = true;
    keeper->refetched_us = now_us;
    remember_asker(keeper, trace);
    keeper_ref(keeper);
    keeper->fetching = loop_post(keeper->loop, on_asked, keeper);
    if (!keeper->fetching) /* never the last one: the caller has joined */
      atomic_fetch_sub_explicit(&keeper->references, 1, memory_order_relaxed);
  }
  if (keeper->fetching) answer = KEEPER_WAIT;
  pthread_mutex_unlock(&keeper->mutex);
  return answer;
}
