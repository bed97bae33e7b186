/* aws_provider.c: see aws_provider.h. The refresher decides when to fetch. A fetch has two halves:
 * chain_find() looks for the source on a worker thread, because it reads files; then the source is
 * asked on the provider's loop. So `ask`, `found` and `find_error` belong to the worker while the
 * work runs, and to the loop otherwise. Each fetch looks for the source again:
 * the files may have changed. */
#include "lib/aws/credentials/aws_provider.h"

#include "lib/aws/credentials/chain.h"
#include "lib/aws/endpoint.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <assert.h>
#include <stdlib.h>

const struct aws_provider_timing AWS_PROVIDER_TIMING = {
    .advance_ms = 15 * 60 * 1000,
    .tries = 3,
    .retry_base_ms = 200,
    .retry_cap_ms = 30000,
    .failure_ms = 1000,
};

struct aws_provider {
  struct loop *loop;
  const struct config *config;
  struct aws_provider_timing timing;
  struct refresher *refresher;
  struct fetcher *fetcher;
  uv_work_t work;
  struct credentials_ask ask;
  bool found;
  struct error find_error;
  bool has_loaded; /* at least once */
  bool closing;
};

/* --- How a fetch ends --- */

/* When the next round is due: `advance_ms` before the end, or at half the time that is left, where
 * that is later. 0: never. */
static uint64_t due_ms(const struct aws_provider *provider,
                       const struct aws_credentials *credentials) {
  const struct aws_provider_timing *timing = &provider->timing;
  int64_t expires_us = aws_credentials_expires_us(credentials);
  if (expires_us == 0) return 0;
  int64_t left_us = expires_us - clock_unix_us();
  uint64_t left_ms = left_us > 0 ? (uint64_t)left_us / 1000 : 0, wait_ms = left_ms / 2;
  if (wait_ms > timing->advance_ms) wait_ms = left_ms - timing->advance_ms;
  if (wait_ms < timing->retry_base_ms) wait_ms = timing->retry_base_ms;
  return wait_ms > 0 ? wait_ms : 1;
}

static bool is_good(const void *value) {
  int64_t expires_us = aws_credentials_expires_us(value);
  return expires_us == 0 || expires_us > clock_unix_us();
}

/* Credentials that are too old already would be asked for again and again. */
static void fetch_succeeded(struct aws_provider *provider, struct aws_credentials *credentials) {
  if (is_good(credentials)) {
    refresher_succeed(provider->refresher, credentials, due_ms(provider, credentials));
    return;
  }
  struct error error;
  error_set(&error, ERROR_UNAVAILABLE,
            "the AWS credentials of the %s have expired already: is this machine's clock right?",
            aws_credentials_source(credentials));
  aws_credentials_unref(credentials);
  refresher_fail(provider->refresher, &error);
}

static void on_answered(struct aws_credentials *credentials, const struct error *error,
                        void *argument) {
  struct aws_provider *provider = argument;
  credentials_ask_free(&provider->ask);
  if (credentials)
    fetch_succeeded(provider, credentials);
  else
    refresher_fail(provider->refresher, error);
}

/* --- A fetch --- */

static void find_on_worker(uv_work_t *work) {
  struct aws_provider *provider = work->data;
  provider->found = chain_find(provider->config, &provider->ask, &provider->find_error);
}

/* Asks the source, where it has to be asked. False with an error: it ends here. */
static bool ask_source(struct aws_provider *provider, struct error *error) {
  struct credentials_ask *ask = &provider->ask;
  if (provider->closing) return error_set(error, ERROR_UNAVAILABLE, "the program ends");
  if (!provider->found) {
    *error = provider->find_error;
    return false;
  }
  if (!ask->start && ask->role_count == 0) {
    on_answered(aws_credentials_ref(ask->keys), NULL, provider);
    return true;
  }
  ask->loop = provider->loop;
  ask->fetcher = provider->fetcher;
  ask->done = on_answered;
  ask->argument = provider;
  return credentials_ask_start(ask, error);
}

static void on_found(uv_work_t *work, int status) {
  struct aws_provider *provider = work->data;
  struct error error;
  assert(status == 0); /* work is never cancelled */
  (void)status;
  if (!ask_source(provider, &error)) on_answered(NULL, &error, provider);
}

static void fetch(void *owner, const struct trace_context *asker) {
  (void)asker;
  struct aws_provider *provider = owner;
  struct error error;
  provider->work.data = provider;
  if (uv_queue_work(loop_uv(provider->loop), &provider->work, find_on_worker, on_found) == 0)
    return;
  error_set(&error, ERROR_MEMORY, "AWS credentials cannot be looked for");
  refresher_fail(provider->refresher, &error);
}

/* --- What the refresher needs --- */

static void *ref(void *value) {
  return aws_credentials_ref(value);
}

static void unref(void *value) {
  aws_credentials_unref(value);
}

static void ended(void *owner, const void *value, bool changed, unsigned failures,
                  const struct error *error) {
  (void)changed;
  struct aws_provider *provider = owner;
  if (error && failures == 0)
    log_event(LOG_LEVEL_WARNING, "AWS credentials cannot be loaded",
              log_text("reason", error->message), LOG_END);
  if (error) return;
  if (failures > 0 || !provider->has_loaded)
    log_event(LOG_LEVEL_INFO, "AWS credentials are loaded",
              log_text("source", aws_credentials_source(value)), LOG_END);
  provider->has_loaded = true;
}

static void release(void *owner) {
  free(owner);
}

static const struct refresher_kind KIND = {.fetch = fetch,
                                           .ref = ref,
                                           .unref = unref,
                                           .is_usable = is_good,
                                           .ended = ended,
                                           .release = release};

/* --- Life --- */

struct aws_provider *aws_provider_new_timed(struct loop *loop, const struct config *config,
                                            const struct aws_provider_timing *timing,
                                            struct error *error) {
  const struct refresher_timing rounds = {.tries = timing->tries,
                                          .retry_base_ms = timing->retry_base_ms,
                                          .retry_cap_ms = timing->retry_cap_ms,
                                          .rest_ms = timing->failure_ms,
                                          .ask_interval_ms = timing->failure_ms};
  struct aws_provider *provider = calloc(1, sizeof(*provider));
  if (!provider) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  provider->loop = loop;
  provider->config = config;
  provider->timing = *timing;
  provider->fetcher = fetch_open(loop, error);
  _cleanup_free_ char *ca_bundle = endpoint_ca_bundle(config);
  if (provider->fetcher) fetch_trust(provider->fetcher, ca_bundle);
  provider->refresher = provider->fetcher ? refresher_new(loop, &KIND, &rounds, provider) : NULL;
  if (provider->refresher) return provider;
  fetch_close(provider->fetcher);
  free(provider);
  error_set(error, ERROR_MEMORY, "out of memory");
  return NULL;
}

struct aws_provider *aws_provider_new(struct loop *loop, const struct config *config,
                                      struct error *error) {
  return aws_provider_new_timed(loop, config, &AWS_PROVIDER_TIMING, error);
}

/* The memory stays until the refresher releases it: not before a fetch under way has ended. */
void aws_provider_close(struct aws_provider *provider) {
  if (!provider) return;
  assert(!provider->closing);
  provider->closing = true;
  refresher_close(provider->refresher);
  fetch_close(provider->fetcher); /* ends an exchange that is under way */
  credentials_ask_cancel(&provider->ask);
}

/* --- For clients --- */

void aws_provider_watch(struct aws_provider *provider, struct refresher_watcher *watcher) {
  refresher_watch(provider->refresher, watcher);
}

enum refresher_taken aws_provider_take(struct aws_provider *provider,
                                       struct aws_credentials **ret_credentials,
                                       struct error *error) {
  void *value = NULL;
  enum refresher_taken taken = refresher_take(provider->refresher, NULL, &value, error);
  if (taken == REFRESHER_TAKEN) *ret_credentials = value;
  if (taken == REFRESHER_NONE && error->kind == ERROR_NONE)
    error_set(error, ERROR_DENIED, "the AWS credentials have expired");
  return taken;
}

bool aws_provider_refused(struct aws_provider *provider,
                          const struct aws_credentials *credentials) {
  return refresher_refuse(provider->refresher, credentials);
}
