/* key_purge.c: deletes idempotency keys that count no more, from time to time.
 *
 * At any time either the timer runs or one batch is under way, whose continuation starts the timer
 * again: with a short pause while keys are left, else until the next run. All on one loop. The
 * continuation of a batch may come after key_purge_close(), so the memory goes with the loop. */
#include "routes/key_purge.h"

#include "lib/base/log.h"
#include "lib/base/random.h"

#include <stdlib.h>

enum {
  KEYS_A_BATCH = 1000, /* some milliseconds of one connection */
  BATCH_PAUSE_MS = 100,
};

struct key_purge {
  struct pg_pool *pool;
  uv_timer_t timer;
  uint64_t interval_ms;
  bool closing;
};

static void on_time(uv_timer_t *timer);

/* Between half an interval and a whole one. */
static void wait_for_next_run(struct key_purge *purge) {
  uint64_t half_ms = purge->interval_ms / 2;
  uv_timer_start(&purge->timer, on_time, half_ms + random_backoff_ms(0, half_ms, half_ms), 0);
}

static void on_purged(enum pg_outcome outcome, const struct pg_result *const *results,
                      const struct error *error, void *argument) {
  struct key_purge *purge = argument;
  if (purge->closing) return;
  if (outcome != PG_DONE)
    log_event(LOG_LEVEL_WARNING, "old idempotency keys stay for now",
              log_text("reason", error->message), LOG_END);
  if (outcome == PG_DONE && pg_result_rows(results[0]) > 0)
    uv_timer_start(&purge->timer, on_time, BATCH_PAUSE_MS, 0);
  else
    wait_for_next_run(purge);
}

static void on_time(uv_timer_t *timer) {
  struct key_purge *purge = timer->data;
  struct pg_batch *batch = pg_pool_new_batch(purge->pool);
  pg_batch_add(batch, PG_IDEMPOTENCY_PURGE);
  pg_batch_bind_int(batch, KEYS_A_BATCH);
  pg_pool_submit(batch, on_purged, purge);
}

struct key_purge *key_purge_new(struct loop *loop, struct pg_pool *pool, unsigned interval_s,
                                struct error *error) {
  struct key_purge *purge = calloc(1, sizeof(*purge));
  if (!purge) {
    error_set(error, ERROR_MEMORY, "out of memory for the purge of idempotency keys");
    return NULL;
  }
  *purge = (struct key_purge){.pool = pool, .interval_ms = interval_s * 1000ULL};
  loop_free_at_end(loop, purge);
  uv_timer_init(loop_uv(loop), &purge->timer);
  purge->timer.data = purge;
  wait_for_next_run(purge);
  return purge;
}

void key_purge_close(struct key_purge *purge) {
  if (!purge || purge->closing) return;
  purge->closing = true;
  uv_close((uv_handle_t *)&purge->timer, NULL);
}
