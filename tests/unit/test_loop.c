/* test_loop.c: running until something has happened. */
#include "unit.h"

#include "lib/loop/loop.h"

#include <unistd.h>

enum { WORK_MS = 40, HANGS_AFTER_S = 60 };

static void set_flag(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

/* The timer is due at once and nothing else would ever wake the loop. */
static void a_timer_that_is_due_ends_the_wait(void **state) {
  struct loop *loop = loop_new(0);
  uv_timer_t timer;
  bool done = false;
  alarm(HANGS_AFTER_S);
  uv_timer_init(loop_uv(loop), &timer);
  timer.data = &done;
  for (int i = 0; i < 3; i++) {
    done = false;
    uv_timer_start(&timer, set_flag, (uint64_t)i, 0);
    loop_run_until(loop, &done);
    assert_true(done);
  }
  loop_run_until(loop, &done); /* it is set already */
  uv_close((uv_handle_t *)&timer, NULL);
  loop_free(loop);
  alarm(0);
}

struct nested {
  struct loop_task task;
  struct loop *loop;
  bool first, second;
};

static void set_second(struct loop *loop, void *argument) {
  (void)loop;
  ((struct nested *)argument)->second = true;
}

static void set_first(struct loop_task *task) {
  struct nested *nested = (struct nested *)(void *)((char *)task - offsetof(struct nested, task));
  nested->first = true;
  assert_true(loop_post(nested->loop, set_second, nested));
}

static void tasks_and_what_was_posted_end_the_wait(void **state) {
  struct nested nested = {.loop = loop_new(0)};
  alarm(HANGS_AFTER_S);
  loop_task_init(&nested.task, set_first);
  loop_at_end_of_turn(nested.loop, &nested.task);
  loop_run_until(nested.loop, &nested.first);
  loop_run_until(nested.loop, &nested.second);
  assert_true(nested.first && nested.second);
  loop_free(nested.loop);
  alarm(0);
}

/* A turn that works for so long, after a wait of the same length. */
static void work(uv_timer_t *timer) {
  uint64_t until = uv_hrtime() + WORK_MS * 1000000ULL;
  while (uv_hrtime() < until) {
  }
  *(bool *)timer->data = true;
}

static void work_is_measured_and_waits_are_not(void **state) {
  struct loop *loop = loop_new(0);
  uv_timer_t timer;
  bool done = false;
  uint64_t begin = uv_hrtime();
  uv_timer_init(loop_uv(loop), &timer);
  timer.data = &done;
  uv_timer_start(&timer, work, WORK_MS, 0);
  loop_run_until(loop, &done);
  uint64_t all_us = (uv_hrtime() - begin) / 1000;
  struct loop_stats stats = loop_stats(loop);
  assert_true(stats.busy_us >= WORK_MS * 1000ULL);
  assert_true(stats.busy_us + WORK_MS * 1000ULL / 2 <= all_us); /* most of the wait is left out */
  assert_true(histogram_count(stats.turns) >= 2);
  assert_true(histogram_read(&stats.turns->total) <= stats.busy_us);
  uv_close((uv_handle_t *)&timer, NULL);
  loop_free(loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_timer_that_is_due_ends_the_wait),
      cmocka_unit_test(work_is_measured_and_waits_are_not),
      cmocka_unit_test(tasks_and_what_was_posted_end_the_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
