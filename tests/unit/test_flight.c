/* test_flight.c: what becomes of the batches in flight, by what the server says. */
#include "pg_bench.h"

#include "lib/pg/flight.h"

enum { BATCHES = 4, DEADLINE_MS = 10000 };

/* A flight over a connection, and what was told of its batches: "0 answered, 1 undone". */
struct bench {
  struct pg_bench pg;
  struct loop *loop;
  struct deadline_queue heads;
  struct pg_flight flight;
  struct pg_batch *batches[BATCHES];
  char told[256];
};

static void on_ended(struct pg_flight *flight, struct pg_batch *batch, enum pg_end end,
                     const char *reason) {
  static const char *const ENDS[] = {"answered", "undone", "lost"};
  struct bench *bench = LIST_ENTRY(flight, struct bench, flight);
  size_t length = strlen(bench->told);
  int number = 0;
  while (bench->batches[number] != batch)
    number++;
  snprintf(bench->told + length, sizeof(bench->told) - length, "%s%d %s", length ? ", " : "",
           number, ENDS[end]);
  if (end == PG_END_LOST) assert_non_null(reason);
}

/* What was told since the last call. */
static const char *told(struct bench *bench) {
  static char text[sizeof(bench->told)];
  memcpy(text, bench->told, sizeof(text));
  bench->told[0] = '\0';
  return text;
}

static void on_told(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
}

static void setup(struct bench *bench, bool pipelined) {
  memset(bench, 0, sizeof(*bench));
  pg_bench_open(&bench->pg);
  bench->loop = loop_new(0);
  loop_deadlines_init(&bench->heads, bench->loop, DEADLINE_MS);
  bench->flight = (struct pg_flight){.loop = bench->loop,
                                     .pipelined = pipelined,
                                     .deadline_ms = DEADLINE_MS,
                                     .ended = on_ended,
                                     .heads = &bench->heads};
  flight_init(&bench->flight);
  loop_deadline_init(&bench->flight.head_deadline, NULL);
}

static void teardown(struct bench *bench) {
  flight_end(&bench->flight, PG_END_LOST, "the test is over");
  for (int i = 0; i < BATCHES && bench->batches[i]; i++) {
    struct pg_batch *batch = bench->batches[i];
    batch_reset(batch);
    batch_fail(batch, PG_FAILED, "the test is over");
    batch->done = on_told;
    batch_tell(batch, PG_BATCH_TOLD);
    batch_free(batch);
  }
  loop_deadlines_close(&bench->heads);
  loop_close_inbox(bench->loop);
  loop_run(bench->loop);
  loop_free(bench->loop);
  pg_bench_close(&bench->pg);
}

/* Sends `count` batches of one statement each, and ends their transaction. */
static void send_batches(struct bench *bench, int count) {
  for (int i = 0; i < count; i++) {
    struct pg_batch *batch = batch_new(NULL, NULL, NULL);
    bench->batches[i] = batch;
    pg_batch_add(batch, PG_USERS_SHORT);
    pg_batch_bind_text(batch, STR("andrew"));
    batch_become(batch, PG_BATCH_WAITING);
    flight_add(&bench->flight, batch);
    assert_true(batch_send(batch, bench->pg.conn, NULL, true));
  }
  assert_int_equal(PQpipelineSync(bench->pg.conn), 1);
  bench->flight.unsynced = false;
  bench->flight.syncs++;
}

/* What the server says, and what is made of it; false when the connection is of no more use. */
static bool say(struct bench *bench, const char *script) {
  PGconn *conn = bench->pg.conn;
  pg_bench_say(&bench->pg, script);
  for (int nulls = 0; nulls < 3 && bench->flight.syncs > 0 && !PQisBusy(conn);) {
    PGresult *result = PQgetResult(conn);
    nulls = result ? 0 : nulls + 1;
    if (result && !flight_take_result(&bench->flight, conn, result)) return false;
  }
  return true;
}

static void on_notice(void *argument, const PGresult *notice) {
  flight_take_notice(argument, notice);
}

/* --- Reads --- */

static void reads_end_one_by_one(void **state) {
  struct bench bench;
  setup(&bench, true);
  send_batches(&bench, 3);
  assert_true(say(&bench, "2nC"));
  assert_string_equal(told(&bench), "0 answered");
  assert_ptr_equal(flight_head(&bench.flight), bench.batches[1]);
  assert_true(say(&bench, "2nC 2n"));
  assert_string_equal(told(&bench), "1 answered");
  assert_true(say(&bench, "C I"));
  assert_string_equal(told(&bench), "2 answered");
  assert_true(flight_is_empty(&bench.flight));
  teardown(&bench);
}

static void reads_behind_one_that_failed_run_again(void **state) {
  struct bench bench;
  setup(&bench, true);
  send_batches(&bench, 3);
  assert_true(say(&bench, "2nC E22012 I"));
  assert_string_equal(told(&bench), "0 answered, 1 answered, 2 undone");
  assert_int_equal(bench.batches[0]->outcome, PG_DONE);
  assert_int_equal(bench.batches[1]->outcome, PG_FAILED);
  assert_int_equal(bench.batches[2]->outcome, PG_DONE); /* nothing is wrong with it */
  teardown(&bench);
}

static void a_read_that_was_cancelled_before_its_time_runs_again(void **state) {
  struct bench bench;
  setup(&bench, true);
  send_batches(&bench, 1);
  assert_true(say(&bench, "E57014 I"));
  assert_string_equal(told(&bench), "0 undone");
  teardown(&bench);
}

static void a_read_that_the_servers_time_out_ended_is_answered(void **state) {
  struct bench bench;
  setup(&bench, true);
  bench.flight.deadline_ms = 1;
  send_batches(&bench, 1);
  assert_true(say(&bench, "E57014 I"));
  assert_string_equal(told(&bench), "0 answered");
  assert_int_equal(bench.batches[0]->outcome, PG_UNAVAILABLE);
  teardown(&bench);
}

static void a_plan_that_fits_no_more_runs_again_elsewhere(void **state) {
  struct bench bench;
  setup(&bench, true);
  send_batches(&bench, 1);
  assert_true(say(&bench, "E0A000 I"));
  assert_string_equal(told(&bench), "0 undone");
  assert_true(bench.flight.unprepared);
  teardown(&bench);
}

static void an_idle_session_that_ended_read_nothing(void **state) {
  struct bench bench;
  setup(&bench, true);
  send_batches(&bench, 1);
  assert_true(say(&bench, "E57P05"));
  assert_true(bench.flight.refused_unread);
  assert_string_equal(told(&bench), ""); /* the end of the connection follows */
  flight_end(&bench.flight, PG_END_UNDONE, "the server closed the connection");
  assert_string_equal(told(&bench), "0 undone");
  teardown(&bench);
}

/* --- Writes --- */

static void writes_end_when_their_transaction_has_ended(void **state) {
  struct bench bench;
  setup(&bench, false);
  send_batches(&bench, 2);
  assert_true(say(&bench, "2nC 2nC"));
  assert_string_equal(told(&bench), "");
  assert_true(say(&bench, "I"));
  assert_string_equal(told(&bench), "0 answered, 1 answered");
  assert_true(flight_is_empty(&bench.flight));
  teardown(&bench);
}

static void nothing_of_a_transaction_that_failed_is_done(void **state) {
  struct bench bench;
  setup(&bench, false);
  send_batches(&bench, 3);
  assert_true(say(&bench, "2nC E23505 I"));
  assert_string_equal(told(&bench), "0 undone, 1 undone, 2 undone");
  assert_string_equal(bench.batches[1]->sqlstate, "23505"); /* it runs alone next */
  assert_string_equal(bench.batches[0]->sqlstate, "");
  assert_string_equal(bench.batches[2]->sqlstate, "");
  teardown(&bench);
}

static void a_write_that_failed_alone_is_answered(void **state) {
  struct bench bench;
  setup(&bench, false);
  send_batches(&bench, 1);
  assert_true(say(&bench, "E23505 I"));
  assert_string_equal(told(&bench), "0 answered");
  assert_int_equal(bench.batches[0]->outcome, PG_FAILED);
  teardown(&bench);
}

static void a_commit_that_failed_is_of_the_one_write_or_of_nobody(void **state) {
  struct bench bench;
  setup(&bench, false);
  send_batches(&bench, 1);
  assert_true(say(&bench, "2nC E23503 I")); /* a deferred constraint */
  assert_string_equal(told(&bench), "0 answered");
  assert_string_equal(bench.batches[0]->sqlstate, "23503");
  teardown(&bench);
  setup(&bench, false);
  send_batches(&bench, 2);
  assert_true(say(&bench, "2nC 2nC E23503 I"));
  assert_string_equal(told(&bench), "0 undone, 1 undone");
  teardown(&bench);
}

static void a_server_that_takes_no_writes_refuses_each(void **state) {
  struct bench bench;
  setup(&bench, false);
  send_batches(&bench, 2);
  assert_true(say(&bench, "E25006 I"));
  assert_string_equal(told(&bench), "0 answered, 1 answered");
  assert_int_equal(bench.batches[0]->outcome, PG_UNAVAILABLE);
  assert_int_equal(bench.batches[1]->outcome, PG_UNAVAILABLE);
  assert_true(bench.flight.demoted);
  teardown(&bench);
}

static void a_transaction_that_stays_open_ends_the_connection(void **state) {
  struct bench bench;
  setup(&bench, false);
  send_batches(&bench, 2);
  assert_false(say(&bench, "2nC 2nC T"));
  assert_string_equal(told(&bench), "");
  flight_end(&bench.flight, PG_END_LOST, "a transaction is still open");
  assert_string_equal(told(&bench), "0 lost, 1 lost");
  teardown(&bench);
}

static void a_commit_that_did_not_wait_for_its_standby_is_unknown(void **state) {
  struct bench bench;
  setup(&bench, false);
  PQsetNoticeReceiver(bench.pg.conn, on_notice, &bench.flight);
  send_batches(&bench, 1);
  assert_true(say(&bench, "2nC W01000@ I"));
  assert_string_equal(told(&bench), "0 lost");
  teardown(&bench);
}

static void a_triggers_warning_is_not_the_commits(void **state) {
  struct bench bench;
  setup(&bench, false);
  PQsetNoticeReceiver(bench.pg.conn, on_notice, &bench.flight);
  send_batches(&bench, 1);
  assert_true(say(&bench, "2n W01000 C I"));
  assert_string_equal(told(&bench), "0 answered");
  teardown(&bench);
}

/* --- The head --- */

static void the_heads_time_counts_from_its_last_result(void **state) {
  struct bench bench;
  setup(&bench, true);
  assert_int_equal(flight_head_ms(&bench.flight), 0);
  assert_null(flight_head(&bench.flight));
  send_batches(&bench, 2);
  bench.flight.head_since_ms -= 30;
  assert_int_equal(flight_head_ms(&bench.flight), 30);
  assert_true(loop_deadline_is_running(&bench.flight.head_deadline));
  assert_true(say(&bench, "2nC"));
  assert_int_equal(flight_head_ms(&bench.flight), 0);
  assert_true(say(&bench, "2nC I"));
  assert_false(loop_deadline_is_running(&bench.flight.head_deadline));
  teardown(&bench);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_end_one_by_one),
      cmocka_unit_test(reads_behind_one_that_failed_run_again),
      cmocka_unit_test(a_read_that_was_cancelled_before_its_time_runs_again),
      cmocka_unit_test(a_read_that_the_servers_time_out_ended_is_answered),
      cmocka_unit_test(a_plan_that_fits_no_more_runs_again_elsewhere),
      cmocka_unit_test(an_idle_session_that_ended_read_nothing),
      cmocka_unit_test(writes_end_when_their_transaction_has_ended),
      cmocka_unit_test(nothing_of_a_transaction_that_failed_is_done),
      cmocka_unit_test(a_write_that_failed_alone_is_answered),
      cmocka_unit_test(a_commit_that_failed_is_of_the_one_write_or_of_nobody),
      cmocka_unit_test(a_server_that_takes_no_writes_refuses_each),
      cmocka_unit_test(a_transaction_that_stays_open_ends_the_connection),
      cmocka_unit_test(a_commit_that_did_not_wait_for_its_standby_is_unknown),
      cmocka_unit_test(a_triggers_warning_is_not_the_commits),
      cmocka_unit_test(the_heads_time_counts_from_its_last_result),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
