/* test_choice.c: which connection a read goes to. */
#include "unit.h"

#include "lib/pg/choice.h"

enum { CONNECTIONS = 3, DEPTH_LIMIT = 4, BATCHES = 16 };

struct bench {
  struct loop *loop;
  struct deadline_queue heads;
  struct pg_connection connections[CONNECTIONS];
  struct slow_statements slow;
  struct choice_among among;
  struct pg_batch *batches[BATCHES];
  int batch_count;
};

static void on_ended(struct pg_flight *flight, struct pg_batch *batch, enum pg_end end,
                     const char *reason) {
}

/* `count` connections that are ready and have nothing in flight. */
static void setup(struct bench *bench, unsigned count) {
  memset(bench, 0, sizeof(*bench));
  bench->loop = loop_new(0);
  loop_deadlines_init(&bench->heads, bench->loop, 10000);
  for (unsigned i = 0; i < count; i++) {
    struct pg_connection *connection = &bench->connections[i];
    connection->state = PG_CONNECTION_READY;
    connection->flight = (struct pg_flight){
        .loop = bench->loop, .pipelined = true, .ended = on_ended, .heads = &bench->heads};
    flight_init(&connection->flight);
    loop_deadline_init(&connection->flight.head_deadline, NULL);
  }
  bench->among = (struct choice_among){bench->connections, count, DEPTH_LIMIT};
}

static void on_told(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
}

static void teardown(struct bench *bench) {
  for (unsigned i = 0; i < bench->among.count; i++)
    flight_end(&bench->connections[i].flight, PG_END_LOST, "the test is over");
  for (int i = 0; i < bench->batch_count; i++) {
    struct pg_batch *batch = bench->batches[i];
    if (batch->state == PG_BATCH_SENT) {
      batch->done = on_told;
      batch_fail(batch, PG_FAILED, "the test is over");
      batch_tell(batch, PG_BATCH_TOLD);
    }
    batch_free(batch);
  }
  loop_deadlines_close(&bench->heads);
  loop_close_inbox(bench->loop);
  loop_run(bench->loop);
  loop_free(bench->loop);
}

static struct pg_batch *read_of(struct bench *bench, enum pg_statement statement) {
  assert_true(bench->batch_count < BATCHES);
  struct pg_batch *batch = batch_new(NULL, NULL, NULL);
  pg_batch_add(batch, statement);
  bench->batches[bench->batch_count++] = batch;
  return batch;
}

/* Puts a read into the flight of connection `number`. */
static void put_in_flight(struct bench *bench, int number, enum pg_statement statement) {
  struct pg_batch *batch = read_of(bench, statement);
  batch_become(batch, PG_BATCH_WAITING);
  flight_add(&bench->connections[number].flight, batch);
}

/* The number of the connection that a read of `statement` goes to; -1: it waits. */
static int choose(struct bench *bench, enum pg_statement statement) {
  struct pg_connection *connection =
      choice_make(&bench->among, &bench->slow, read_of(bench, statement), loop_now_ms(bench->loop));
  return connection ? (int)(connection - bench->connections) : -1;
}

/* Makes the first batch of a connection one that has run for `ms`. */
static void age_head(struct bench *bench, int number, unsigned ms) {
  bench->connections[number].flight.head_since_ms = loop_now_ms(bench->loop) - ms;
}

static void the_least_busy_connection_is_taken(void **state) {
  struct bench bench;
  setup(&bench, 3);
  put_in_flight(&bench, 0, PG_ACTIVITIES_HOME);
  put_in_flight(&bench, 0, PG_ACTIVITIES_HOME);
  put_in_flight(&bench, 2, PG_ACTIVITIES_HOME);
  assert_int_equal(choose(&bench, PG_USERS_SHORT), 1);
  put_in_flight(&bench, 1, PG_USERS_SHORT);
  put_in_flight(&bench, 1, PG_USERS_SHORT);
  assert_int_equal(choose(&bench, PG_USERS_PROFILE), 2);
  teardown(&bench);
}

static void a_connection_that_is_full_or_not_ready_takes_nothing(void **state) {
  struct bench bench;
  setup(&bench, 2);
  for (int i = 0; i < DEPTH_LIMIT; i++)
    put_in_flight(&bench, 0, PG_USERS_SHORT);
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), 1);
  bench.connections[1].state = PG_CONNECTION_DRAINING;
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), -1);
  bench.connections[1].state = PG_CONNECTION_WAITING;
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), -1);
  teardown(&bench);
}

static void a_connection_with_a_cancel_on_its_way_takes_nothing(void **state) {
  struct bench bench;
  setup(&bench, 2);
  bench.connections[0].cancel.job = (struct cancel_job *)&bench; /* any */
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), 1);
  bench.connections[0].cancel.job = NULL;
  teardown(&bench);
}

static void one_statement_never_holds_all_connections(void **state) {
  struct bench bench;
  setup(&bench, 3);
  put_in_flight(&bench, 0, PG_ACTIVITIES_HOME);
  put_in_flight(&bench, 1, PG_ACTIVITIES_HOME);
  put_in_flight(&bench, 1, PG_ACTIVITIES_HOME);
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), 0); /* not the third, which is idle */
  assert_int_equal(choose(&bench, PG_USERS_SHORT), 2);
  teardown(&bench);
}

static void a_single_connection_takes_everything(void **state) {
  struct bench bench;
  setup(&bench, 1);
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), 0);
  put_in_flight(&bench, 0, PG_ACTIVITIES_HOME);
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), 0);
  assert_int_equal(choose(&bench, PG_USERS_SHORT), 0);
  teardown(&bench);
}

static void a_connection_that_is_stuck_takes_nothing(void **state) {
  struct bench bench;
  setup(&bench, 2);
  put_in_flight(&bench, 0, PG_ACTIVITIES_HOME);
  age_head(&bench, 0, 20);
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), 0);
  age_head(&bench, 0, 21);
  assert_int_equal(choose(&bench, PG_USERS_SHORT), 1);
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), -1);
  teardown(&bench);
}

static void a_slow_statement_leaves_the_last_free_connection(void **state) {
  struct bench bench;
  setup(&bench, 3);
  put_in_flight(&bench, 0, PG_ACTIVITIES_HOME);
  age_head(&bench, 0, 30);
  assert_int_equal(choose(&bench, PG_USERS_SHORT), 1); /* home is slow from now on */
  assert_true(bench.slow.until_ms[PG_ACTIVITIES_HOME] > loop_now_ms(bench.loop));
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), 1); /* two are free */
  put_in_flight(&bench, 1, PG_USERS_PROFILE);
  age_head(&bench, 1, 30);
  assert_int_equal(choose(&bench, PG_ACTIVITIES_HOME), -1);
  assert_int_equal(choose(&bench, PG_USERS_SHORT), 2);
  bench.slow.until_ms[PG_ACTIVITIES_HOME] = loop_now_ms(bench.loop); /* its time is over */
  bench.slow.until_ms[PG_USERS_PROFILE] = loop_now_ms(bench.loop);
  age_head(&bench, 0, 0);
  age_head(&bench, 1, 0);
  assert_int_not_equal(choose(&bench, PG_ACTIVITIES_HOME), -1);
  teardown(&bench);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_least_busy_connection_is_taken),
      cmocka_unit_test(a_connection_that_is_full_or_not_ready_takes_nothing),
      cmocka_unit_test(a_connection_with_a_cancel_on_its_way_takes_nothing),
      cmocka_unit_test(one_statement_never_holds_all_connections),
      cmocka_unit_test(a_single_connection_takes_everything),
      cmocka_unit_test(a_connection_that_is_stuck_takes_nothing),
      cmocka_unit_test(a_slow_statement_leaves_the_last_free_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
