/* test_batch.c: a batch: its parameters as Postgres reads them, its results, what its caller is
 * told. */
#include "unit.h"

#include "lib/pg/batch_inside.h"
#include "lib/pg/pool.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct {
  unsigned calls;
  enum pg_outcome outcome;
  char message[ERROR_MESSAGE_SIZE];
} told;

static void on_told(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
  told.calls++;
  told.outcome = outcome;
  snprintf(told.message, sizeof(told.message), "%s", error->message);
}

static struct pg_batch *open_batch(enum pg_statement statement) {
  struct pg_batch *batch = batch_new(NULL, NULL, NULL);
  assert_non_null(batch);
  batch->done = on_told;
  memset(&told, 0, sizeof(told));
  pg_batch_add(batch, statement);
  return batch;
}

/* As it is while its statements run: `calls` results are expected. */
static void pretend_it_was_sent(struct pg_batch *batch) {
  batch_become(batch, PG_BATCH_WAITING);
  batch_become(batch, PG_BATCH_SENT);
  batch->expected = batch->call_count;
}

static PGresult *result_of(ExecStatusType status) {
  PGresult *result = PQmakeEmptyPGresult(NULL, status);
  assert_non_null(result);
  return result;
}

static void tell_and_free(struct pg_batch *batch) {
  batch_tell(batch, PG_BATCH_TOLD);
  batch_free(batch);
}

/* --- Parameters --- */

static void assert_parameter(const struct pg_batch *batch, int number, const void *bytes,
                             int length) {
  assert_int_equal(batch->calls[0].lengths[number], length);
  assert_memory_equal(batch->calls[0].values[number], bytes, (size_t)length);
}

static void parameters_are_binary_and_big_endian(void **state) {
  static const struct uuid UUID = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
  struct pg_batch *batch = open_batch(PG_ACTIVITIES_SEARCH);
  pg_batch_bind_text(batch, STR("Zo\u00eb"));
  pg_batch_bind_text(batch, (struct str){NULL, 0});
  pg_batch_bind_int(batch, -2);
  pg_batch_bind_int(batch, 0x01020304);
  pg_batch_bind_timestamp(batch, PG_EPOCH_UNIX_US + 1);
  pg_batch_bind_timestamp(batch, PG_TIME_INFINITY);
  pg_batch_bind_timestamp(batch, PG_TIME_MINUS_INFINITY);
  pg_batch_bind_uuid(batch, &UUID);
  pg_batch_bind_uuid(batch, NULL);
  assert_parameter(batch, 0, "Zo\xc3\xab", 4);
  assert_non_null(batch->calls[0].values[1]); /* empty, not null */
  assert_int_equal(batch->calls[0].lengths[1], 0);
  assert_parameter(batch, 2, "\xff\xff\xff\xfe", 4);
  assert_parameter(batch, 3, "\x01\x02\x03\x04", 4);
  assert_parameter(batch, 4, "\0\0\0\0\0\0\0\x01", 8); /* a microsecond after 2000-01-01 */
  assert_parameter(batch, 5, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8); /* 'infinity' */
  assert_parameter(batch, 6, "\x80\0\0\0\0\0\0\0", 8);               /* '-infinity' */
  assert_parameter(batch, 7, UUID.bytes, UUID_SIZE);
  assert_null(batch->calls[0].values[8]);
  batch_free(batch);
}

static void a_parameter_too_few_is_noticed(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_SHORT);
  assert_false(batch_has_all_parameters(batch));
  pg_batch_bind_text(batch, STR("andrew"));
  assert_true(batch_has_all_parameters(batch));
  pg_batch_add(batch, PG_ACTIVITIES_STATUS);
  pg_batch_bind_text(batch, STR("andrew"));
  assert_false(batch_has_all_parameters(batch));
  pg_batch_bind_uuid(batch, NULL);
  assert_true(batch_has_all_parameters(batch));
  pg_batch_bind_int(batch, 1);
  assert_false(batch_has_all_parameters(batch));
  batch_free(batch);
}

static void every_statement_counts_its_parameters(void **state) {
  for (int i = 0; i < PG_STATEMENTS; i++) {
    const struct pg_statement_source *source = &pg_statement_sources[i];
    char last[32], next[32];
    assert_in_range(source->parameters, 1, PG_STATEMENT_PARAMETERS);
    snprintf(last, sizeof(last), "$%d::", source->parameters); /* each has a cast */
    snprintf(next, sizeof(next), "$%d", source->parameters + 1);
    assert_non_null(strstr(source->sql, last));
    assert_null(strstr(source->sql, next));
  }
}

/* --- Which rows, which pool --- */

static void the_strictest_statement_chooses_the_pool(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_BY_SUB);
  assert_int_equal(batch_strictest_lane(batch), PG_LANE_READ);
  pg_batch_add(batch, PG_ACTIVITIES_NOTIFICATIONS);
  assert_int_equal(batch_strictest_lane(batch), PG_LANE_HEAVY);
  pg_batch_add(batch, PG_ACTIVITIES_CREATE);
  pg_batch_add(batch, PG_USERS_SHORT);
  assert_int_equal(batch_strictest_lane(batch), PG_LANE_WRITE);
  batch_free(batch);
}

static void an_unknown_lock_has_a_key_of_who(void **state) {
  struct pg_batch *one = open_batch(PG_USERS_UPDATE), *other = open_batch(PG_USERS_UPDATE);
  pg_batch_lock_unknown(one, STR("f73f4b05-a59e-468b-8a29-a1c39e7a2222"));
  pg_batch_lock_unknown(other, STR("f73f4b05-a59e-468b-8a29-a1c39e7a2222"));
  assert_memory_equal(one->lock_key.bytes, other->lock_key.bytes, UUID_SIZE);
  pg_batch_lock_unknown(other, STR("f73f4b05-a59e-468b-8a29-a1c39e7a2223"));
  assert_memory_not_equal(one->lock_key.bytes, other->lock_key.bytes, UUID_SIZE);
  batch_free(one);
  batch_free(other);
}

static void no_batch_is_taken_by_all(void **state) {
  pg_batch_add(NULL, PG_USERS_SHORT);
  pg_batch_bind_text(NULL, STR("andrew"));
  pg_batch_bind_int(NULL, 1);
  pg_batch_bind_timestamp(NULL, 1);
  pg_batch_bind_uuid(NULL, NULL);
  pg_batch_lock(NULL, NULL);
  pg_batch_lock_unknown(NULL, STR("andrew"));
  pg_batch_trace(NULL, NULL);
}

/* --- Results --- */

static void results_are_kept_in_their_order(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_SHORT);
  pg_batch_add(batch, PG_USERS_PROFILE);
  pretend_it_was_sent(batch);
  PGresult *first = result_of(PGRES_TUPLES_OK), *second = result_of(PGRES_COMMAND_OK);
  batch_take_result(batch, first);
  assert_false(batch_is_complete(batch));
  batch_take_result(batch, second);
  assert_true(batch_is_complete(batch));
  assert_false(batch_has_failed(batch));
  assert_int_equal(batch->result_count, 2);
  assert_ptr_equal(batch->results[0], first);
  assert_ptr_equal(batch->results[1], second);
  tell_and_free(batch);
  assert_int_equal(told.calls, 1);
  assert_int_equal(told.outcome, PG_DONE);
  assert_string_equal(told.message, "");
}

static void the_first_failure_is_the_one_that_is_told(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_SHORT);
  pg_batch_add(batch, PG_USERS_PROFILE);
  pretend_it_was_sent(batch);
  batch_take_result(batch, result_of(PGRES_FATAL_ERROR)); /* of libpq: it has no SQLSTATE */
  batch_take_result(batch, result_of(PGRES_PIPELINE_ABORTED));
  assert_true(batch_is_complete(batch) && batch_has_failed(batch) && batch->aborted);
  batch_fail(batch, PG_FAILED, "something else");
  tell_and_free(batch);
  assert_int_equal(told.outcome, PG_UNAVAILABLE);
  assert_string_equal(told.message, "users/short: connection lost (SQLSTATE 08006)");
}

static void a_batch_that_was_reset_can_be_sent_again(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_SHORT);
  pretend_it_was_sent(batch);
  batch_take_result(batch, result_of(PGRES_FATAL_ERROR));
  batch_reset(batch);
  pretend_it_was_sent(batch);
  batch_take_result(batch, result_of(PGRES_TUPLES_OK));
  tell_and_free(batch);
  assert_int_equal(told.outcome, PG_DONE);
}

static void results_for_nobody_are_dropped(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_SHORT);
  pretend_it_was_sent(batch);
  batch_fail(batch, PG_UNAVAILABLE, "no answer within %d ms", 20);
  batch_tell(batch, PG_BATCH_ORPHANED);
  assert_int_equal(told.calls, 1);
  assert_string_equal(told.message, "no answer within 20 ms");
  batch_take_result(batch, result_of(PGRES_TUPLES_OK));
  assert_int_equal(batch->result_count, 0);
  batch_free(batch);
  assert_int_equal(told.calls, 1);
}

/* --- Mistakes of ours --- */

/* True when `mistake` ends the process that makes it. */
static bool is_stopped(void (*mistake)(struct pg_batch *batch), struct pg_batch *batch) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    fclose(stderr);
    mistake(batch);
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void submit(struct pg_batch *batch) {
  pg_pool_submit(batch, on_told, NULL);
}

static void tell(struct pg_batch *batch) {
  batch_tell(batch, PG_BATCH_TOLD);
}

static void wait_in_queue(struct pg_batch *batch) {
  batch_become(batch, PG_BATCH_WAITING);
}

static void a_batch_without_its_parameters_is_not_submitted(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_SHORT);
  assert_true(is_stopped(submit, batch));
  batch_free(batch);
}

static void a_batch_is_submitted_once_and_told_once(void **state) {
  struct pg_batch *batch = open_batch(PG_USERS_SHORT);
  batch_fail(batch, PG_UNAVAILABLE, "down");
  assert_true(is_stopped(tell, batch)); /* it was not submitted */
  wait_in_queue(batch);
  assert_true(is_stopped(wait_in_queue, batch));
  assert_true(is_stopped(batch_free, batch)); /* its caller waits */
  tell(batch);
  assert_true(is_stopped(tell, batch));
  assert_true(is_stopped(wait_in_queue, batch));
  batch_free(batch);
}

/* --- Its span --- */

static struct span recorded;

static void record(struct span_sink *sink, const struct span *span) {
  recorded = *span;
}

static void its_span_names_the_statements(void **state) {
  struct span_sink sink = {.record = record};
  const struct trace_context parent = {.trace_id = {1}, .span_id = {2}, .sampled = true};
  struct pg_batch *batch = batch_new(NULL, &sink, NULL);
  batch->done = on_told;
  pg_batch_trace(batch, &parent);
  pg_batch_add(batch, PG_USERS_PROFILE);
  pg_batch_add(batch, PG_ACTIVITIES_PROFILE);
  pretend_it_was_sent(batch);
  batch_fail(batch, PG_UNAVAILABLE, "down");
  tell_and_free(batch);
  assert_string_equal(recorded.name, "postgres users/profile+activities/profile");
  assert_string_equal(recorded.system, "postgresql");
  assert_string_equal(recorded.error, "unavailable");
  assert_true(recorded.failed);
  assert_memory_equal(recorded.parent_id, parent.span_id, SPAN_ID_SIZE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(parameters_are_binary_and_big_endian),
      cmocka_unit_test(a_parameter_too_few_is_noticed),
      cmocka_unit_test(every_statement_counts_its_parameters),
      cmocka_unit_test(the_strictest_statement_chooses_the_pool),
      cmocka_unit_test(an_unknown_lock_has_a_key_of_who),
      cmocka_unit_test(no_batch_is_taken_by_all),
      cmocka_unit_test(results_are_kept_in_their_order),
      cmocka_unit_test(the_first_failure_is_the_one_that_is_told),
      cmocka_unit_test(a_batch_that_was_reset_can_be_sent_again),
      cmocka_unit_test(results_for_nobody_are_dropped),
      cmocka_unit_test(a_batch_without_its_parameters_is_not_submitted),
      cmocka_unit_test(a_batch_is_submitted_once_and_told_once),
      cmocka_unit_test(its_span_names_the_statements),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
