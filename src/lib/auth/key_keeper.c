/* key_keeper.c: the pool's keys: fetches the JWKS and hands the set to every loop.
 *
 * A refresher does the keeping: it holds the set, lets one fetch serve all loops, tries again while
 * there are no keys at all, and fetches them again when they are old, so that a key that the pool
 * withdrew is not trusted for ever. This file fetches, on the keeper's loop, and records the spans
 * of the fetch. Known keys go on working while the pool is down. */
#include "lib/auth/key_keeper.h"

#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct key_keeper_timing TIMING = {
    .fetch_timeout_ms = 2000,
    .refresher = {.tries = 1,
                  .retry_base_ms = 500,
                  .retry_cap_ms = 15000,
                  .rest_ms = 100,
                  .stale_rest_ms = 60000,
                  .ask_interval_ms = 60000,
                  .insists = true},
};

/* All of it belongs to the keeper's loop; what threads share is the refresher's. */
struct key_keeper {
  const struct auth_options *options;
  uint64_t fetch_timeout_ms;
  struct refresher *refresher;
  struct fetcher *fetcher;
  struct span_sink *sink;
  struct span root, call; /* of the fetch under way, where they are recorded */
  bool root_traced, call_traced;
};

/* --- The spans of a fetch --- */

void key_keeper_trace(struct key_keeper *keeper, struct span_sink *sink) {
  keeper->sink = sink;
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

/* Writes the context to send along; false when the fetch is of no trace. */
static bool begin_spans(struct key_keeper *keeper, const struct trace_context *asker,
                        struct trace_context *ret_trace) {
  assert(!keeper->call_traced && !keeper->root_traced);
  if (asker)
    *ret_trace = *asker;
  else if (!begin_trace(keeper, ret_trace))
    return false;
  struct span *call = &keeper->call;
  struct str host = host_of(keeper->options->jwks_url);
  keeper->call_traced = trace_begin_call(call, keeper->sink, ret_trace, "http");
  if (!keeper->call_traced) return true;
  *ret_trace = call->context;
  call->context.state = (struct str){NULL, 0}; /* the asker's, which may be gone at the end */
  snprintf(call->name, sizeof(call->name), "GET jwks");
  snprintf(call->method, sizeof(call->method), "GET");
  const char *path = strchr(host.data, '/');
  call->secure = strncmp(keeper->options->jwks_url, "https:", 6) == 0;
  trace_set_authority(call, host);
  if (path) snprintf(call->path, sizeof(call->path), "%.*s", (int)strcspn(path, "?#"), path);
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
  struct jwks *keys = NULL;
  if (response->error) {
    error = *response->error;
  } else if (response->status != 200) {
    error_set(&error, ERROR_UNAVAILABLE, "the pool answered with status %d", response->status);
  } else {
    keys = jwks_parse(response->body, &error);
  }
  end_spans(keeper, response->status, &error);
  if (keys)
    refresher_succeed(keeper->refresher, keys, keeper->options->refresh_ms);
  else
    refresher_fail(keeper->refresher, &error);
}

static void fetch_keys(void *owner, const struct trace_context *asker) {
  struct key_keeper *keeper = owner;
  struct trace_context trace;
  bool traced = begin_spans(keeper, asker, &trace);
  struct fetch_request request = {
      .service = "jwks",
      .url = keeper->options->jwks_url,
      .timeout_ms = keeper->fetch_timeout_ms,
      .response_limit = JWKS_SIZE_LIMIT,
      .allow_file = true,
      .trace = traced ? &trace : NULL,
  };
  struct error error = {0};
  if (fetch_start(keeper->fetcher, &request, on_fetched, keeper, &error)) return;
  end_spans(keeper, 0, &error);
  refresher_fail(keeper->refresher, &error);
}

static void log_round(void *owner, const void *value, bool changed, unsigned failures,
                      const struct error *error) {
  (void)owner;
  if (error && failures == 0)
    log_event(LOG_LEVEL_WARNING, "the user pool's keys cannot be fetched",
              log_text("reason", error->message), LOG_END);
  if (!error && (changed || failures > 0))
    log_event(LOG_LEVEL_INFO, "the user pool's keys are loaded",
              log_int("keys", (int64_t)jwks_count(value)), LOG_END);
}

static void *ref_keys(void *value) {
  return jwks_ref(value);
}

static void unref_keys(void *value) {
  jwks_unref(value);
}

static bool is_same_set(const void *current, const void *fetched) {
  return jwks_equal(current, fetched);
}

static const struct refresher_kind KEYS = {.fetch = fetch_keys,
                                           .ref = ref_keys,
                                           .unref = unref_keys,
                                           .is_same = is_same_set,
                                           .ended = log_round,
                                           .release = free};

/* --- Life --- */

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
                                        const struct key_keeper_timing *timing,
                                        struct error *error) {
  if (!check_options(options, error)) return NULL;
  struct fetcher *fetcher = fetch_open(loop, error);
  if (!fetcher) return NULL;
  struct key_keeper *keeper = calloc(1, sizeof(*keeper));
  struct refresher *refresher =
      keeper ? refresher_new(loop, &KEYS, &timing->refresher, keeper) : NULL;
  if (!refresher) {
    fetch_close(fetcher);
    free(keeper);
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  keeper->options = options;
  keeper->fetch_timeout_ms = timing->fetch_timeout_ms;
  keeper->refresher = refresher;
  keeper->fetcher = fetcher;
  return keeper;
}

struct key_keeper *key_keeper_new(struct loop *loop, const struct auth_options *options,
                                  struct error *error) {
  return key_keeper_new_timed(loop, options, &TIMING, error);
}

bool key_keeper_ready(const struct key_keeper *keeper) {
  return refresher_has_value(keeper->refresher);
}

uint64_t key_keeper_age_s(const struct key_keeper *keeper) {
  return refresher_age_s(keeper->refresher);
}

/* The fetcher ends the fetch under way, which is then the refresher's last one. */
void key_keeper_close(struct key_keeper *keeper) {
  if (!keeper) return;
  struct fetcher *fetcher = keeper->fetcher;
  refresher_close(keeper->refresher);
  fetch_close(fetcher);
}

const struct auth_options *key_keeper_options(const struct key_keeper *keeper) {
  return keeper->options;
}

void key_keeper_watch(struct key_keeper *keeper, struct refresher_watcher *watcher) {
  refresher_watch(keeper->refresher, watcher);
}
