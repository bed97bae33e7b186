/* authenticator.c: finds out who sends a request: checks its token, and holds the request for a
 * short time where the token names a key that may be on its way.
 *
 * All of it belongs to one loop. A request that waits is in the list of waiters and has a deadline.
 * It looks again when a fetch has ended, and waits on for what is left of its time if another one
 * is under way. Its memory is the request's, which does not end while it waits. */
#include "lib/auth/key_keeper.h"
#include "lib/auth/token.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <assert.h>
#include <stdlib.h>

enum {
  WAIT_LIMIT_MS = 2000,
  WAITERS_LIMIT = 1024, /* of one loop: each costs an RSA verification when the keys come */
};

struct authenticator {
  struct key_keeper *keeper;
  struct refresher_watcher watcher; /* its value: the keys as this loop sees them */
  struct verified *verified;
  struct list waiters; /* in the order of their deadlines */
  size_t waiter_count;
  struct deadline_queue deadlines;
  bool closing;
};

/* A request that waits. */
struct token_waiter {
  struct authenticator *authenticator;
  struct http_request *request;
  struct list node;
  struct deadline deadline;
};

static struct tally refusals; /* of all loops, by reason */

const struct tally *authenticator_refusals(void) {
  return &refusals;
}

static void log_refusal(const struct http_request *request, const char *reason) {
  if (log_enabled(LOG_LEVEL_DEBUG))
    log_event(LOG_LEVEL_DEBUG, "token refused", log_str("request_id", http_request_id(request)),
              log_text("reason", reason), LOG_END);
}

/* --- Waiting --- */

static void remove_waiter(struct token_waiter *waiter) {
  assert(waiter->authenticator->waiter_count > 0);
  list_remove(&waiter->node);
  loop_deadline_stop(&waiter->deadline);
  waiter->authenticator->waiter_count--;
}

/* The request looks for the last time: it may not wait without a deadline. */
static void on_deadline(struct deadline *deadline) {
  struct token_waiter *waiter = LIST_ENTRY(deadline, struct token_waiter, deadline);
  http_steps_go_on(waiter->request);
}

/* NULL when there are too many, or memory is out. */
static struct token_waiter *add_waiter(struct authenticator *authenticator,
                                       struct http_request *request) {
  if (authenticator->waiter_count == WAITERS_LIMIT) return NULL;
  struct token_waiter *waiter = http_request_alloc(request, sizeof(*waiter));
  if (!waiter) return NULL;
  *waiter = (struct token_waiter){.authenticator = authenticator, .request = request};
  loop_deadline_init(&waiter->deadline, on_deadline);
  loop_deadline_start(&authenticator->deadlines, &waiter->deadline);
  list_append(&authenticator->waiters, &waiter->node);
  authenticator->waiter_count++;
  return waiter;
}

/* Lets each waiter look once; those that wait on stand at the end of the list then. */
static void wake_waiters(struct authenticator *authenticator) {
  for (size_t left = authenticator->waiter_count; left > 0; left--) {
    struct list *node = list_pop(&authenticator->waiters);
    assert(node);
    list_append(&authenticator->waiters, node);
    http_steps_go_on(LIST_ENTRY(node, struct token_waiter, node)->request);
  }
}

/* --- Checking --- */

/* Checks with the newest keys there are. */
static struct token_answer check_token(struct authenticator *authenticator, struct str token) {
  int64_t now_s = clock_unix_us() / 1000000;
  const struct auth_options *options = key_keeper_options(authenticator->keeper);
  for (;;) {
    struct token_answer answer =
        token_check(authenticator->watcher.value, authenticator->verified, options, token, now_s);
    if (answer.verdict != TOKEN_WAIT || !refresher_update(&authenticator->watcher)) return answer;
    verified_clear(authenticator->verified);
  }
}

/* True when a fetch that is under way may bring the key. A request that has already waited must not
 * trigger another fetch, or fetches would chain for ever. */
static bool may_wait(struct authenticator *authenticator, const struct http_request *request,
                     const struct token_waiter *waiter) {
  if (!waiter) return refresher_ask(authenticator->watcher.refresher, http_request_trace(request));
  return loop_deadline_is_running(&waiter->deadline) &&
         refresher_is_busy(authenticator->watcher.refresher);
}

static enum http_token refuse(struct http_request *request, struct token_waiter *waiter,
                              const char *reason) {
  bool is_late = waiter && !loop_deadline_is_running(&waiter->deadline);
  if (waiter) remove_waiter(waiter);
  if (is_late) reason = "the keys did not come in time";
  tally_count(&refusals, reason);
  log_refusal(request, reason);
  return HTTP_TOKEN_BAD;
}

static enum http_token admit(struct http_request *request, struct token_waiter *waiter,
                             const struct token_claims *claims, struct str *ret_sub) {
  if (waiter) remove_waiter(waiter);
  char *sub = http_request_alloc(request, claims->sub_length);
  if (!sub) return refuse(request, NULL, "out of memory");
  memcpy(sub, claims->sub, claims->sub_length);
  *ret_sub = (struct str){sub, claims->sub_length};
  return HTTP_TOKEN_GOOD;
}

enum http_token authenticator_check(struct http_request *request, struct str authorization,
                                    void *context, void **waiting, struct str *ret_sub) {
  struct authenticator *authenticator = context;
  struct token_waiter *waiter = waiting ? *waiting : NULL;
  struct str token;
  if (authenticator->closing) return refuse(request, waiter, "the server ends");
  if (!token_from_header(authorization, &token)) return refuse(request, waiter, "no Bearer token");
  struct token_answer answer = check_token(authenticator, token);
  if (answer.verdict == TOKEN_WAIT && !waiting) return HTTP_TOKEN_WAIT;
  bool waits = answer.verdict == TOKEN_WAIT && may_wait(authenticator, request, waiter);
  /* No fetch is under way, but one may have ended since the keys were looked at. */
  if (answer.verdict == TOKEN_WAIT && !waits) answer = check_token(authenticator, token);
  if (answer.verdict == TOKEN_GOOD) return admit(request, waiter, &answer.claims, ret_sub);
  if (!waits) return refuse(request, waiter, answer.reason);
  if (!waiter) *waiting = waiter = add_waiter(authenticator, request);
  return waiter ? HTTP_TOKEN_WAIT : refuse(request, NULL, "too many requests wait for keys");
}

static void on_settled(struct refresher_watcher *watcher) {
  struct authenticator *authenticator = LIST_ENTRY(watcher, struct authenticator, watcher);
  if (refresher_update(watcher)) verified_clear(authenticator->verified);
  wake_waiters(authenticator);
}

/* --- Life --- */

struct authenticator *authenticator_new(struct loop *loop, struct key_keeper *keeper,
                                        struct error *error) {
  struct authenticator *authenticator = calloc(1, sizeof(*authenticator));
  struct verified *verified = verified_new();
  if (!authenticator || !verified) {
    verified_free(verified);
    free(authenticator);
    error_set(error, ERROR_MEMORY, "out of memory");
    return NULL;
  }
  loop_free_at_end(loop, authenticator);
  authenticator->keeper = keeper;
  authenticator->verified = verified;
  list_init(&authenticator->waiters);
  loop_deadlines_init(&authenticator->deadlines, loop, WAIT_LIMIT_MS);
  authenticator->watcher = (struct refresher_watcher){.loop = loop, .settled = on_settled};
  key_keeper_watch(keeper, &authenticator->watcher);
  refresher_update(&authenticator->watcher);
  return authenticator;
}

/* The loop frees the rest. */
static void on_left(struct refresher_watcher *watcher) {
  struct authenticator *authenticator = LIST_ENTRY(watcher, struct authenticator, watcher);
  authenticator->verified = verified_free(authenticator->verified);
}

void authenticator_close(struct authenticator *authenticator) {
  if (!authenticator || authenticator->closing) return;
  authenticator->closing = true;
  wake_waiters(authenticator);
  assert(authenticator->waiter_count == 0);
  loop_deadlines_close(&authenticator->deadlines);
  refresher_leave(&authenticator->watcher, on_left);
}
