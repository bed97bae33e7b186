/* test_dispatch.c: how what waits in a loop's queues leaves for its connections. */
#include "pg_bench.h"

#include "lib/pg/dispatch.h"
#include "lib/pg/pool_inside.h"

enum { READS = 2, CONNECTIONS = 4, DEADLINE_MS = 10000, DEPTH = 4 };
enum { FIRST_READ = 0, SECOND_READ = 1, HEAVY = 2, WRITE = 3 };

struct bench {
  struct loop *loop;
  struct pg_pool *pool;
  struct pg_bench servers[CONNECTIONS];
};

static void on_told(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
}

static void end(struct pg_batch *batch) {
  if (batch->outcome == PG_DONE) batch_fail(batch, PG_FAILED, "the test is over");
  batch_tell(batch, PG_BATCH_TOLD);
  batch_free(batch);
}

static void on_ended(struct pg_connection *connection, struct pg_batch *batch, enum pg_end verdict,
                     const char *reason) {
  struct pg_pool *pool = connection->options->owner;
  if (batch->lane == PG_LANE_WRITE) write_queue_forget(&pool->writes, batch);
  end(batch);
}

static const struct pg_connection_events EVENTS = {.ended = on_ended};

static void open_connection(struct bench *bench, int number, enum pg_lane lane) {
  struct pg_connection *connection = &bench->pool->connections[number];
  connection_init(connection, lane, &bench->pool->connection_options);
  pg_bench_open(&bench->servers[number]);
  connection->conn = bench->servers[number].conn;
  connection->state = PG_CONNECTION_READY;
}

static void setup(struct bench *bench) {
  bench->loop = loop_new(0);
  struct pg_pool *pool = calloc(1, sizeof(*pool) + CONNECTIONS * sizeof(pool->connections[0]));
  bench->pool = pool;
  loop_free_at_end(bench->loop, pool);
  pool->loop = bench->loop;
  pool->options = (struct pg_pool_options){
      .connections = CONNECTIONS, .pipeline_depth = DEPTH, .deadline_ms = DEADLINE_MS};
  pool->connection_options = (struct pg_connection_options){.loop = bench->loop,
                                                            .prepare = true,
                                                            .deadline_ms = DEADLINE_MS,
                                                            .heads = &pool->heads,
                                                            .events = &EVENTS,
                                                            .owner = pool};
  loop_deadlines_init(&pool->heads, bench->loop, DEADLINE_MS);
  dispatch_init(pool);
  pool->read_count = READS;
  pool->heavy_count = 1;
  open_connection(bench, FIRST_READ, PG_LANE_READ);
  open_connection(bench, SECOND_READ, PG_LANE_READ);
  open_connection(bench, HEAVY, PG_LANE_HEAVY);
  open_connection(bench, WRITE, PG_LANE_WRITE);
}

static void end_list(struct list *list) {
  while (!list_empty(list)) {
    struct pg_batch *batch = LIST_ENTRY(list->next, struct pg_batch, node);
    dispatch_leave_queue(batch);
    end(batch);
  }
}

static void teardown(struct bench *bench) {
  struct pg_pool *pool = bench->pool;
  struct pg_batch *batch;
  pool->closing = true;
  end_list(&pool->reads);
  end_list(&pool->heavy);
  while ((batch = write_queue_pop(&pool->writes))) {
    dispatch_leave_queue(batch);
    end(batch);
  }
  for (int i = 0; i < CONNECTIONS; i++) {
    connection_close(&pool->connections[i]); /* libpq's connection with it */
    bench->servers[i].conn = NULL;
    pg_bench_close(&bench->servers[i]);
  }
  loop_deadlines_close(&pool->heads);
  dispatch_close(pool);
  loop_close_inbox(bench->loop);
  loop_run(bench->loop);
  loop_free(bench->loop);
}

static void submit(struct bench *bench, enum pg_statement statement) {
  struct pg_batch *batch = batch_new(bench->pool, NULL, NULL);
  pg_batch_add(batch, statement);
  batch->done = on_told;
  batch->lane = batch_strictest_lane(batch);
  dispatch_enqueue(batch);
}

/* A turn of the loop, at whose end what waits is dispatched. */
static void turn(struct bench *bench) {
  uv_run(loop_uv(bench->loop), UV_RUN_NOWAIT);
}

static const struct pg_flight *flight(const struct bench *bench, int number) {
  return &bench->pool->connections[number].flight;
}

/* What the server of a connection says, and what is made of it. */
static void say(struct bench *bench, int number, const char *script) {
  struct pg_connection *connection = &bench->pool->connections[number];
  pg_bench_say(&bench->servers[number], script);
  for (int nulls = 0; nulls < 3 && connection->flight.syncs > 0 && !PQisBusy(connection->conn);) {
    PGresult *result = PQgetResult(connection->conn);
    nulls = result ? 0 : nulls + 1;
    if (result) assert_true(flight_take_result(&connection->flight, connection->conn, result));
  }
  dispatch_ask(bench->pool);
}

static void reads_of_one_statement_share_a_sync(void **state) {
  struct bench bench;
  setup(&bench);
  submit(&bench, PG_ACTIVITIES_HOME);
  submit(&bench, PG_ACTIVITIES_HOME);
  submit(&bench, PG_USERS_SHORT);
  assert_int_equal(flight(&bench, FIRST_READ)->depth, 0); /* not before the turn ends */
  turn(&bench);
  assert_int_equal(flight(&bench, FIRST_READ)->depth, 2);
  assert_int_equal(flight(&bench, FIRST_READ)->syncs, 1);
  assert_int_equal(flight(&bench, SECOND_READ)->depth, 1);
  assert_int_equal(bench.pool->queued[PG_LANE_READ], 0);
  teardown(&bench);
}

static void reads_of_different_statements_do_not(void **state) {
  struct bench bench;
  setup(&bench);
  bench.pool->connections[SECOND_READ].state = PG_CONNECTION_DRAINING;
  submit(&bench, PG_ACTIVITIES_HOME);
  submit(&bench, PG_USERS_SHORT);
  turn(&bench);
  assert_int_equal(flight(&bench, FIRST_READ)->depth, 2);
  assert_int_equal(flight(&bench, FIRST_READ)->syncs, 2);
  teardown(&bench);
}

static void reads_wait_when_the_pipelines_are_full(void **state) {
  struct bench bench;
  setup(&bench);
  for (int i = 0; i < DEPTH + 1; i++) {
    submit(&bench, PG_ACTIVITIES_HOME);
    submit(&bench, PG_USERS_SHORT);
  }
  turn(&bench);
  assert_int_equal(flight(&bench, FIRST_READ)->depth, DEPTH);
  assert_int_equal(flight(&bench, SECOND_READ)->depth, DEPTH);
  assert_int_equal(bench.pool->queued[PG_LANE_READ], 2);
  say(&bench, FIRST_READ, "2nC 2nC");
  turn(&bench);
  assert_int_equal(flight(&bench, FIRST_READ)->depth, DEPTH - 1); /* its own statement's alone */
  assert_int_equal(bench.pool->queued[PG_LANE_READ], 1);
  teardown(&bench);
}

static void heavy_statements_leave_one_at_a_time(void **state) {
  struct bench bench;
  setup(&bench);
  submit(&bench, PG_ACTIVITIES_SEARCH);
  submit(&bench, PG_ACTIVITIES_SEARCH_INDEXED);
  turn(&bench);
  assert_int_equal(flight(&bench, HEAVY)->depth, 1);
  assert_int_equal(bench.pool->queued[PG_LANE_HEAVY], 1);
  say(&bench, HEAVY, "12nC I");
  turn(&bench);
  assert_int_equal(flight(&bench, HEAVY)->depth, 1);
  assert_int_equal(bench.pool->queued[PG_LANE_HEAVY], 0);
  teardown(&bench);
}

static void writes_that_come_during_a_commit_leave_after_it(void **state) {
  struct bench bench;
  setup(&bench);
  for (int i = 0; i < 3; i++)
    submit(&bench, PG_ACTIVITIES_CREATE);
  turn(&bench);
  assert_int_equal(flight(&bench, WRITE)->depth, 3);
  assert_int_equal(flight(&bench, WRITE)->syncs, 1);
  submit(&bench, PG_ACTIVITIES_CREATE);
  turn(&bench);
  assert_int_equal(bench.pool->queued[PG_LANE_WRITE], 1);
  say(&bench, WRITE, "2nC 2nC 2nC");
  turn(&bench);
  assert_int_equal(flight(&bench, WRITE)->depth, 3); /* not yet committed */
  say(&bench, WRITE, "I");
  while (flight(&bench, WRITE)->depth == 0) /* the moment for which others are waited for */
    turn(&bench);
  assert_int_equal(flight(&bench, WRITE)->depth, 1);
  assert_int_equal(bench.pool->queued[PG_LANE_WRITE], 0);
  teardown(&bench);
}

static void a_transaction_has_64_writes_at_most(void **state) {
  struct bench bench;
  setup(&bench);
  for (int i = 0; i < 70; i++)
    submit(&bench, PG_ACTIVITIES_CREATE);
  turn(&bench);
  assert_int_equal(flight(&bench, WRITE)->depth, 64);
  assert_int_equal(bench.pool->queued[PG_LANE_WRITE], 6);
  teardown(&bench);
}

static void what_waits_stays_where_it_is_without_a_connection(void **state) {
  struct bench bench;
  setup(&bench);
  for (int i = 0; i < CONNECTIONS; i++)
    bench.pool->connections[i].state = PG_CONNECTION_DRAINING;
  submit(&bench, PG_USERS_SHORT);
  submit(&bench, PG_ACTIVITIES_SEARCH);
  submit(&bench, PG_ACTIVITIES_CREATE);
  turn(&bench);
  assert_int_equal(bench.pool->queued[PG_LANE_READ], 1);
  assert_int_equal(bench.pool->queued[PG_LANE_HEAVY], 1);
  assert_int_equal(bench.pool->queued[PG_LANE_WRITE], 1);
  teardown(&bench);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_of_one_statement_share_a_sync),
      cmocka_unit_test(reads_of_different_statements_do_not),
      cmocka_unit_test(reads_wait_when_the_pipelines_are_full),
      cmocka_unit_test(heavy_statements_leave_one_at_a_time),
      cmocka_unit_test(writes_that_come_during_a_commit_leave_after_it),
      cmocka_unit_test(a_transaction_has_64_writes_at_most),
      cmocka_unit_test(what_waits_stays_where_it_is_without_a_connection),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
