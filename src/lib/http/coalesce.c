/* coalesce.c: requests for the same target share a run of its handler.
 *
 * Rounds end and start in one task at the end of a turn: whatever came in during the turn is
 * together in one round, whose query leaves at the end of the same turn. A target lives while it
 * has a round or somebody waits for one. All of it belongs to one loop. */
#include "lib/http/coalesce.h"

#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/base/siphash.h"
#include "lib/http/request_metrics.h"
#include "lib/http/round.h"

#include <assert.h>
#include <stdlib.h>

enum { COALESCE_BUCKETS = 256 };

struct coalescer {
  struct http_site *site;
  struct loop_task task; /* ends and starts rounds at the end of a turn */
  struct list due;       /* targets that the task looks at */
  struct list buckets[COALESCE_BUCKETS];
  unsigned target_count;
  unsigned char secret[SIPHASH_SECRET_SIZE];
};

/* A target in progress: it has a round that runs, or requests that wait for the next. */
struct coalesce_target {
  struct coalescer *coalescer;
  struct list place; /* in its bucket */
  struct list due;   /* in the coalescer's list; not in it: nothing is to be done */
  struct str key;    /* follows this structure */
  struct round *running;
  struct list sharing; /* requests that the running round answers */
  struct list waiting; /* requests that came after it had started */
};

static struct http_request *pop_request(struct list *requests) {
  struct list *node = list_pop(requests);
  return node ? LIST_ENTRY(node, struct http_request, place) : NULL;
}

/* --- Targets --- */

static struct list *bucket_of(struct coalescer *coalescer, struct str key) {
  return &coalescer->buckets[siphash(coalescer->secret, key) % COALESCE_BUCKETS];
}

static struct coalesce_target *find(struct list *bucket, struct str key) {
  for (struct list *node = bucket->next; node != bucket; node = node->next) {
    struct coalesce_target *target = LIST_ENTRY(node, struct coalesce_target, place);
    if (str_equal(target->key, key)) return target;
  }
  return NULL;
}

static struct coalesce_target *target_new(struct coalescer *coalescer, struct list *bucket,
                                          struct str key) {
  struct coalesce_target *target = malloc(sizeof(*target) + key.length);
  if (!target) return NULL;
  *target =
      (struct coalesce_target){.coalescer = coalescer, .key = {(char *)(target + 1), key.length}};
  memcpy(target + 1, key.data, key.length);
  list_init(&target->due);
  list_init(&target->sharing);
  list_init(&target->waiting);
  list_append(bucket, &target->place);
  coalescer->target_count++;
  return target;
}

static void target_free(struct coalesce_target *target) {
  assert(list_empty(&target->sharing) && list_empty(&target->waiting));
  target->coalescer->target_count--;
  list_remove(&target->place);
  list_remove(&target->due);
  free(target);
}

static void make_due(struct coalesce_target *target) {
  struct coalescer *coalescer = target->coalescer;
  list_remove(&target->due);
  list_append(&coalescer->due, &target->due);
  if (!coalescer->site->closing) loop_at_end_of_turn(coalescer->site->loop, &coalescer->task);
}

/* --- Rounds --- */

/* The first request that is recorded, so that the query is in its trace; else the first one. */
static const struct http_request *find_traced(const struct list *requests) {
  for (const struct list *node = requests->next; node != requests; node = node->next) {
    const struct http_request *request = LIST_ENTRY(node, const struct http_request, place);
    if (request->has_trace && request->trace.sampled) return request;
  }
  return LIST_ENTRY(requests->next, const struct http_request, place);
}

static void fail_sharing(struct coalesce_target *target, const char *reason) {
  struct http_request *request;
  while ((request = pop_request(&target->sharing)))
    http_answer_internal_error(request, reason);
}

static void on_round_answered(struct http_request *request) {
  make_due(request->target);
}

/* All who wait take part; who comes from now on waits for the next. */
static void start_round(struct coalesce_target *target) {
  struct list *node;
  assert(!target->running && list_empty(&target->sharing));
  while ((node = list_pop(&target->waiting)))
    list_append(&target->sharing, node);
  const struct http_request *first =
      LIST_ENTRY(target->sharing.next, const struct http_request, place);
  target->running = round_new(target, first, find_traced(&target->sharing));
  if (!target->running) {
    fail_sharing(target, "out of memory for a round");
    make_due(target);
    return;
  }
  struct http_request *request = target->running->request;
  request->answered = on_round_answered;
  request->route->handler(request);
}

static void end_round(struct coalesce_target *target) {
  struct http_request *request;
  uint64_t count = 0;
  for (; (request = pop_request(&target->sharing)); count++)
    round_answer(target->running, request);
  request_metrics_share(target->coalescer->site->metrics, count);
  round_unref(target->running);
  target->running = NULL;
}

static bool has_ended(const struct coalesce_target *target) {
  return target->running && target->running->request->phase == HTTP_PHASE_ANSWERED;
}

/* A handler that answers at once makes its target due again. */
static void run_due(struct loop_task *task) {
  struct coalescer *coalescer = LIST_ENTRY(task, struct coalescer, task);
  struct list *node;
  while ((node = list_pop(&coalescer->due))) {
    struct coalesce_target *target = LIST_ENTRY(node, struct coalesce_target, due);
    if (has_ended(target)) end_round(target);
    if (target->running) continue;
    if (list_empty(&target->waiting))
      target_free(target);
    else
      start_round(target);
  }
}

static void refuse_target(struct http_request *request) {
  log_event(LOG_LEVEL_WARNING, "too many different requests in work",
            log_str("request_id", request->id), LOG_END);
  http_answer_unavailable(request);
}

void coalesce_join(struct http_request *request) {
  struct coalescer *coalescer = request->site->coalescer;
  struct str key = str_from(request_target(request));
  struct list *bucket = bucket_of(coalescer, key);
  struct coalesce_target *target = find(bucket, key);
  if (!target && coalescer->target_count == COALESCE_TARGETS_LIMIT) {
    refuse_target(request);
    return;
  }
  if (!target) target = target_new(coalescer, bucket, key);
  if (!target) {
    http_answer_internal_error(request, "out of memory for a target");
    return;
  }
  list_append(&target->waiting, &request->place);
  if (!target->running) make_due(target);
}

/* --- Life --- */

struct coalescer *coalesce_new(struct http_site *site) {
  struct coalescer *coalescer = calloc(1, sizeof(*coalescer));
  if (!coalescer) return NULL;
  coalescer->site = site;
  loop_task_init(&coalescer->task, run_due);
  list_init(&coalescer->due);
  for (size_t i = 0; i < COALESCE_BUCKETS; i++)
    list_init(&coalescer->buckets[i]);
  random_bytes(coalescer->secret, sizeof(coalescer->secret));
  return coalescer;
}

struct coalescer *coalesce_free(struct coalescer *coalescer) {
  assert(!coalescer || coalescer->target_count == 0);
  free(coalescer);
  return NULL;
}

static void close_target(struct coalesce_target *target) {
  struct http_request *request;
  while ((request = pop_request(&target->waiting)))
    http_answer_unavailable(request);
  assert((!target->running || has_ended(target)) && "what handlers wait for gave up first");
  make_due(target);
}

void coalesce_close(struct coalescer *coalescer) {
  assert(coalescer->site->closing);
  loop_task_cancel(&coalescer->task);
  for (size_t i = 0; i < COALESCE_BUCKETS; i++)
    for (struct list *node = coalescer->buckets[i].next; node != &coalescer->buckets[i];
         node = node->next)
      close_target(LIST_ENTRY(node, struct coalesce_target, place));
  run_due(&coalescer->task);
  assert(coalescer->target_count == 0);
}
