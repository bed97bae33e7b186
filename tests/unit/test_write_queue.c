/* test_write_queue.c: which waiting writes leave together. */
#include "unit.h"

#include "lib/pg/write_queue.h"

enum { WRITES = 8, LIMIT = 64 };

struct bench {
  struct write_queue queue;
  struct pg_batch *writes[WRITES];
};

static void make(struct bench *bench) {
  write_queue_init(&bench->queue);
  for (int i = 0; i < WRITES; i++) {
    bench->writes[i] = batch_new(NULL, NULL, NULL);
    assert_non_null(bench->writes[i]);
  }
}

static void drop(struct bench *bench) {
  for (int i = 0; i < WRITES; i++)
    batch_free(bench->writes[i]);
}

static void lock_row(struct pg_batch *batch, unsigned char first_byte) {
  struct uuid row = {{first_byte}};
  pg_batch_lock(batch, &row);
}

/* What leaves next, as the numbers of the writes: "0 2 1". */
static const char *take(struct bench *bench, unsigned limit) {
  static char text[64];
  struct pg_batch *group[LIMIT];
  unsigned count = write_queue_take(&bench->queue, group, limit);
  size_t length = 0;
  text[0] = '\0';
  for (unsigned i = 0; i < count; i++)
    for (int number = 0; number < WRITES; number++)
      if (bench->writes[number] == group[i])
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "%s%d", i ? " " : "", number);
  return text;
}

static void add(struct bench *bench, int count) {
  for (int i = 0; i < count; i++)
    write_queue_add(&bench->queue, bench->writes[i]);
}

static void plain_writes_leave_together_in_their_order(void **state) {
  struct bench bench;
  make(&bench);
  add(&bench, 4);
  assert_string_equal(take(&bench, 3), "0 1 2");
  assert_string_equal(take(&bench, 3), "3");
  assert_string_equal(take(&bench, 3), "");
  drop(&bench);
}

static void rows_are_locked_in_their_order(void **state) {
  struct bench bench;
  make(&bench);
  lock_row(bench.writes[0], 9);
  lock_row(bench.writes[2], 3);
  lock_row(bench.writes[3], 9);
  add(&bench, 4);
  assert_string_equal(take(&bench, LIMIT), "1 2 0 3");
  drop(&bench);
}

static void an_unknown_lock_goes_beside_plain_writes_alone(void **state) {
  struct bench bench;
  make(&bench);
  pg_batch_lock_unknown(bench.writes[0], STR("alice"));
  pg_batch_lock_unknown(bench.writes[1], STR("bob"));
  lock_row(bench.writes[2], 1);
  add(&bench, 5);
  assert_string_equal(take(&bench, LIMIT), "3 4 0");
  assert_string_equal(take(&bench, LIMIT), "1");
  assert_string_equal(take(&bench, LIMIT), "2");
  drop(&bench);
}

static void a_known_row_that_came_first_keeps_the_unknown_out(void **state) {
  struct bench bench;
  make(&bench);
  lock_row(bench.writes[0], 1);
  pg_batch_lock_unknown(bench.writes[1], STR("bob"));
  lock_row(bench.writes[2], 2);
  add(&bench, 3);
  assert_string_equal(take(&bench, LIMIT), "0 2");
  assert_string_equal(take(&bench, LIMIT), "1");
  drop(&bench);
}

static void a_culprit_runs_alone_and_the_others_in_turn_with_it(void **state) {
  struct bench bench;
  make(&bench);
  add(&bench, 4);
  assert_string_equal(take(&bench, LIMIT), "0 1 2 3");
  for (int i = 0; i < 4; i++)
    write_queue_return(&bench.queue, bench.writes[i], i == 1 || i == 2);
  assert_string_equal(take(&bench, LIMIT), "1");
  assert_string_equal(take(&bench, LIMIT), "0 3");
  assert_string_equal(take(&bench, LIMIT), "2");
  drop(&bench);
}

static void a_write_of_two_failed_groups_runs_alone(void **state) {
  struct bench bench;
  make(&bench);
  bench.writes[0]->reruns = 2;
  write_queue_return(&bench.queue, bench.writes[0], false);
  write_queue_add(&bench.queue, bench.writes[1]);
  assert_string_equal(take(&bench, LIMIT), "0");
  assert_string_equal(take(&bench, LIMIT), "1");
  drop(&bench);
}

static void writes_wait_behind_a_suspect_with_their_lock(void **state) {
  struct bench bench;
  make(&bench);
  lock_row(bench.writes[0], 7);
  lock_row(bench.writes[1], 7);
  lock_row(bench.writes[2], 8);
  lock_row(bench.writes[4], 7);
  write_queue_return(&bench.queue, bench.writes[0], true);
  assert_string_equal(take(&bench, LIMIT), "0");
  for (int i = 1; i < 5; i++)
    write_queue_add(&bench.queue, bench.writes[i]);
  assert_string_equal(take(&bench, LIMIT), "3 2"); /* 1 and 4 lock what 0 is waiting for */
  assert_string_equal(take(&bench, LIMIT), "");
  write_queue_add(&bench.queue, bench.writes[5]);
  write_queue_forget(&bench.queue, bench.writes[0]);
  assert_string_equal(take(&bench, 2), "1 4"); /* first now, and in their order */
  assert_string_equal(take(&bench, LIMIT), "5");
  drop(&bench);
}

static void writes_wait_behind_one_that_waits_elsewhere(void **state) {
  struct bench bench;
  make(&bench);
  lock_row(bench.writes[0], 7);
  lock_row(bench.writes[1], 7);
  add(&bench, 1);
  assert_string_equal(take(&bench, LIMIT), "0");
  write_queue_suspect(&bench.queue, bench.writes[0]); /* it was alone, and met the time limit */
  write_queue_add(&bench.queue, bench.writes[1]);
  assert_string_equal(take(&bench, LIMIT), "");
  write_queue_forget(&bench.queue, bench.writes[0]);
  assert_string_equal(take(&bench, LIMIT), "1");
  drop(&bench);
}

static void everything_that_waits_can_be_taken_off(void **state) {
  struct bench bench;
  make(&bench);
  lock_row(bench.writes[0], 7);
  lock_row(bench.writes[1], 7);
  write_queue_return(&bench.queue, bench.writes[0], true);
  write_queue_add(&bench.queue, bench.writes[1]);
  write_queue_add(&bench.queue, bench.writes[2]);
  assert_string_equal(take(&bench, LIMIT), "0");
  assert_string_equal(take(&bench, LIMIT), "2");
  assert_ptr_equal(write_queue_pop(&bench.queue), bench.writes[1]);
  assert_null(write_queue_pop(&bench.queue));
  drop(&bench);
}

/* Whether the writes with these numbers may be one transaction, in this order. */
static bool is_group(const struct bench *bench, const char *numbers) {
  const struct pg_batch *batches[WRITES];
  unsigned count = 0;
  for (; numbers[count]; count++)
    batches[count] = bench->writes[numbers[count] - '0'];
  return write_queue_is_group(batches, count, 4);
}

static void what_may_be_one_transaction(void **state) {
  struct bench bench;
  make(&bench);
  lock_row(bench.writes[2], 3);
  lock_row(bench.writes[3], 9);
  pg_batch_lock_unknown(bench.writes[4], STR("alice"));
  pg_batch_lock_unknown(bench.writes[5], STR("bob"));
  bench.writes[6]->alone = true;
  assert_true(is_group(&bench, "0123"));
  assert_true(is_group(&bench, "014"));
  assert_true(is_group(&bench, "6"));
  assert_false(is_group(&bench, "01723")); /* too many */
  assert_false(is_group(&bench, "032"));   /* rows in another order */
  assert_false(is_group(&bench, "20"));    /* a row is locked too early */
  assert_false(is_group(&bench, "24"));    /* a known row beside unknown ones */
  assert_false(is_group(&bench, "45"));    /* two with unknown rows */
  assert_false(is_group(&bench, "06"));    /* one that runs alone */
  drop(&bench);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_writes_leave_together_in_their_order),
      cmocka_unit_test(rows_are_locked_in_their_order),
      cmocka_unit_test(an_unknown_lock_goes_beside_plain_writes_alone),
      cmocka_unit_test(a_known_row_that_came_first_keeps_the_unknown_out),
      cmocka_unit_test(a_culprit_runs_alone_and_the_others_in_turn_with_it),
      cmocka_unit_test(a_write_of_two_failed_groups_runs_alone),
      cmocka_unit_test(writes_wait_behind_a_suspect_with_their_lock),
      cmocka_unit_test(writes_wait_behind_one_that_waits_elsewhere),
      cmocka_unit_test(everything_that_waits_can_be_taken_off),
      cmocka_unit_test(what_may_be_one_transaction),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
