/* credentials.c: see credentials.h and provider.h. One provider a process; the mutex guards
 * pointers and flags and is never held across I/O. Files are read and programs run on a worker
 * thread of libuv's. */
#include "lib/aws/credentials.h"

#include "lib/aws/provider.h"
#include "lib/aws/remote.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/random.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

const struct aws_provider_timing AWS_PROVIDER_TIMING = {
    .advance_ms = 15 * 60 * 1000,
    .tries = 3,
    .retry_base_ms = 200,
    .retry_cap_ms = 30000,
    .failure_ms = 1000,
};

struct aws_provider {
  /* Set once. */
  struct loop *loop;
  const struct config *config;
  struct aws_provider_timing timing;
  int cancel_fd; /* readable when the search should end early */

  /* Of the provider's loop, but for `source`, `chosen` and `choice_error` while the work runs. */
  struct fetcher *fetcher;
  uv_timer_t timer;
  uv_work_t work;
  struct aws_source source;
  bool chosen;
  struct error choice_error;
  unsigned tries;    /* of this round */
  unsigned failures; /* rounds in a row */

  /* Of every thread. */
  atomic_uint references; /* the owner, the timer, the work, each watcher, each posted ask */
  pthread_mutex_t mutex;  /* guards what follows, and aws_watcher.posted */
  struct aws_credentials *current;
  struct error failure; /* of the last round; kind ERROR_NONE after a good one */
  uint64_t settled_us;  /* when the last round ended */
  bool fetching;
  bool refused; /* a service refused the current credentials: who needs some waits for others */
  bool closing;
  struct list watchers;
};

static void provider_unref(struct aws_provider *provider) {
  if (atomic_fetch_sub_explicit(&provider->references, 1, memory_order_acq_rel) > 1) return;
  aws_credentials_unref(provider->current);
  pthread_mutex_destroy(&provider->mutex);
  close(provider->cancel_fd);
  free(provider);
}

static void provider_ref(struct aws_provider *provider) {
  atomic_fetch_add_explicit(&provider->references, 1, memory_order_relaxed);
}

static void tell_watcher(struct loop *loop, void *argument) {
  (void)loop;
  struct aws_watcher *watcher = argument;
  struct aws_provider *provider = watcher->provider;
  pthread_mutex_lock(&provider->mutex);
  watcher->posted = false;
  pthread_mutex_unlock(&provider->mutex);
  watcher->settled(watcher); /* may be the end of the watcher, and with it of the provider */
}

/* Ends a round: `fetched` (owned by the call) becomes the current credentials, or `failure` what
 * those hear who find none. */
static void settle(struct aws_provider *provider, struct aws_credentials *fetched,
                   const struct error *failure) {
  struct aws_credentials *old = NULL;
  pthread_mutex_lock(&provider->mutex);
  if (fetched) {
    old = provider->current;
    provider->current = fetched;
    provider->failure.kind = ERROR_NONE;
  } else {
    provider->failure = *failure;
  }
  provider->settled_us = clock_monotonic_us();
  provider->fetching = false;
  provider->refused = false;
  for (struct list *node = provider->watchers.next; node != &provider->watchers;
       node = node->next) {
    struct aws_watcher *watcher = LIST_ENTRY(node, struct aws_watcher, node);
    if (!watcher->posted) watcher->posted = loop_post(watcher->loop, tell_watcher, watcher);
  }
  pthread_mutex_unlock(&provider->mutex);
  aws_credentials_unref(old);
}

static void start_try(struct aws_provider *provider);

static void on_retry(uv_timer_t *timer) {
  start_try(timer->data);
}

static void on_refresh(uv_timer_t *timer) {
  struct aws_provider *provider = timer->data;
  pthread_mutex_lock(&provider->mutex);
  bool busy = provider->fetching;
  provider->fetching = true;
  pthread_mutex_unlock(&provider->mutex);
  if (busy) return;
  provider->tries = 0;
  start_try(provider);
}

/* How long the current credentials are good for, in microseconds; -1: for ever, or there are none.
 * On the provider's loop, which alone replaces them. */
static int64_t left_us(const struct aws_provider *provider) {
  if (!provider->current) return -1;
  int64_t expires_us = aws_credentials_expires_us(provider->current);
  if (expires_us == 0) return -1;
  int64_t left = expires_us - clock_unix_us();
  return left > 0 ? left : 0;
}

static void round_succeeded(struct aws_provider *provider, struct aws_credentials *credentials) {
  if (provider->failures > 0 || !provider->current)
    log_event(LOG_LEVEL_INFO, "AWS credentials are loaded",
              log_text("source", aws_credentials_source(credentials)), LOG_END);
  provider->failures = 0;
  settle(provider, credentials, NULL);
  int64_t left = left_us(provider);
  if (left < 0 || provider->closing) return;
  uint64_t left_ms = (uint64_t)left / 1000, wait_ms = left_ms / 2;
  if (left_ms / 2 > provider->timing.advance_ms) wait_ms = left_ms - provider->timing.advance_ms;
  if (wait_ms < provider->timing.retry_base_ms) wait_ms = provider->timing.retry_base_ms;
  uv_timer_start(&provider->timer, on_refresh, wait_ms, 0);
}

/* While old credentials serve, the provider tries again by itself; else the next call that needs
 * some starts a round. */
static void round_failed(struct aws_provider *provider, const struct error *error) {
  bool expiring = left_us(provider) >= 0;
  settle(provider, NULL, error);
  if (provider->closing) return;
  if (provider->failures == 0)
    log_event(LOG_LEVEL_WARNING, "AWS credentials cannot be loaded",
              log_text("reason", error->message), LOG_END);
  if (expiring) {
    uint64_t wait_ms = provider->timing.failure_ms +
                       random_backoff_ms(provider->failures, provider->timing.retry_base_ms,
                                         provider->timing.retry_cap_ms);
    uv_timer_start(&provider->timer, on_refresh, wait_ms, 0);
  }
  provider->failures++;
}

static void try_failed(struct aws_provider *provider, const struct error *error) {
  provider->tries++;
  if (error->kind != ERROR_UNAVAILABLE || provider->tries >= provider->timing.tries ||
      provider->closing) {
    round_failed(provider, error);
    return;
  }
  uint64_t wait_ms = random_backoff_ms(provider->tries, provider->timing.retry_base_ms,
                                       provider->timing.retry_cap_ms);
  uv_timer_start(&provider->timer, on_retry, wait_ms, 0);
}

/* Credentials that are too old already would be asked for again and again. */
static void try_succeeded(struct aws_provider *provider, struct aws_credentials *credentials) {
  int64_t expires_us = aws_credentials_expires_us(credentials);
  if (expires_us == 0 || expires_us > clock_unix_us()) {
    round_succeeded(provider, credentials);
    return;
  }
  struct error error;
  error_set(&error, ERROR_UNAVAILABLE,
            "the AWS credentials of the %s have expired already: is this machine's clock right?",
            aws_credentials_source(credentials));
  aws_credentials_unref(credentials);
  try_failed(provider, &error);
}

static void on_remote(struct aws_credentials *credentials, const struct error *error,
                      void *argument) {
  if (credentials)
    try_succeeded(argument, credentials);
  else
    try_failed(argument, error);
}

static void choose_on_worker(uv_work_t *work) {
  struct aws_provider *provider = work->data;
  provider->chosen = aws_source_choose(provider->config, provider->cancel_fd, &provider->source,
                                       &provider->choice_error);
}

static void use_source(struct aws_provider *provider) {
  struct error error;
  if (provider->closing) {
    error_set(&error, ERROR_UNAVAILABLE, "the program ends");
    try_failed(provider, &error);
  } else if (!provider->chosen) {
    try_failed(provider, &provider->choice_error);
  } else if (provider->source.kind == AWS_SOURCE_FIXED && provider->source.role_count == 0) {
    try_succeeded(provider, aws_credentials_ref(provider->source.fixed));
  } else if (!aws_remote_fetch(provider->loop, provider->fetcher, &provider->source, on_remote,
                               provider)) {
    error_set(&error, ERROR_MEMORY, "AWS credentials cannot be asked for: out of memory");
    try_failed(provider, &error);
  }
}

static void on_chosen(uv_work_t *work, int status) {
  struct aws_provider *provider = work->data;
  if (status != 0) {
    provider->chosen = false;
    error_set(&provider->choice_error, ERROR_UNAVAILABLE, "the program ends");
  }
  use_source(provider);
  if (provider->chosen) aws_source_free(&provider->source);
  provider_unref(provider);
}

/* The flag `fetching` is up. */
static void start_try(struct aws_provider *provider) {
  struct error error;
  provider->work.data = provider;
  provider->chosen = false;
  provider_ref(provider);
  if (!provider->closing &&
      uv_queue_work(loop_uv(provider->loop), &provider->work, choose_on_worker, on_chosen) == 0)
    return;
  error_set(&error, ERROR_MEMORY, "AWS credentials cannot be looked for");
  round_failed(provider, &error);
  provider_unref(provider);
}

static void on_asked(struct loop *loop, void *argument) {
  (void)loop;
  struct aws_provider *provider = argument;
  if (!provider->closing) uv_timer_stop(&provider->timer);
  provider->tries = 0;
  start_try(provider);
  provider_unref(provider);
}

struct aws_provider *aws_provider_new_timed(struct loop *loop, const struct config *config,
                                            const struct aws_provider_timing *timing,
                                            struct error *error) {
  struct aws_provider *provider = calloc(1, sizeof(*provider));
  struct fetcher *fetcher = provider ? fetcher_new(loop, error) : NULL;
  int cancel_fd = fetcher ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
  if (cancel_fd < 0) {
    fetcher_close(fetcher);
    free(provider);
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  provider->loop = loop;
  provider->config = config;
  provider->timing = *timing;
  provider->cancel_fd = cancel_fd;
  provider->fetcher = fetcher;
  provider->fetching = true;
  atomic_init(&provider->references, 2);
  pthread_mutex_init(&provider->mutex, NULL);
  list_init(&provider->watchers);
  uv_timer_init(loop_uv(loop), &provider->timer);
  provider->timer.data = provider;
  start_try(provider);
  return provider;
}

struct aws_provider *aws_provider_new(struct loop *loop, const struct config *config,
                                      struct error *error) {
  return aws_provider_new_timed(loop, config, &AWS_PROVIDER_TIMING, error);
}

static void on_timer_closed(uv_handle_t *handle) {
  provider_unref(handle->data);
}

void aws_provider_close(struct aws_provider *provider) {
  if (!provider) return;
  pthread_mutex_lock(&provider->mutex);
  provider->closing = true;
  bool waiting = provider->fetching;
  pthread_mutex_unlock(&provider->mutex);
  eventfd_write(provider->cancel_fd, 1);
  bool between_tries = waiting && uv_is_active((uv_handle_t *)&provider->timer);
  fetcher_close(provider->fetcher); /* settles the fetch under way */
  uv_close((uv_handle_t *)&provider->timer, on_timer_closed);
  struct error error;
  error_set(&error, ERROR_UNAVAILABLE, "the program ends");
  if (between_tries) settle(provider, NULL, &error);
  provider_unref(provider);
}

void aws_provider_join(struct aws_provider *provider, struct aws_watcher *watcher) {
  provider_ref(provider);
  watcher->provider = provider;
  watcher->posted = false;
  pthread_mutex_lock(&provider->mutex);
  list_append(&provider->watchers, &watcher->node);
  pthread_mutex_unlock(&provider->mutex);
}

bool aws_provider_leave(struct aws_watcher *watcher) {
  pthread_mutex_lock(&watcher->provider->mutex);
  list_remove(&watcher->node);
  bool posted = watcher->posted;
  pthread_mutex_unlock(&watcher->provider->mutex);
  return posted;
}

void aws_provider_part(struct aws_watcher *watcher) {
  provider_unref(watcher->provider);
}

/* Under the mutex: starts a round unless one runs, or one failed a moment ago. True when one runs.
 */
static bool ask(struct aws_provider *provider) {
  if (provider->fetching) return true;
  uint64_t since_us = clock_monotonic_us() - provider->settled_us;
  if (provider->closing || since_us < provider->timing.failure_ms * 1000) return false;
  provider_ref(provider);
  provider->fetching = loop_post(provider->loop, on_asked, provider);
  if (!provider->fetching) /* never the last one: the caller has joined */
    atomic_fetch_sub_explicit(&provider->references, 1, memory_order_relaxed);
  return provider->fetching;
}

static bool is_good(const struct aws_credentials *credentials) {
  int64_t expires_us = credentials ? aws_credentials_expires_us(credentials) : 0;
  return credentials && (expires_us == 0 || expires_us > clock_unix_us());
}

enum aws_taken aws_provider_take(struct aws_provider *provider, struct aws_credentials **ret,
                                 struct error *error) {
  enum aws_taken taken = AWS_NONE;
  pthread_mutex_lock(&provider->mutex);
  if (is_good(provider->current) && !provider->refused) {
    *ret = aws_credentials_ref(provider->current);
    taken = AWS_TAKEN;
  } else if (ask(provider)) {
    taken = AWS_WAIT;
  } else if (provider->failure.kind != ERROR_NONE) {
    *error = provider->failure;
  } else {
    error_set(error, ERROR_DENIED, "the AWS credentials have expired");
  }
  pthread_mutex_unlock(&provider->mutex);
  return taken;
}

bool aws_provider_refused(struct aws_provider *provider,
                          const struct aws_credentials *credentials) {
  pthread_mutex_lock(&provider->mutex);
  bool changed = provider->current != credentials;
  bool asked = !changed && ask(provider);
  if (asked) provider->refused = true;
  pthread_mutex_unlock(&provider->mutex);
  return changed || asked;
}
