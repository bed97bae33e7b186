/* gate.c: the JWT-required gate: a request with a token goes on to its handler, or gets 401.
 * Requests whose token names an unknown key wait here, for a short time, until the keeper's fetch
 * ended. */
#include "lib/auth/key_keeper.h"
#include "lib/auth/verified.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <assert.h>
#include <stdlib.h>

enum {
  WAIT_LIMIT_MS = 2000,
  WAITERS_LIMIT = 1024, /* of one loop: each costs an RSA verification when the keys come */
};

struct authenticator {
  struct loop *loop;
  struct key_keeper *keeper;
  struct refresher_watcher watcher; /* its value: the keys as this loop sees them */
  struct verified *verified;
  struct list waiters; /* in the order of their deadlines */
  size_t waiter_count;
  uv_timer_t timer; /* for the first waiter's deadline */
  bool closing;
  unsigned holders; /* of the memory, once it closes: the timer and the watcher */
};

/* A request that waits; its memory is the request's. */
struct waiter {
  struct list node;
  struct http_request *request;
  struct str token;
  uint64_t due_ms;
};

static void let_go(struct authenticator *authenticator) {
  assert(authenticator->closing && authenticator->holders > 0);
  if (--authenticator->holders > 0) return;
  verified_free(authenticator->verified);
  free(authenticator);
}

static void refuse(struct http_request *request) {
  http_answer_header(request, "WWW-Authenticate", "Bearer");
  http_answer_error(request, HTTP_UNAUTHORIZED, "generic_401");
}

static void refuse_because(struct http_request *request, const char *reason) {
  if (log_enabled(LOG_LEVEL_DEBUG))
    log_event(LOG_LEVEL_DEBUG, "token refused", log_str("request_id", http_request_id(request)),
              log_text("reason", reason), LOG_END);
  refuse(request);
}

static void admit(struct http_request *request, struct str subject) {
  http_request_set_user(request, subject);
  http_request_admit(request);
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct authenticator *authenticator) {
  if (authenticator->closing || list_empty(&authenticator->waiters)) return;
  const struct waiter *first = LIST_ENTRY(authenticator->waiters.next, struct waiter, node);
  uint64_t now_ms = loop_now_ms(authenticator->loop);
  uv_timer_start(&authenticator->timer, on_timer,
                 first->due_ms > now_ms ? first->due_ms - now_ms : 0, 0);
}

static void hold(struct authenticator *authenticator, struct waiter *waiter) {
  list_append(&authenticator->waiters, &waiter->node);
  authenticator->waiter_count++;
  if (!uv_is_active((uv_handle_t *)&authenticator->timer)) arm_timer(authenticator);
}

static struct waiter *pop_waiter(struct authenticator *authenticator) {
  struct list *node = list_pop(&authenticator->waiters);
  if (!node) return NULL;
  authenticator->waiter_count--;
  return LIST_ENTRY(node, struct waiter, node);
}

static struct waiter *waiter_new(struct authenticator *authenticator, struct http_request *request,
                                 struct str token) {
  if (authenticator->closing || authenticator->waiter_count == WAITERS_LIMIT) return NULL;
  struct waiter *waiter = http_request_alloc(request, sizeof(*waiter));
  if (!waiter) return NULL;
  *waiter = (struct waiter){
      .request = request,
      .token = token,
      .due_ms = loop_now_ms(authenticator->loop) + WAIT_LIMIT_MS,
  };
  list_init(&waiter->node);
  return waiter;
}

/* Verifies with the newest keys there are. When a fetch that is under way, or with `fetch` is
 * started, may bring the token's key, *ret_wait is true. */
static enum token_verdict verify(struct authenticator *authenticator, struct str token,
                                 int64_t now_s, bool fetch, const struct trace_context *trace,
                                 struct token_claims *ret_claims, const char **ret_reason,
                                 bool *ret_wait) {
  const struct auth_options *options = key_keeper_options(authenticator->keeper);
  for (;;) {
    enum token_verdict verdict =
        token_verify(token, authenticator->watcher.value, options, now_s, ret_claims, ret_reason);
    if (verdict != TOKEN_UNKNOWN_KEY) return verdict;
    *ret_reason = "an unknown key";
    if (!refresher_update(&authenticator->watcher)) {
      *ret_wait = fetch ? refresher_ask(authenticator->watcher.refresher, trace)
                        : refresher_is_busy(authenticator->watcher.refresher);
      return verdict;
    }
    verified_clear(authenticator->verified);
  }
}

/* `waiter` is NULL for a request that has not waited yet. A request that has already waited must
 * not trigger another fetch, or fetches would chain for ever. */
static void examine(struct authenticator *authenticator, struct http_request *request,
                    struct str token, struct waiter *waiter) {
  int64_t now_s = clock_unix_us() / 1000000;
  struct verified_hash hash;
  bool hashed =
      token.length <= TOKEN_SIZE_LIMIT && verified_hash(authenticator->verified, token, &hash);
  struct str subject =
      hashed ? verified_find(authenticator->verified, &hash, now_s) : (struct str){0};
  if (subject.length > 0) {
    admit(request, subject);
    return;
  }
  struct token_claims claims;
  const char *reason = "";
  bool wait = false;
  if (verify(authenticator, token, now_s, !waiter, http_request_trace(request), &claims, &reason,
             &wait) == TOKEN_GOOD) {
    if (hashed) verified_remember(authenticator->verified, &hash, &claims, now_s);
    admit(request, (struct str){claims.subject, claims.subject_length});
    return;
  }
  if (wait && !waiter) waiter = waiter_new(authenticator, request, token);
  if (wait && waiter)
    hold(authenticator, waiter);
  else
    refuse_because(request, reason);
}

void auth_gate(struct http_request *request, void *gate_context) {
  struct str token;
  if (token_from_header(http_request_header(request, "Authorization"), &token))
    examine(gate_context, request, token, NULL);
  else
    refuse(request);
}

static void on_timer(uv_timer_t *timer) {
  struct authenticator *authenticator = timer->data;
  uint64_t now_ms = loop_now_ms(authenticator->loop);
  while (!list_empty(&authenticator->waiters)) {
    struct waiter *waiter = LIST_ENTRY(authenticator->waiters.next, struct waiter, node);
    if (waiter->due_ms > now_ms) break;
    pop_waiter(authenticator);
    refuse_because(waiter->request, "the keys did not come in time");
  }
  arm_timer(authenticator);
}

/* A fetch ended. Who waited looks again, and waits on for what is left of its time if the keeper
 * has begun another one. */
static void on_settled(struct refresher_watcher *watcher) {
  struct authenticator *authenticator = LIST_ENTRY(watcher, struct authenticator, watcher);
  if (refresher_update(watcher)) verified_clear(authenticator->verified);
  for (size_t left = authenticator->waiter_count; left > 0; left--) {
    struct waiter *waiter = pop_waiter(authenticator);
    if (!waiter) break;
    examine(authenticator, waiter->request, waiter->token, waiter);
  }
}

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
  authenticator->loop = loop;
  authenticator->keeper = keeper;
  authenticator->verified = verified;
  list_init(&authenticator->waiters);
  uv_timer_init(loop_uv(loop), &authenticator->timer);
  authenticator->timer.data = authenticator;
  authenticator->watcher = (struct refresher_watcher){.loop = loop, .settled = on_settled};
  key_keeper_watch(keeper, &authenticator->watcher);
  refresher_update(&authenticator->watcher);
  return authenticator;
}

static void on_timer_closed(uv_handle_t *handle) {
  let_go(handle->data);
}

static void on_left(struct refresher_watcher *watcher) {
  let_go(LIST_ENTRY(watcher, struct authenticator, watcher));
}

void authenticator_close(struct authenticator *authenticator) {
  if (!authenticator || authenticator->closing) return;
  authenticator->closing = true;
  authenticator->holders = 2;
  struct waiter *waiter;
  while ((waiter = pop_waiter(authenticator)))
    refuse(waiter->request);
  uv_close((uv_handle_t *)&authenticator->timer, on_timer_closed);
  refresher_leave(&authenticator->watcher, on_left);
}
