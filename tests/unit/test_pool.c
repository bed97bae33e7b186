/* test_pool.c: what a pool does without a server: it refuses and fails batches, and tells the
 * caller of each once. */
#include "unit.h"

#include "lib/pg/pool.h"

#include <stdio.h>

enum { QUEUE_LIMIT = 3, BATCHES = 8 };

/* What the caller of a batch was told. */
struct told {
  unsigned times;
  enum pg_outcome outcome;
  char message[ERROR_MESSAGE_SIZE];
  bool done; /* the loop may stop */
};

struct bench {
  struct loop *loop;
  struct pg_pool *pool;
  struct told told[BATCHES];
};

static void on_told(enum pg_outcome outcome, const struct pg_result *const *results,
                    const struct error *error, void *argument) {
  struct told *told = argument;
  told->times++;
  told->outcome = outcome;
  snprintf(told->message, sizeof(told->message), "%s", error->message);
  told->done = true;
}

/* A pool whose server is a socket that nobody listens on. */
static void setup(struct bench *bench) {
  const struct pg_pool_options options = {
      .connection_url = "host=/nonexistent dbname=none",
      .connections = PG_POOL_CONNECTIONS_LEAST,
      .pipeline_depth = 8,
      .queue_limit = QUEUE_LIMIT,
      .deadline_ms = 60000,
      .prepare = true,
  };
  struct error error;
  memset(bench, 0, sizeof(*bench));
  bench->loop = loop_new(0);
  bench->pool = pg_pool_new(bench->loop, &options, &error);
  assert_non_null(bench->pool);
}

static void teardown(struct bench *bench) {
  pg_pool_close(bench->pool);
  loop_close_inbox(bench->loop);
  loop_run(bench->loop);
  loop_free(bench->loop);
}

static void submit(struct bench *bench, int number, enum pg_statement statement) {
  struct pg_batch *batch = pg_pool_new_batch(bench->pool);
  pg_batch_add(batch, statement);
  pg_batch_bind_text(batch, STR("andrew"));
  pg_pool_submit(batch, on_told, &bench->told[number]);
  assert_int_equal(bench->told[number].times, 0); /* never from inside */
}

static void assert_told(const struct bench *bench, int number, const char *message) {
  assert_int_equal(bench->told[number].times, 1);
  assert_int_equal(bench->told[number].outcome, PG_UNAVAILABLE);
  assert_string_equal(bench->told[number].message, message);
}

static void what_waits_fails_when_no_connection_can_be_made(void **state) {
  struct bench bench;
  setup(&bench);
  submit(&bench, 0, PG_USERS_SHORT);
  assert_int_equal(pg_pool_stats(bench.pool).batches, 0);
  loop_run_until(bench.loop, &bench.told[0].done);
  assert_int_equal(bench.told[0].times, 1);
  assert_int_equal(bench.told[0].outcome, PG_UNAVAILABLE);
  assert_non_null(strstr(bench.told[0].message, "no connection to Postgres: "));
  submit(&bench, 1, PG_USERS_SHORT); /* the pool knows by now */
  loop_run_until(bench.loop, &bench.told[1].done);
  assert_told(&bench, 1, "no connection to Postgres");
  assert_int_equal(pg_pool_stats(bench.pool).batches, 2);
  assert_int_equal(pg_pool_stats(bench.pool).unavailable, 2);
  teardown(&bench);
  assert_int_equal(bench.told[0].times, 1);
  assert_int_equal(bench.told[1].times, 1);
}

static void each_lane_has_a_queue_with_a_limit(void **state) {
  struct bench bench;
  setup(&bench);
  for (int i = 0; i <= QUEUE_LIMIT; i++)
    submit(&bench, i, PG_USERS_SHORT);
  submit(&bench, QUEUE_LIMIT + 1, PG_IDEMPOTENCY_PURGE); /* another lane */
  for (int i = 0; i <= QUEUE_LIMIT + 1; i++)
    loop_run_until(bench.loop, &bench.told[i].done);
  assert_told(&bench, QUEUE_LIMIT, "the queue for Postgres is full");
  for (int i = 0; i <= QUEUE_LIMIT + 1; i++) /* the others had a place and waited */
    if (i != QUEUE_LIMIT) assert_non_null(strstr(bench.told[i].message, "no connection"));
  teardown(&bench);
}

static void closing_fails_what_waits_and_what_comes_after(void **state) {
  struct bench bench;
  setup(&bench);
  submit(&bench, 0, PG_USERS_SHORT);
  pg_pool_close(bench.pool);
  assert_told(&bench, 0, "the server is stopping");
  submit(&bench, 1, PG_USERS_SHORT);
  loop_run_until(bench.loop, &bench.told[1].done);
  assert_told(&bench, 1, "the server is stopping");
  teardown(&bench); /* closing again changes nothing */
  assert_int_equal(bench.told[0].times, 1);
  assert_int_equal(bench.told[1].times, 1);
}

static void no_batch_is_answered_at_once(void **state) {
  struct told told = {0};
  pg_pool_submit(NULL, on_told, &told);
  assert_int_equal(told.times, 1);
  assert_int_equal(told.outcome, PG_UNAVAILABLE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_waits_fails_when_no_connection_can_be_made),
      cmocka_unit_test(each_lane_has_a_queue_with_a_limit),
      cmocka_unit_test(closing_fails_what_waits_and_what_comes_after),
      cmocka_unit_test(no_batch_is_answered_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
