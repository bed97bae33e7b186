/* serve.c: `cruddur serve`: sockets, one worker for each loop, signals.
 *
 * The main thread runs the first worker's loop, and each other worker has a thread of its own. What
 * all of them share belongs to the first loop: the pool's keys, AWS credentials, the check of the
 * schema, the port of metrics, the signals. `struct service` does not change while they run, but
 * for what only the first loop touches.
 *
 * To stop, each loop is posted worker_drain(). A worker that has finished posts count_finished() to
 * the first loop, which closes what is shared after the last one. The main thread frees everything
 * when it has joined the others. A guard ends the process when that takes too long. */
#include "commands/commands.h"
#include "commands/metrics_port.h"
#include "commands/serve_settings.h"
#include "commands/serve_stop.h"

#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/process.h"
#include "lib/migrate/schema_check.h"
#include "lib/telemetry/crash.h"

#include <assert.h>
#include <string.h>
#include <sys/resource.h>

enum {
  LOG_FLUSH_MS = 2000,
  TELEMETRY_MS = 3000, /* what traces and Rollbar's items have after the drain, together */
  LEFT_OVERS_MS = 2000 /* what connections that are being opened, and a cancelled migration, have */
};

struct service {
  struct serve_settings settings;
  struct key_keeper *keeper;
  struct schema_check *schema;
  struct metrics_port metrics;
  bool migrate;
  struct error refusal; /* why it must not serve from this database; ERROR_NONE: it may */
  struct serve_signals signals;
  struct stop_guard guard;
  unsigned finished_count;
  struct worker workers[SERVE_LOOPS_LIMIT];
  struct pg_pool *pools[SERVE_LOOPS_LIMIT];
  int listen_fds[SERVE_LOOPS_LIMIT];
};

static void leave_demoted(struct loop *loop, void *argument) {
  (void)loop;
  pg_pool_leave_demoted(argument);
}

/* On any loop: a loop that gets no write would not notice by itself. */
static void on_demoted(void *argument) {
  struct service *service = argument;
  for (unsigned i = 0; i < service->settings.loops; i++)
    loop_post(service->workers[i].loop, leave_demoted, service->pools[i]);
}

/* --- Life --- */

static int planned_exit_code(const struct service *service) {
  return service->refusal.kind == ERROR_NONE ? EXIT_DONE : exit_code_of(&service->refusal);
}

static void drain_posted(struct loop *loop, void *argument) {
  (void)loop;
  struct worker *worker = argument;
  worker_drain(worker, worker->options->drain_timeout_ms);
}

static void end_posted(struct loop *loop, void *argument) {
  (void)loop;
  worker_drain(argument, 0);
}

static void drain_all(bool quickly, void *argument) {
  struct service *service = argument;
  uint64_t drain_ms = quickly ? 0 : service->settings.options.drain_timeout_ms;
  serve_stop_guard(&service->guard, drain_ms + TELEMETRY_MS + LEFT_OVERS_MS,
                   planned_exit_code(service));
  for (unsigned i = 0; i < service->settings.loops; i++)
    loop_post(service->workers[i].loop, quickly ? end_posted : drain_posted, &service->workers[i]);
}

static void on_schema_refused(const struct error *reason, void *argument) {
  struct service *service = argument;
  service->refusal = *reason;
  drain_all(false, service);
}

static void on_schema_opened(void *argument) {
  struct service *service = argument;
  pg_pool_release(service->workers[0].context.pool);
}

/* The first worker's loop also has what all share; it stays until the last one needs it no more. */
static void count_finished(struct loop *loop, void *argument) {
  struct service *service = argument;
  assert(service->finished_count < service->settings.loops); /* each finishes once */
  if (++service->finished_count < service->settings.loops) return;
  serve_stop_close_signals(&service->signals);
  metrics_port_close(&service->metrics);
  key_keeper_close(service->keeper);
  aws_provider_close(service->settings.options.provider);
  schema_check_close(service->schema);
  loop_close_inbox(loop);
  serve_stop_hurry(&service->guard, LEFT_OVERS_MS);
}

static void on_worker_finished(struct worker *worker, void *argument) {
  struct service *service = argument;
  loop_post(service->workers[0].loop, count_finished, service);
  if (worker != &service->workers[0]) loop_close_inbox(worker->loop);
}

static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static bool open_sockets(struct service *service, struct error *error) {
  unsigned port = service->settings.config.port;
  assert(service->settings.loops >= 1);
  for (unsigned i = 0; i < service->settings.loops; i++) {
    service->listen_fds[i] = http_listen(port, i == 0, &port, error);
    if (service->listen_fds[i] < 0) return false;
  }
  service->settings.config.port = port;
  return true;
}

/* What the first loop has for all of them. */
static bool make_shared(struct service *service, struct loop *loop, struct error *error) {
  const struct schema_check_options gate = {.connection_url =
                                                service->settings.config.connection_url,
                                            .migrate = service->migrate,
                                            .refused = on_schema_refused,
                                            .opened = on_schema_opened,
                                            .argument = service};
  service->keeper = key_keeper_new(loop, &service->settings.auth, error);
  service->schema = schema_check_new(loop, &gate, error);
  if (service->settings.config.ddb_message_table) {
    service->settings.options.config = &service->settings.config;
    service->settings.options.provider = aws_provider_new(loop, &service->settings.config, error);
    if (!service->settings.options.provider) return false;
  }
  return service->keeper && service->schema;
}

static bool make_workers(struct service *service, struct error *error) {
  for (unsigned i = 0; i < service->settings.loops; i++) {
    struct loop *loop = loop_new(i);
    if (!loop) return error_set(error, ERROR_MEMORY, "out of memory for an event loop");
    if (i == 0 && !make_shared(service, loop, error)) return false;
    if (!worker_init(&service->workers[i], loop, service->keeper, service->listen_fds[i],
                     &service->settings.options, error))
      return false;
    service->pools[i] = service->workers[i].context.pool;
    service->workers[i].context.pools = service->pools;
    service->workers[i].context.pool_count = service->settings.loops;
    service->workers[i].context.schema = service->schema;
    service->workers[i].finished = on_worker_finished;
    service->workers[i].finished_argument = service;
  }
  return metrics_port_start(&service->metrics, service->settings.config.metrics_port,
                            service->workers, service->settings.loops, error);
}

static void run_worker(struct worker *worker) {
  loop_run(worker->loop);
}

static void *run_thread(void *argument) {
  crash_enter_thread();
  run_worker(argument);
  crash_leave_thread();
  return NULL;
}

static void warn_of_few_loops(const struct service *service) {
  if (service->settings.loops < service->settings.wanted_loops)
    log_event(LOG_LEVEL_WARNING, "fewer loops than processors: each needs 4 Postgres connections",
              log_int("loops", service->settings.loops),
              log_int("wanted", service->settings.wanted_loops),
              log_int("connections", service->settings.config.pg_connections), LOG_END);
}

static void warn_of_open_cors(const struct service *service) {
  struct str rest = service->settings.options.http.allowed_origins, origin;
  while (str_next(&rest, ',', &origin))
    if (str_equal(origin, STR("*")))
      log_event(LOG_LEVEL_WARNING, "FRONTEND_URL or BACKEND_URL is *: any site may call the API",
                LOG_END);
}

static bool run(struct service *service, struct error *error) {
  for (unsigned i = 1; i < service->settings.loops; i++)
    if (pthread_create(&service->workers[i].thread, NULL, run_thread, &service->workers[i]) != 0)
      return error_set(error, ERROR_UNAVAILABLE, "no thread for an event loop");
  log_event(LOG_LEVEL_INFO, "listening", log_int("port", service->settings.config.port),
            log_int("loops", service->settings.loops), log_text("version", CRUDDUR_VERSION),
            LOG_END);
  run_worker(&service->workers[0]);
  for (unsigned i = 1; i < service->settings.loops; i++)
    pthread_join(service->workers[i].thread, NULL);
  return true;
}

static void clean_up(struct service *service) {
  for (unsigned i = 0; i < service->settings.loops; i++)
    loop_free(service->workers[i].loop);
  serve_settings_free(&service->settings);
}

/* What the last run left when a signal killed it. */
static void report_crash(const struct service *service) {
  struct buffer report = BUFFER_EMPTY;
  if (crash_take_report(service->settings.config.crash_file, &report)) {
    log_event(LOG_LEVEL_ERROR, "the last run crashed", log_str("report", buffer_str(&report)),
              LOG_END);
    rollbar_send(service->workers[0].context.rollbar,
                 &(struct rollbar_item){
                     .level = "critical", .message = buffer_text(&report), .request_id = STR("")});
  }
  buffer_free(&report);
}

static void tell_problem(const struct error *problem, void *argument) {
  (void)argument;
  exit_with("serve", problem);
}

static int serve(struct service *service) {
  struct error error = {0};
  if (!serve_settings_read(&service->settings, tell_problem, NULL)) return EXIT_USAGE;
  service->settings.options.pg.demoted = on_demoted;
  service->settings.options.pg.argument = service;
  process_note_start();
  raise_file_limit();
  crash_catch(service->settings.config.crash_file);
  serve_stop_ignore_signals();
  setenv("PGTZ", "UTC", 1); /* before there are threads: poolers take the time zone no other way */
  if (!open_sockets(service, &error)) return exit_with("serve", &error);
  enum log_level level = LOG_LEVEL_INFO;
  bool known = log_level_parse(str_from(service->settings.config.log_level), &level);
  assert(known); /* the setting's row allows no other words */
  bool ready = log_start(level) ? make_workers(service, &error)
                                : error_set(&error, ERROR_UNAVAILABLE, "no thread for the log");
  if (!ready) {
    int code = exit_with("serve", &error);
    log_stop(LOG_FLUSH_MS);
    /* exit() would free what threads of libpq still use. */
    _exit(code);
  }
  warn_of_open_cors(service);
  warn_of_few_loops(service);
  report_crash(service);
  serve_stop_catch_signals(&service->signals, service->workers[0].loop, level, drain_all, service);
  int code = run(service, &error) ? EXIT_DONE : exit_with("serve", &error);
  serve_stop_done(&service->guard);
  clean_up(service);
  log_event(LOG_LEVEL_INFO, "stopped", LOG_END);
  log_stop(LOG_FLUSH_MS);
  return code == EXIT_DONE ? planned_exit_code(service) : code;
}

static int command_serve(int argc, char **argv) {
  static struct service service; /* too large for a stack, one a process */
  int code;
  if (!flags_read(&serve_command, argc, argv, &service, NULL, &code)) return code;
  return serve(&service);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "migrate", struct service, migrate,
                "apply pending migrations first; safe with many instances at once"),
    FLAG_END,
};

const struct subcommand serve_command = {
    .name = "serve",
    .summary = "serve the API",
    .usage = "cruddur serve [--migrate]",
    .description =
        "Serves the API until SIGTERM or SIGINT, then answers the requests in progress and exits.\n"
        "SIGQUIT ends it without waiting for them. SIGUSR1 turns debug lines on and off. SIGHUP "
        "and\n"
        "SIGUSR2 change nothing.\n"
        "Settings come from the environment; `cruddur config` lists them.\n"
        "\n"
        "It does not serve from a database that is behind: it says which migrations are pending\n"
        "and exits. A database that cannot be reached yet is waited for.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "stopped as asked",
              [EXIT_FAILED] = "it cannot serve",
              [EXIT_USAGE] = "",
              [EXIT_PENDING] = "the database is behind: run `cruddur migrate`",
              [EXIT_REFUSED] = "the database's encoding is not UTF8, or --migrate was refused",
              [EXIT_UNAVAILABLE] = "the system has no socket or thread left",
              [EXIT_CREDENTIALS] = "--migrate: role or password refused"},
    .run = command_serve,
};
