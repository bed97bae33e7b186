/* loop.h: one event loop a thread (libuv), with what the rooms above need of it: work at the end of
 * a turn, and deadlines of equal length. Every function is called on the loop's own thread but for
 * loop_post(). */
#pragma once

#include "lib/base/error.h"
#include "lib/base/histogram.h"
#include "lib/base/list.h"

#include <stdint.h>
#include <uv.h>

struct loop;

/* Something to run once at the end of the current turn, after every event of the turn was handled:
 * one write to Postgres for all that was submitted, one MHD_run for all that was resumed. */
struct loop_task {
  void (*run)(struct loop_task *task);
  struct list node; /* set up by loop_task_init() */
};

/* Deadlines of one length: a list in order of time behind a single timer. */
struct deadline_queue {
  struct loop *loop;
  uv_timer_t timer;
  uint64_t length_ms;
  struct list deadlines;
  bool closing;
};

struct deadline {
  void (*expired)(struct deadline *deadline); /* called once, after the deadline was removed */
  uint64_t due_ms;
  struct list node;
};

/* Makes a loop; `index` is its number among the process's loops, from 0. NULL when memory is out.
 */
struct loop *loop_new(unsigned index);

/* Runs until nothing is left that keeps it alive. */
void loop_run(struct loop *loop);

/* Runs until a callback has set `*done`, for who waits for one thing: uv_run() with UV_RUN_ONCE
 * would go to sleep after a timer's callback, though there may be nothing left to wake it. */
void loop_run_until(struct loop *loop, const bool *done);

/* Frees a loop whose handles are all closed. Takes NULL; returns NULL. */
struct loop *loop_free(struct loop *loop);

/* Frees `memory` (from malloc) in loop_free(): for what holds handles that close with the loop. */
void loop_free_at_end(struct loop *loop, void *memory);

uv_loop_t *loop_uv(struct loop *loop);
unsigned loop_index(const struct loop *loop);

/* How busy the loop is. A turn is what it does between two waits: whatever becomes ready meanwhile
 * waits for its end. From any thread. */
struct loop_stats {
  uint64_t busy_us;              /* in all turns, since the start */
  uint64_t present_us;           /* in the present turn; about 0 of a loop that waits */
  const struct histogram *turns; /* how long they took, in microseconds; the loop's */
};

struct loop_stats loop_stats(struct loop *loop);

/* Milliseconds of the loop's clock, read once a turn. */
uint64_t loop_now_ms(const struct loop *loop);

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task));

/* Runs `task` at the end of the turn; asking again before it ran changes nothing. A task asked for
 * by a task runs in the same end of turn. */
void loop_at_end_of_turn(struct loop *loop, struct loop_task *task);

/* Forgets a task that was asked for. */
void loop_task_cancel(struct loop_task *task);

/* From any thread: runs `function(loop, argument)` on the loop's thread, in the order of the calls.
 * Returns false when memory is out or the loop takes no more (see loop_close_inbox()). */
bool loop_post(struct loop *loop, void (*function)(struct loop *loop, void *argument),
               void *argument);

/* Ends loop_post(): what was posted before is run, then the loop is no longer kept alive by it. */
void loop_close_inbox(struct loop *loop);

void loop_deadlines_init(struct deadline_queue *queue, struct loop *loop, uint64_t length_ms);

/* Closes the timer; deadlines still in the queue never expire. The queue's memory must stay until
 * the loop has ended. */
void loop_deadlines_close(struct deadline_queue *queue);

void loop_deadline_init(struct deadline *deadline, void (*expired)(struct deadline *deadline));

/* Starts `deadline`, or starts it again: it expires after the queue's length. */
void loop_deadline_start(struct deadline_queue *queue, struct deadline *deadline);

/* Stops it; harmless when it does not run. */
void loop_deadline_stop(struct deadline *deadline);

/* Lets the deadline that is due first expire now. False when the queue has none. */
bool loop_deadlines_expire_first(struct deadline_queue *queue);

static inline bool loop_deadline_is_running(const struct deadline *deadline) {
  return !list_empty(&deadline->node);
}
