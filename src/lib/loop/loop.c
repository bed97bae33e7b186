/* loop.c: an event loop of libuv, with tasks at the end of a turn, an inbox and deadlines.
 *
 * A turn ends after libuv has handled its events: tasks run then, in rounds, since a task may ask
 * for another. The inbox is the only part that other threads touch; its mutex guards it, and a
 * closed inbox lets the loop end. A queue of deadlines is in the order of time, because all of its
 * deadlines have the same length. */
#include "lib/loop/loop.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct posted {
  void (*function)(struct loop *loop, void *argument);
  void *argument;
  struct list node;
};

struct kept {
  void *memory;
  struct list node;
};

/* How busy a loop is, from libuv's measure of its waits. */
struct meter {
  struct histogram turns;       /* microseconds */
  atomic_uint_fast64_t busy_us; /* in the turns that have ended */
  atomic_uint_fast64_t mark_us; /* what worked_us() gave when the present turn began */
};

struct loop {
  uv_loop_t uv;
  uv_check_t end_of_turn;   /* runs after the turn's events */
  uv_prepare_t before_wait; /* runs what timers and posted functions asked for, before sleeping */
  uv_idle_t awake;          /* keeps the loop from sleeping while tasks are left */
  const bool *until;        /* of loop_run_until(); may be NULL */
  struct list tasks;
  struct list kept; /* memory that is freed with the loop */
  unsigned index;
  struct meter meter;

  pthread_mutex_t inbox_mutex;
  uv_async_t inbox_signal;
  struct list inbox;
  bool inbox_closed;
};

/* Tasks may ask for tasks; a task that asks for itself again waits for the next turn's end. */
static void run_tasks(struct loop *loop) {
  enum { TASK_ROUNDS = 8 }; /* a bound: what is left runs at the end of the next turn */
  for (int round = 0; round < TASK_ROUNDS && !list_empty(&loop->tasks); round++) {
    struct list now;
    list_init(&now);
    struct list *node;
    while ((node = list_pop(&loop->tasks)))
      list_append(&now, node);
    while ((node = list_pop(&now))) {
      struct loop_task *task = LIST_ENTRY(node, struct loop_task, node);
      task->run(task);
    }
  }
}

static void on_end_of_turn(uv_check_t *check) {
  run_tasks(check->data);
}

/* A clock that stands still while the loop waits. libuv counts a wait that goes on as well, and
 * locks its number, so that another thread can read it. */
static uint64_t worked_us(struct loop *loop) {
  return (uv_hrtime() - uv_metrics_idle_time(&loop->uv)) / 1000;
}

static uint64_t present_turn_us(struct loop *loop) {
  uint64_t mark = histogram_read(&loop->meter.mark_us), now = worked_us(loop);
  return now > mark ? now - mark : 0;
}

static void end_turn(struct loop *loop) {
  uint64_t turn = present_turn_us(loop);
  histogram_record(&loop->meter.turns, &histogram_times, turn);
  atomic_fetch_add_explicit(&loop->meter.busy_us, turn, memory_order_relaxed);
  atomic_fetch_add_explicit(&loop->meter.mark_us, turn, memory_order_relaxed);
}

static void stay_awake(uv_idle_t *idle) {
  (void)idle;
}

static void on_before_wait(uv_prepare_t *prepare) {
  struct loop *loop = prepare->data;
  run_tasks(loop);
  if (list_empty(&loop->tasks))
    uv_idle_stop(&loop->awake);
  else
    uv_idle_start(&loop->awake, stay_awake);
  if (loop->until && *loop->until) uv_stop(&loop->uv);
  end_turn(loop);
}

static void on_inbox(uv_async_t *signal) {
  struct loop *loop = signal->data;
  struct list arrived;
  list_init(&arrived);
  pthread_mutex_lock(&loop->inbox_mutex);
  struct list *node;
  while ((node = list_pop(&loop->inbox)))
    list_append(&arrived, node);
  bool closed = loop->inbox_closed;
  pthread_mutex_unlock(&loop->inbox_mutex);
  while ((node = list_pop(&arrived))) {
    struct posted *posted = LIST_ENTRY(node, struct posted, node);
    posted->function(loop, posted->argument);
    free(posted);
  }
  if (!closed || uv_is_closing((uv_handle_t *)signal)) return;
  uv_close((uv_handle_t *)signal, NULL);
  uv_close((uv_handle_t *)&loop->end_of_turn, NULL);
  uv_close((uv_handle_t *)&loop->before_wait, NULL);
  uv_close((uv_handle_t *)&loop->awake, NULL);
}

struct loop *loop_new(unsigned index) {
  struct loop *loop = calloc(1, sizeof(*loop));
  if (!loop) return NULL;
  if (uv_loop_init(&loop->uv) != 0) {
    free(loop);
    return NULL;
  }
  loop->index = index;
  uv_loop_configure(&loop->uv, UV_METRICS_IDLE_TIME);
  atomic_init(&loop->meter.mark_us, worked_us(loop));
  list_init(&loop->tasks);
  list_init(&loop->inbox);
  list_init(&loop->kept);
  pthread_mutex_init(&loop->inbox_mutex, NULL);
  uv_check_init(&loop->uv, &loop->end_of_turn);
  uv_prepare_init(&loop->uv, &loop->before_wait);
  uv_idle_init(&loop->uv, &loop->awake);
  loop->end_of_turn.data = loop->before_wait.data = loop;
  uv_check_start(&loop->end_of_turn, on_end_of_turn);
  uv_prepare_start(&loop->before_wait, on_before_wait);
  uv_unref((uv_handle_t *)&loop->end_of_turn);
  uv_unref((uv_handle_t *)&loop->before_wait);
  uv_async_init(&loop->uv, &loop->inbox_signal, on_inbox);
  loop->inbox_signal.data = loop;
  return loop;
}

void loop_run(struct loop *loop) {
  uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_run_until(struct loop *loop, const bool *done) {
  const bool *outer = loop->until;
  loop->until = done;
  while (!*done)
    uv_run(&loop->uv, UV_RUN_DEFAULT);
  loop->until = outer;
}

struct loop *loop_free(struct loop *loop) {
  if (!loop) return NULL;
  loop_close_inbox(loop);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  int left = uv_loop_close(&loop->uv);
  assert(left == 0 && "a handle of the loop was not closed");
  (void)left;
  pthread_mutex_destroy(&loop->inbox_mutex);
  struct list *node;
  while ((node = list_pop(&loop->kept))) {
    struct kept *kept = LIST_ENTRY(node, struct kept, node);
    free(kept->memory);
    free(kept);
  }
  free(loop);
  return NULL;
}

void loop_free_at_end(struct loop *loop, void *memory) {
  struct kept *kept = calloc(1, sizeof(*kept));
  if (!kept) return; /* leaked at the end of the process rather than freed too early */
  kept->memory = memory;
  list_append(&loop->kept, &kept->node);
}

uv_loop_t *loop_uv(struct loop *loop) {
  return &loop->uv;
}

unsigned loop_index(const struct loop *loop) {
  return loop->index;
}

struct loop_stats loop_stats(struct loop *loop) {
  uint64_t present_us = present_turn_us(loop);
  return (struct loop_stats){.busy_us = histogram_read(&loop->meter.busy_us) + present_us,
                             .present_us = present_us,
                             .turns = &loop->meter.turns};
}

uint64_t loop_now_ms(const struct loop *loop) {
  return uv_now(&loop->uv);
}

void loop_task_init(struct loop_task *task, void (*run)(struct loop_task *task)) {
  task->run = run;
  list_init(&task->node);
}

void loop_at_end_of_turn(struct loop *loop, struct loop_task *task) {
  if (list_empty(&task->node)) list_append(&loop->tasks, &task->node);
}

void loop_task_cancel(struct loop_task *task) {
  list_remove(&task->node);
}

bool loop_post(struct loop *loop, void (*function)(struct loop *loop, void *argument),
               void *argument) {
  struct posted *posted = calloc(1, sizeof(*posted));
  if (!posted) return false;
  assert(function);
  posted->function = function;
  posted->argument = argument;
  pthread_mutex_lock(&loop->inbox_mutex);
  bool closed = loop->inbox_closed;
  if (!closed) {
    list_append(&loop->inbox, &posted->node);
    uv_async_send(
        &loop->inbox_signal); /* under the lock: the signal is open while it is not closed */
  }
  pthread_mutex_unlock(&loop->inbox_mutex);
  if (closed) free(posted);
  return !closed;
}

void loop_close_inbox(struct loop *loop) {
  pthread_mutex_lock(&loop->inbox_mutex);
  if (!loop->inbox_closed) {
    loop->inbox_closed = true;
    uv_async_send(&loop->inbox_signal);
  }
  pthread_mutex_unlock(&loop->inbox_mutex);
}

static void arm(struct deadline_queue *queue);

static void on_timer(uv_timer_t *timer) {
  struct deadline_queue *queue = timer->data;
  uint64_t now = loop_now_ms(queue->loop);
  while (!list_empty(&queue->deadlines)) {
    const struct deadline *deadline =
        LIST_ENTRY(queue->deadlines.next, const struct deadline, node);
    if (deadline->due_ms > now) break;
    loop_deadlines_expire_first(queue);
  }
  arm(queue);
}

bool loop_deadlines_expire_first(struct deadline_queue *queue) {
  struct list *node = list_pop(&queue->deadlines);
  if (!node) return false;
  struct deadline *deadline = LIST_ENTRY(node, struct deadline, node);
  assert(deadline->expired);
  deadline->expired(deadline);
  return true;
}

/* The timer runs while there are deadlines; one that was stopped early costs one early wake-up. */
static void arm(struct deadline_queue *queue) {
  if (queue->closing || list_empty(&queue->deadlines)) return;
  struct deadline *first = LIST_ENTRY(queue->deadlines.next, struct deadline, node);
  uint64_t now = loop_now_ms(queue->loop);
  uv_timer_start(&queue->timer, on_timer, first->due_ms > now ? first->due_ms - now : 0, 0);
}

void loop_deadlines_init(struct deadline_queue *queue, struct loop *loop, uint64_t length_ms) {
  *queue = (struct deadline_queue){.loop = loop, .length_ms = length_ms};
  list_init(&queue->deadlines);
  uv_timer_init(&loop->uv, &queue->timer);
  queue->timer.data = queue;
}

void loop_deadlines_close(struct deadline_queue *queue) {
  if (queue->closing) return;
  queue->closing = true;
  while (list_pop(&queue->deadlines)) {
  }
  uv_close((uv_handle_t *)&queue->timer, NULL);
}

void loop_deadline_init(struct deadline *deadline, void (*expired)(struct deadline *deadline)) {
  *deadline = (struct deadline){.expired = expired};
  list_init(&deadline->node);
}

void loop_deadline_start(struct deadline_queue *queue, struct deadline *deadline) {
  list_remove(&deadline->node);
  if (queue->closing) return;
  deadline->due_ms = loop_now_ms(queue->loop) + queue->length_ms;
  assert(list_empty(&queue->deadlines) ||
         LIST_ENTRY(queue->deadlines.previous, struct deadline, node)->due_ms <= deadline->due_ms);
  list_append(&queue->deadlines, &deadline->node);
  if (!uv_is_active((uv_handle_t *)&queue->timer)) arm(queue);
}

void loop_deadline_stop(struct deadline *deadline) {
  list_remove(&deadline->node);
}
