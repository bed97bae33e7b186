/* schema_check.c: may the server serve from the database that it finds?
 *
 * asking → open, asking → refused, asking → waiting → asking: a database that cannot be reached is
 * asked again, with back-off. Each question is answered in a worker thread, which has `asked`,
 * `pending` and `error` to itself while `working` is true; everything else is the loop's. `open` is
 * read by every thread. */
#include "lib/migrate/schema_check.h"

#include "lib/base/log.h"
#include "lib/base/random.h"
#include "lib/migrate/run/runner.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { RETRY_LEAST_MS = 200, RETRY_BASE_MS = 200, RETRY_CAP_MS = 2000 };

struct schema_check {
  struct loop *loop;
  struct schema_check_options options;
  uv_work_t work;
  uv_timer_t retry;
  bool working, closing;
  unsigned failures;
  atomic_bool open;
  atomic_bool interrupt;

  /* Of the worker thread while it works. */
  bool asked;
  char *pending; /* owned: VERSION_name of what is pending, separated by ", "; "" when nothing is */
  bool misadopted; /* `pending` counts as applied, though the schema does not have it */
  struct error error;
};

static void log_report(void *argument, enum migrate_say kind, const char *text) {
  (void)argument;
  if (kind == SAY_PROGRESS || kind == SAY_OUTPUT) return;
  enum log_level level = kind == SAY_ERROR     ? LOG_LEVEL_ERROR
                         : kind == SAY_WARNING ? LOG_LEVEL_WARNING
                                               : LOG_LEVEL_INFO;
  log_event(level, "migrate", log_text("text", text), LOG_END);
}

/* --- In the worker thread --- */

static char *list_pending(const struct migrate_plan *plan) {
  struct buffer names = BUFFER_EMPTY;
  static const enum migrate_plan_state STATES[] = {PLAN_ABSENT, PLAN_PARTIAL, PLAN_LATE,
                                                   PLAN_PENDING};
  for (size_t i = 0; i < sizeof(STATES) / sizeof(STATES[0]); i++)
    migrate_plan_append_names(plan, STATES[i], &names);
  return buffer_take(&names);
}

/* Compares the embedded migrations with the database; changes nothing. A database that is ahead has
 * nothing pending. */
static bool find_pending(struct schema_check *gate, const struct migrate_options *options) {
  _cleanup_(runner_close) struct runner runner = runner_new(options, NULL);
  if (!runner_open(&runner, RUNNER_READ, &gate->error)) return false;
  gate->pending = list_pending(&runner.plan);
  gate->misadopted = runner.plan.by_state[PLAN_ABSENT] > 0;
  return gate->pending || error_set(&gate->error, ERROR_MEMORY, "out of memory");
}

static void ask(uv_work_t *work) {
  struct schema_check *gate = work->data;
  assert(gate->working && !gate->pending);
  const struct migrate_reporter reporter = {.say = log_report};
  struct migrate_options options = MIGRATE_OPTIONS_DEFAULT;
  options.connection_url = gate->options.connection_url;
  gate->error = (struct error){0};
  struct migrate_options applying = options;
  applying.interrupt = &gate->interrupt;
  gate->asked = (!gate->options.migrate || migrate_up(&applying, &reporter, &gate->error)) &&
                find_pending(gate, &options);
}

/* --- On the loop --- */

static void start(struct schema_check *gate);

static void on_retry(uv_timer_t *timer) {
  start(timer->data);
}

static void retry_later(struct schema_check *gate) {
  if (gate->failures == 0)
    log_event(LOG_LEVEL_WARNING, "the database's schema cannot be checked yet",
              log_text("reason", gate->error.message), LOG_END);
  uint64_t wait = RETRY_LEAST_MS + random_backoff_ms(gate->failures, RETRY_BASE_MS, RETRY_CAP_MS);
  gate->failures++;
  uv_timer_start(&gate->retry, on_retry, wait, 0);
}

static void refuse(struct schema_check *gate, const char *message) {
  log_event(LOG_LEVEL_ERROR, message, log_text("reason", gate->error.message), LOG_END);
  gate->options.refused(&gate->error, gate->options.argument);
}

static void refuse_pending(struct schema_check *gate, const char *message) {
  log_event(LOG_LEVEL_ERROR, message, log_text("pending", gate->pending), LOG_END);
  error_set(&gate->error, ERROR_PENDING, "%s", message);
  gate->options.refused(&gate->error, gate->options.argument);
}

static void open_gate(struct schema_check *gate) {
  assert(!gate->closing && !atomic_load(&gate->open));
  atomic_store(&gate->open, true);
  gate->options.opened(gate->options.argument);
}

/* A database that was reached but does not let itself be checked (a role with few rights, say) is
 * served from: the statements are prepared there, and say themselves what they miss. */
static void judge(struct schema_check *gate) {
  if (gate->asked && gate->misadopted) {
    refuse_pending(
        gate,
        "the database was adopted wrongly: run cruddur repair --adoption, then cruddur migrate");
  } else if (gate->asked && gate->pending[0]) {
    refuse_pending(gate, "the database is behind: run cruddur migrate, or serve with --migrate");
  } else if (gate->asked) {
    open_gate(gate);
  } else if (gate->error.kind == ERROR_UNAVAILABLE) {
    retry_later(gate);
  } else if (gate->error.kind == ERROR_REFUSED && !gate->options.migrate) {
    refuse(gate, "the database cannot be served from");
  } else if (gate->options.migrate) {
    refuse(gate, "the database cannot be migrated");
  } else {
    log_event(LOG_LEVEL_WARNING, "the database's schema cannot be checked",
              log_text("reason", gate->error.message), LOG_END);
    open_gate(gate);
  }
}

static void close_timer(struct schema_check *gate) {
  uv_close((uv_handle_t *)&gate->retry, NULL);
}

static void on_asked(uv_work_t *work, int status) {
  struct schema_check *gate = work->data;
  gate->working = false;
  if (gate->closing)
    close_timer(gate);
  else if (status == 0)
    judge(gate);
  free(gate->pending);
  gate->pending = NULL;
}

static void start(struct schema_check *gate) {
  assert(!gate->working && !gate->closing && !atomic_load(&gate->open));
  gate->work.data = gate;
  gate->working = true;
  if (uv_queue_work(loop_uv(gate->loop), &gate->work, ask, on_asked) == 0) return;
  gate->working = false;
  retry_later(gate);
}

struct schema_check *schema_check_new(struct loop *loop, const struct schema_check_options *options,
                                      struct error *error) {
  struct schema_check *gate = calloc(1, sizeof(*gate));
  if (!gate) {
    error_set(error, ERROR_MEMORY, "out of memory for the check of the schema");
    return NULL;
  }
  loop_free_at_end(loop, gate);
  gate->loop = loop;
  gate->options = *options;
  atomic_init(&gate->open, false);
  atomic_init(&gate->interrupt, false);
  uv_timer_init(loop_uv(loop), &gate->retry);
  gate->retry.data = gate;
  start(gate);
  return gate;
}

bool schema_check_passed(const struct schema_check *gate) {
  return atomic_load(&gate->open);
}

void schema_check_close(struct schema_check *gate) {
  if (!gate || gate->closing) return;
  gate->closing = true;
  atomic_store(&gate->interrupt, true);
  if (gate->working)
    uv_cancel((uv_req_t *)&gate->work); /* on_asked() closes either way */
  else
    close_timer(gate);
}
