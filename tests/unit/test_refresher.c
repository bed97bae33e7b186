/* test_refresher.c: one fetch for many loops: rounds, tries, pauses, watchers, and the end. */
#include "unit.h"

#include "lib/loop/refresher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_ullong ahead_us; /* a test puts the clock forward, by the linker's --wrap */
uint64_t __real_clock_monotonic_us(void);
uint64_t __wrap_clock_monotonic_us(void);
uint64_t __wrap_clock_monotonic_us(void) {
  return __real_clock_monotonic_us() + atomic_load(&ahead_us);
}

/* --- Values, which are counted --- */

struct value {
  atomic_uint references;
  int number;
  bool unusable;
};

static atomic_int values_alive;

static void *value_ref(void *value) {
  atomic_fetch_add(&((struct value *)value)->references, 1);
  return value;
}

static void value_unref(void *value) {
  if (atomic_fetch_sub(&((struct value *)value)->references, 1) > 1) return;
  atomic_fetch_sub(&values_alive, 1);
  free(value);
}

static bool value_is_same(const void *current, const void *fetched) {
  return ((const struct value *)current)->number == ((const struct value *)fetched)->number;
}

static bool value_is_usable(const void *value) {
  return !((const struct value *)value)->unusable;
}

/* --- The owner: a source whose answers the test chooses --- */

enum behaviour { GOOD, SAME, UNUSABLE, DOWN, DENIED, SILENT };

struct source {
  struct loop *loop;
  struct refresher *refresher;
  enum behaviour behaviour;
  uint64_t due_ms;
  bool at_once; /* answers from inside of fetch() */
  bool under_way;
  unsigned fetches, rounds, bad_rounds;
  unsigned failures;      /* in a row, as the last round heard */
  unsigned char asked_by; /* the first byte of the asker's trace id; 0: nobody's */
  char asker_state[8];
  atomic_uint *released;
};

static void answer(struct source *source) {
  struct error error;
  source->under_way = false;
  if (source->behaviour == DOWN || source->behaviour == SILENT) {
    error_set(&error, ERROR_UNAVAILABLE, "down");
    refresher_fail(source->refresher, &error);
  } else if (source->behaviour == DENIED) {
    error_set(&error, ERROR_DENIED, "denied");
    refresher_fail(source->refresher, &error);
  } else {
    struct value *value = calloc(1, sizeof(*value));
    atomic_init(&value->references, 1);
    atomic_fetch_add(&values_alive, 1);
    value->number = source->behaviour == SAME ? 0 : (int)source->fetches;
    value->unusable = source->behaviour == UNUSABLE;
    refresher_succeed(source->refresher, value, source->due_ms);
  }
}

static void on_answer(struct loop *loop, void *argument) {
  struct source *source = argument;
  assert_ptr_equal(loop, source->loop);
  if (source->under_way) answer(source);
}

static void fetch(void *owner, const struct trace_context *asker) {
  struct source *source = owner;
  assert_false(source->under_way);
  source->under_way = true;
  source->fetches++;
  source->asked_by = asker ? asker->trace_id[0] : 0;
  if (asker && asker->state.length > 0)
    memcpy(source->asker_state, asker->state.data, asker->state.length);
  if (source->at_once)
    answer(source);
  else if (source->behaviour != SILENT)
    assert_true(loop_post(source->loop, on_answer, source));
}

static void ended(void *owner, const void *value, bool changed, unsigned failures,
                  const struct error *error) {
  struct source *source = owner;
  assert_true(value || !changed);
  assert_true(!changed || !error);
  source->rounds++;
  source->bad_rounds += error != NULL;
  source->failures = failures;
}

static void release(void *owner) {
  struct source *source = owner;
  assert_false(source->under_way);
  atomic_fetch_add(source->released, 1);
}

static const struct refresher_kind KIND = {.fetch = fetch,
                                           .ref = value_ref,
                                           .unref = value_unref,
                                           .is_same = value_is_same,
                                           .is_usable = value_is_usable,
                                           .ended = ended,
                                           .release = release};

static const struct refresher_timing QUICK = {
    .tries = 1, .retry_base_ms = 1, .retry_cap_ms = 2, .rest_ms = 0, .ask_interval_ms = 0};
enum { AN_HOUR_MS = 3600 * 1000 };

/* --- A source, its refresher and a watcher on one loop --- */

struct house {
  struct source source;
  struct refresher_watcher watcher;
  unsigned settled, left;
  atomic_uint released;
};

static void on_settled(struct refresher_watcher *watcher) {
  LIST_ENTRY(watcher, struct house, watcher)->settled++;
}

static void on_left(struct refresher_watcher *watcher) {
  LIST_ENTRY(watcher, struct house, watcher)->left++;
}

static void house_open(struct house *house, const struct refresher_timing *timing,
                       enum behaviour behaviour) {
  *house = (struct house){.source = {.loop = loop_new(0), .behaviour = behaviour}};
  house->source.released = &house->released;
  house->source.refresher = refresher_new(house->source.loop, &KIND, timing, &house->source);
  house->watcher = (struct refresher_watcher){.loop = house->source.loop, .settled = on_settled};
  refresher_watch(house->source.refresher, &house->watcher);
}

static void turn(struct house *house) {
  uv_run(loop_uv(house->source.loop), UV_RUN_NOWAIT);
}

static void run_until_rounds(struct house *house, unsigned rounds) {
  while (house->source.rounds < rounds)
    turn(house);
}

static void house_close(struct house *house) {
  struct loop *loop = house->source.loop;
  refresher_leave(&house->watcher, on_left);
  refresher_close(house->source.refresher);
  if (house->source.under_way) answer(&house->source); /* as a fetcher does that closes */
  loop_free(loop);
  assert_int_equal(house->left, 1);
  assert_int_equal(house->released, 1);
  assert_int_equal(values_alive, 0);
}

static int number_of(const struct house *house) {
  return house->watcher.value ? ((const struct value *)house->watcher.value)->number : -1;
}

/* Takes the value's number; -1: wait, -2: none. */
static int take(struct house *house, struct error *error) {
  void *value = NULL;
  enum refresher_taken taken = refresher_take(house->source.refresher, NULL, &value, error);
  if (taken != REFRESHER_TAKEN) return taken == REFRESHER_WAIT ? -1 : -2;
  int number = ((struct value *)value)->number;
  value_unref(value);
  return number;
}

/* --- Tests --- */

static void the_first_round_begins_by_itself(void **state) {
  for (int at_once = 0; at_once < 2; at_once++) {
    struct house house;
    struct error error;
    house_open(&house, &QUICK, GOOD);
    house.source.at_once = at_once;
    assert_false(refresher_has_value(house.source.refresher));
    assert_true(refresher_is_busy(house.source.refresher));
    assert_int_equal(take(&house, &error), -1);
    while (house.settled == 0)
      turn(&house);
    assert_true(refresher_has_value(house.source.refresher));
    assert_false(refresher_is_busy(house.source.refresher));
    assert_int_equal(number_of(&house), -1);
    assert_true(refresher_update(&house.watcher));
    assert_false(refresher_update(&house.watcher));
    assert_int_equal(number_of(&house), 1);
    assert_int_equal(take(&house, &error), 1);
    assert_int_equal(house.source.fetches, 1);
    house_close(&house);
  }
}

static void all_who_ask_share_a_round(void **state) {
  struct house house;
  house_open(&house, &QUICK, GOOD);
  for (int i = 0; i < 10; i++)
    assert_true(refresher_ask(house.source.refresher, NULL));
  run_until_rounds(&house, 1);
  for (int i = 0; i < 10; i++)
    assert_true(refresher_ask(house.source.refresher, NULL));
  run_until_rounds(&house, 2);
  for (int i = 0; i < 5; i++)
    turn(&house);
  assert_int_equal(house.source.fetches, 2);
  assert_int_equal(house.settled, 2);
  house_close(&house);
}

static void asking_has_an_interval(void **state) {
  struct refresher_timing timing = QUICK;
  timing.ask_interval_ms = AN_HOUR_MS;
  struct house house;
  house_open(&house, &timing, GOOD);
  run_until_rounds(&house, 1); /* which nobody asked for */
  assert_true(refresher_ask(house.source.refresher, NULL));
  run_until_rounds(&house, 2);
  assert_false(refresher_ask(house.source.refresher, NULL));
  house_close(&house);
}

static void what_is_unavailable_is_tried_again_in_a_round(void **state) {
  static const struct {
    enum behaviour behaviour;
    unsigned fetches;
  } CASES[] = {{DOWN, 3}, {DENIED, 1}, {GOOD, 1}};
  struct refresher_timing timing = QUICK;
  timing.tries = 3;
  for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
    struct house house;
    house_open(&house, &timing, CASES[i].behaviour);
    run_until_rounds(&house, 1);
    assert_int_equal(house.source.fetches, CASES[i].fetches);
    house_close(&house);
  }
}

static void a_failure_is_told_until_a_round_is_good(void **state) {
  struct refresher_timing timing = QUICK;
  timing.rest_ms = AN_HOUR_MS;
  struct house house;
  struct error error;
  house_open(&house, &timing, DENIED);
  run_until_rounds(&house, 1);
  for (int i = 0; i < 3; i++) { /* no new round so soon */
    assert_int_equal(take(&house, &error), -2);
    assert_int_equal(error.kind, ERROR_DENIED);
    assert_string_equal(error.message, "denied");
  }
  assert_false(refresher_update(&house.watcher));
  assert_int_equal(house.source.fetches, 1);
  house_close(&house);
}

static void without_insisting_a_round_that_failed_waits_for_somebody(void **state) {
  struct house house;
  struct error error;
  house_open(&house, &QUICK, DOWN);
  run_until_rounds(&house, 1);
  for (int i = 0; i < 20; i++)
    turn(&house);
  assert_int_equal(house.source.fetches, 1);
  house.source.behaviour = GOOD;
  assert_int_equal(take(&house, &error), -1);
  run_until_rounds(&house, 2);
  assert_int_equal(house.source.failures, 1);
  assert_int_equal(take(&house, &error), 2);
  house_close(&house);
}

static void a_value_that_fell_due_is_not_asked_for_at_once_again(void **state) {
  struct refresher_timing timing = QUICK;
  timing.stale_rest_ms = AN_HOUR_MS;
  struct house house;
  house_open(&house, &timing, GOOD);
  house.source.due_ms = 1;
  run_until_rounds(&house, 1);
  house.source.behaviour = DOWN;
  while (house.source.bad_rounds == 0)
    turn(&house);
  assert_in_range(uv_backend_timeout(loop_uv(house.source.loop)), AN_HOUR_MS / 2, AN_HOUR_MS);
  house_close(&house);
}

static void insisting_needs_nobody_until_there_is_a_value(void **state) {
  struct refresher_timing timing = QUICK;
  timing.insists = true;
  struct house house;
  house_open(&house, &timing, DOWN);
  run_until_rounds(&house, 5);
  assert_int_equal(house.source.failures, 4);
  while (refresher_is_busy(house.source.refresher))
    turn(&house);
  assert_false(refresher_ask(house.source.refresher, NULL)); /* it is about to */
  house.source.behaviour = GOOD;
  while (!refresher_has_value(house.source.refresher))
    turn(&house);
  house.source.behaviour = DOWN;
  unsigned rounds = house.source.rounds;
  assert_true(refresher_ask(house.source.refresher, NULL));
  run_until_rounds(&house, rounds + 1);
  for (int i = 0; i < 20; i++)
    turn(&house);
  assert_int_equal(house.source.rounds, rounds + 1);
  assert_true(refresher_update(&house.watcher)); /* the known value goes on working */
  house_close(&house);
}

static void a_value_that_falls_due_is_fetched_again(void **state) {
  struct house house;
  struct error error;
  house_open(&house, &QUICK, GOOD);
  house.source.due_ms = 1;
  run_until_rounds(&house, 3);
  assert_true(take(&house, &error) >= 3);
  house.source.behaviour = DOWN; /* the old one serves, and nobody need ask */
  unsigned rounds = house.source.rounds;
  run_until_rounds(&house, rounds + 3);
  assert_int_equal(take(&house, &error), (int)rounds);
  house.source.behaviour = GOOD;
  house.source.due_ms = 0;
  while (take(&house, &error) == (int)rounds)
    turn(&house);
  house_close(&house);
}

static void what_says_the_same_changes_nothing(void **state) {
  struct house house;
  house_open(&house, &QUICK, SAME);
  run_until_rounds(&house, 1);
  assert_true(refresher_update(&house.watcher));
  const void *value = house.watcher.value;
  assert_true(refresher_ask(house.source.refresher, NULL));
  run_until_rounds(&house, 2);
  assert_false(refresher_update(&house.watcher));
  assert_ptr_equal(house.watcher.value, value);
  house_close(&house);
}

static void a_value_that_is_not_usable_is_not_taken(void **state) {
  struct refresher_timing timing = QUICK;
  timing.ask_interval_ms = AN_HOUR_MS;
  struct house house;
  struct error error;
  house_open(&house, &timing, UNUSABLE);
  run_until_rounds(&house, 1);
  assert_int_equal(take(&house, &error), -1); /* which asks */
  run_until_rounds(&house, 2);
  assert_int_equal(take(&house, &error), -2);
  assert_int_equal(error.kind, ERROR_NONE); /* no round failed */
  house_close(&house);
}

static void a_refused_value_is_replaced_once(void **state) {
  struct refresher_timing timing = QUICK;
  timing.ask_interval_ms = AN_HOUR_MS;
  struct house house;
  struct error error;
  house_open(&house, &timing, GOOD);
  run_until_rounds(&house, 1);
  refresher_update(&house.watcher);
  assert_true(refresher_refuse(house.source.refresher, house.watcher.value));
  assert_int_equal(take(&house, &error), -1);
  run_until_rounds(&house, 2);
  assert_true(refresher_refuse(house.source.refresher, house.watcher.value)); /* others are there */
  assert_int_equal(take(&house, &error), 2);
  refresher_update(&house.watcher);
  assert_false(refresher_refuse(house.source.refresher, house.watcher.value));
  assert_int_equal(take(&house, &error), 2); /* for want of a better one */
  house_close(&house);
}

static bool refuse(struct house *house) {
  refresher_update(&house->watcher);
  return refresher_refuse(house->source.refresher, house->watcher.value);
}

static void values_that_are_refused_in_a_row_are_fetched_ever_more_rarely(void **state) {
  struct refresher_timing timing = QUICK;
  timing.ask_interval_ms = AN_HOUR_MS;
  timing.retry_cap_ms = (uint64_t)3 * AN_HOUR_MS;
  struct house house;
  house_open(&house, &timing, GOOD);
  run_until_rounds(&house, 1);
  static const uint64_t PAUSES[] = {0, 1, 2, 3, 3}; /* hours; doubled up to the cap */
  for (unsigned i = 0; i < sizeof(PAUSES) / sizeof(PAUSES[0]); i++) {
    assert_int_equal(refuse(&house), PAUSES[i] == 0);
    atomic_fetch_add(&ahead_us, PAUSES[i] * AN_HOUR_MS * 1000);
    if (PAUSES[i] > 0) assert_true(refuse(&house));
    run_until_rounds(&house, i + 2);
  }
  atomic_fetch_add(&ahead_us, (uint64_t)7 * AN_HOUR_MS * 1000); /* it was good for long */
  assert_true(refuse(&house));
  house_close(&house);
}

static void a_fetch_knows_who_asked(void **state) {
  struct house house;
  struct trace_context trace = {.trace_id = {7}, .state = STR("a=b")};
  house_open(&house, &QUICK, GOOD);
  run_until_rounds(&house, 1);
  assert_int_equal(house.source.asked_by, 0);
  assert_true(refresher_ask(house.source.refresher, &trace));
  run_until_rounds(&house, 2);
  assert_int_equal(house.source.asked_by, 7);
  assert_string_equal(house.source.asker_state, "a=b");
  assert_true(refresher_ask(house.source.refresher, NULL));
  run_until_rounds(&house, 3);
  assert_int_equal(house.source.asked_by, 0);
  house_close(&house);
}

static void ages_count_from_good_rounds(void **state) {
  struct house house;
  house_open(&house, &QUICK, DOWN);
  assert_int_equal(refresher_age_s(house.source.refresher), 0);
  run_until_rounds(&house, 1);
  assert_int_equal(refresher_age_s(house.source.refresher), 0);
  house_close(&house);
}

/* The end comes before the first try, in one, between two, when the round was asked for, and
 * later. */
static void closing_at_any_point_tells_who_waits(void **state) {
  static const enum behaviour BEHAVIOURS[] = {GOOD, DOWN, DENIED, SILENT};
  struct refresher_timing timing = QUICK;
  timing.tries = 3;
  for (unsigned i = 0; i < 4 * 12; i++) {
    struct house house;
    struct error error;
    house_open(&house, &timing, BEHAVIOURS[i % 4]);
    for (unsigned turns = 0; turns < i / 4 && !(house.source.rounds > 0); turns++)
      turn(&house);
    if (house.source.rounds > 0) refresher_ask(house.source.refresher, NULL);
    take(&house, &error);
    bool waits = refresher_is_busy(house.source.refresher);
    unsigned settled = house.settled;
    struct refresher *refresher = house.source.refresher;
    struct loop *loop = house.source.loop;
    refresher_close(refresher);
    if (house.source.under_way) answer(&house.source);
    while (waits && house.settled == settled)
      turn(&house);
    assert_false(refresher_ask(refresher, NULL));
    refresher_leave(&house.watcher, on_left);
    loop_free(loop);
    assert_int_equal(house.left, 1);
    assert_int_equal(house.released, 1);
    assert_int_equal(values_alive, 0);
  }
}

static void who_leaves_hears_nothing_more(void **state) {
  struct house house;
  house_open(&house, &QUICK, SILENT);
  while (!house.source.under_way)
    turn(&house);
  house.source.behaviour = GOOD;
  answer(&house.source); /* the news is on its way */
  refresher_update(&house.watcher);
  refresher_leave(&house.watcher, on_left);
  assert_int_equal(house.left, 0);
  refresher_close(house.source.refresher);
  loop_free(house.source.loop);
  assert_int_equal(house.settled, 0);
  assert_int_equal(house.left, 1);
  assert_int_equal(house.released, 1);
  assert_int_equal(values_alive, 0);
}

/* --- Several loops --- */

enum { LOOPS = 4, TURNS = 300 };

struct worker {
  struct loop *loop;
  struct refresher *refresher;
  struct refresher_watcher watcher;
  uv_idle_t idle; /* keeps the loop turning */
  unsigned turns, taken, settled, left;
  pthread_t thread;
};

static void on_worker_settled(struct refresher_watcher *watcher) {
  struct worker *worker = LIST_ENTRY(watcher, struct worker, watcher);
  worker->settled++;
  refresher_update(watcher);
}

static void on_worker_left(struct refresher_watcher *watcher) {
  LIST_ENTRY(watcher, struct worker, watcher)->left++;
}

static void use_value(struct worker *worker) {
  struct error error;
  void *value;
  switch (refresher_take(worker->refresher, NULL, &value, &error)) {
  case REFRESHER_TAKEN:
    worker->taken++;
    if (worker->turns % 7 == 0) refresher_refuse(worker->refresher, value);
    value_unref(value);
    break;
  case REFRESHER_WAIT:
  case REFRESHER_NONE: break;
  }
}

static void on_idle(uv_idle_t *idle) {
  struct worker *worker = idle->data;
  worker->turns++;
  use_value(worker);
  if (worker->turns < TURNS || worker->taken == 0) return;
  uv_close((uv_handle_t *)idle, NULL);
  refresher_leave(&worker->watcher, on_worker_left);
  loop_close_inbox(worker->loop);
}

static atomic_uint workers_at_work;
static void *work(void *argument) {
  struct worker *worker = argument;
  loop_run(worker->loop);
  atomic_fetch_sub(&workers_at_work, 1);
  return NULL;
}

static void worker_open(struct worker *worker, unsigned index, struct refresher *refresher) {
  worker->loop = loop_new(index);
  worker->refresher = refresher;
  worker->watcher = (struct refresher_watcher){.loop = worker->loop, .settled = on_worker_settled};
  refresher_watch(refresher, &worker->watcher);
  uv_idle_init(loop_uv(worker->loop), &worker->idle);
  worker->idle.data = worker;
  uv_idle_start(&worker->idle, on_idle);
  assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
}

static void many_loops_use_one_value(void **state) {
  struct house house;
  house_open(&house, &QUICK, GOOD);
  struct worker workers[LOOPS] = {0};
  workers_at_work = LOOPS;
  for (unsigned i = 0; i < LOOPS; i++)
    worker_open(&workers[i], i + 1, house.source.refresher);
  while (atomic_load(&workers_at_work) > 0)
    turn(&house);
  for (int i = 0; i < LOOPS; i++) {
    pthread_join(workers[i].thread, NULL);
    assert_true(workers[i].taken > 0);
    assert_int_equal(workers[i].left, 1);
    loop_free(workers[i].loop);
  }
  house_close(&house);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_round_begins_by_itself),
      cmocka_unit_test(all_who_ask_share_a_round),
      cmocka_unit_test(asking_has_an_interval),
      cmocka_unit_test(what_is_unavailable_is_tried_again_in_a_round),
      cmocka_unit_test(a_failure_is_told_until_a_round_is_good),
      cmocka_unit_test(without_insisting_a_round_that_failed_waits_for_somebody),
      cmocka_unit_test(a_value_that_fell_due_is_not_asked_for_at_once_again),
      cmocka_unit_test(insisting_needs_nobody_until_there_is_a_value),
      cmocka_unit_test(a_value_that_falls_due_is_fetched_again),
      cmocka_unit_test(what_says_the_same_changes_nothing),
      cmocka_unit_test(a_value_that_is_not_usable_is_not_taken),
      cmocka_unit_test(a_refused_value_is_replaced_once),
      cmocka_unit_test(values_that_are_refused_in_a_row_are_fetched_ever_more_rarely),
      cmocka_unit_test(a_fetch_knows_who_asked),
      cmocka_unit_test(ages_count_from_good_rounds),
      cmocka_unit_test(closing_at_any_point_tells_who_waits),
      cmocka_unit_test(who_leaves_hears_nothing_more),
      cmocka_unit_test(many_loops_use_one_value),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
