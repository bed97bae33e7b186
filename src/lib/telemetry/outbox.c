/* outbox.c: items of text on their way to a web service, off the request path.
 *
 * States: open → draining → closed (become()). `waiting` is a list of batches, the oldest first;
 * only the last one may have room. A batch that leaves is owned by its request until the fetcher
 * answers, which it does exactly once, also when it closes after us. All of it runs on the loop's
 * thread; only the counter is read by others. */
#include "lib/telemetry/outbox.h"

#include "lib/base/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 10000, RESPONSE_LIMIT = 64 * 1024 };

enum outbox_state { OUTBOX_OPEN, OUTBOX_DRAINING, OUTBOX_CLOSED };

struct outbox_batch {
  struct outbox *outbox;
  struct list node; /* in `waiting` */
  struct buffer body;
  unsigned count; /* of its items */
};

struct outbox {
  struct fetcher *fetcher;
  const struct outbox_options *options;
  enum outbox_state state;
  struct list waiting;
  unsigned waiting_count; /* items in `waiting` */
  unsigned requests;      /* under way */
  bool due;               /* what waits may leave, full or not */
  bool refused;           /* the last request failed */
  uv_timer_t timer;       /* open: until what waits is due; draining: until the end */
  atomic_uint_fast64_t dropped;
  void (*drained)(void *argument);
  void *drained_argument;
};

struct outbox *outbox_new(struct loop *loop, struct fetcher *fetcher,
                          const struct outbox_options *options, struct error *error) {
  struct outbox *outbox = calloc(1, sizeof(*outbox));
  assert(options->batch_limit >= 1 && options->waiting_limit >= options->batch_limit);
  if (!outbox) {
    error_set(error, ERROR_MEMORY, "out of memory for an outbox");
    return NULL;
  }
  loop_free_at_end(loop, outbox);
  *outbox = (struct outbox){.fetcher = fetcher, .options = options};
  list_init(&outbox->waiting);
  atomic_init(&outbox->dropped, 0);
  uv_timer_init(loop_uv(loop), &outbox->timer);
  outbox->timer.data = outbox;
  return outbox;
}

static void become(struct outbox *outbox, enum outbox_state state) {
  assert(state == outbox->state + 1 && "open, draining, closed: in this order");
  outbox->state = state;
}

void outbox_drop(struct outbox *outbox, unsigned count) {
  atomic_fetch_add_explicit(&outbox->dropped, count, memory_order_relaxed);
}

uint64_t outbox_dropped(const struct outbox *outbox) {
  return atomic_load_explicit(&outbox->dropped, memory_order_relaxed);
}

/* --- Batches --- */

static void free_batch(struct outbox_batch *batch) {
  buffer_free(&batch->body);
  free(batch);
}

static void take_off(struct outbox_batch *batch) {
  assert(batch->outbox->waiting_count >= batch->count);
  batch->outbox->waiting_count -= batch->count;
  list_remove(&batch->node);
}

static void drop_batch(struct outbox_batch *batch) {
  outbox_drop(batch->outbox, batch->count);
  free_batch(batch);
}

static struct outbox_batch *first_batch(struct outbox *outbox) {
  return list_empty(&outbox->waiting) ? NULL
                                      : LIST_ENTRY(outbox->waiting.next, struct outbox_batch, node);
}

static void on_due(uv_timer_t *timer);

/* The first batch that waits starts the timer, for itself and for those that follow it. */
static struct outbox_batch *begin_batch(struct outbox *outbox) {
  struct outbox_batch *batch = calloc(1, sizeof(*batch));
  if (!batch) return NULL;
  batch->outbox = outbox;
  if (list_empty(&outbox->waiting)) uv_timer_start(&outbox->timer, on_due, OUTBOX_GATHER_MS, 0);
  list_append(&outbox->waiting, &batch->node);
  buffer_append_str(&batch->body, outbox->options->head);
  return batch;
}

/* The batch that the next item goes into; NULL when memory is out. */
static struct outbox_batch *open_batch(struct outbox *outbox) {
  if (list_empty(&outbox->waiting)) return begin_batch(outbox);
  struct outbox_batch *last = LIST_ENTRY(outbox->waiting.previous, struct outbox_batch, node);
  return last->count < outbox->options->batch_limit ? last : begin_batch(outbox);
}

/* --- Requests --- */

static void send_batches(struct outbox *outbox);
static void close_when_empty(struct outbox *outbox);

/* One line when the service begins to refuse, and one when it takes items again. */
static void tell(struct outbox *outbox, const struct fetch_response *response, bool taken) {
  if (!taken && !outbox->refused)
    log_event(LOG_LEVEL_WARNING, outbox->options->refused, log_int("status", response->status),
              log_text("reason", response->error ? response->error->message : ""), LOG_END);
  if (taken && outbox->refused) log_event(LOG_LEVEL_INFO, outbox->options->taken, LOG_END);
  outbox->refused = !taken;
}

static void on_answer(const struct fetch_response *response, void *argument) {
  struct outbox_batch *batch = argument;
  struct outbox *outbox = batch->outbox;
  bool taken = response->status >= 200 && response->status < 300;
  assert(outbox->requests > 0);
  outbox->requests--;
  tell(outbox, response, taken);
  if (taken)
    free_batch(batch);
  else
    drop_batch(batch);
  send_batches(outbox);
  close_when_empty(outbox);
}

static void send_batch(struct outbox *outbox, struct outbox_batch *batch) {
  const struct outbox_options *options = outbox->options;
  assert(batch->count >= 1 && batch->count <= options->batch_limit);
  buffer_append_str(&batch->body, options->tail);
  struct fetch_request request = {
      .service = options->service,
      .method = "POST",
      .url = options->url,
      .headers = options->headers,
      .header_count = options->header_count,
      .body = buffer_str(&batch->body),
      .body_borrowed = true, /* the batch lives until on_answer() */
      .timeout_ms = TIMEOUT_MS,
      .response_limit = RESPONSE_LIMIT,
  };
  if (!batch->body.failed && fetch_start(outbox->fetcher, &request, on_answer, batch, NULL))
    outbox->requests++;
  else
    drop_batch(batch);
}

/* Sends the batches that are full or due, the oldest first, as far as requests are free. */
static void send_batches(struct outbox *outbox) {
  struct outbox_batch *batch;
  while (outbox->requests < OUTBOX_REQUESTS_LIMIT && (batch = first_batch(outbox))) {
    if (batch->count < outbox->options->batch_limit && !outbox->due) return;
    take_off(batch);
    send_batch(outbox, batch);
  }
  if (list_empty(&outbox->waiting)) outbox->due = false;
}

static void on_due(uv_timer_t *timer) {
  struct outbox *outbox = timer->data;
  outbox->due = true;
  send_batches(outbox);
}

void outbox_add(struct outbox *outbox, struct str item) {
  const struct outbox_options *options = outbox->options;
  bool full = outbox->waiting_count >= options->waiting_limit;
  struct outbox_batch *batch = outbox->state == OUTBOX_OPEN && !full ? open_batch(outbox) : NULL;
  if (!batch) {
    outbox_drop(outbox, 1);
    return;
  }
  if (batch->count > 0) buffer_append_str(&batch->body, options->separator);
  buffer_append_str(&batch->body, item);
  batch->count++;
  outbox->waiting_count++;
  if (batch->body.failed) { /* memory is out: what the body holds is cut short */
    take_off(batch);
    drop_batch(batch);
  }
  send_batches(outbox);
}

/* --- The end --- */

static void close_outbox(struct outbox *outbox) {
  struct outbox_batch *batch;
  become(outbox, OUTBOX_CLOSED);
  while ((batch = first_batch(outbox))) {
    take_off(batch);
    drop_batch(batch);
  }
  assert(outbox->waiting_count == 0);
  uv_close((uv_handle_t *)&outbox->timer, NULL);
  outbox->drained(outbox->drained_argument);
}

static void close_when_empty(struct outbox *outbox) {
  if (outbox->state == OUTBOX_DRAINING && outbox->requests == 0 && list_empty(&outbox->waiting))
    close_outbox(outbox);
}

static void on_drain_timeout(uv_timer_t *timer) {
  close_outbox(timer->data);
}

void outbox_drain(struct outbox *outbox, void (*drained)(void *argument), void *argument) {
  become(outbox, OUTBOX_DRAINING);
  outbox->drained = drained;
  outbox->drained_argument = argument;
  outbox->due = true;
  uv_timer_start(&outbox->timer, on_drain_timeout, OUTBOX_DRAIN_MS, 0);
  send_batches(outbox);
  close_when_empty(outbox);
}
