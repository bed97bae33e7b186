/* serve.c: `cruddur serve`: settings, sockets, one worker for each loop, signals.
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
#include "commands/serve_limits.h"
#include "commands/serve_stop.h"
#include "commands/worker.h"
#include "routes/routes.h"

#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/migrate/schema_check.h"
#include "lib/telemetry/crash.h"
#include "lib/telemetry/xray.h"

#include <assert.h>
#include <string.h>
#include <sys/resource.h>

enum {
  WORKERS_LIMIT = 64,
  LOG_FLUSH_MS = 2000,
  TELEMETRY_MS = 3000, /* what traces and Rollbar's items have after the drain, together */
  LEFT_OVERS_MS = 2000 /* what connections that are being opened, and a cancelled migration, have */
};

struct service {
  struct config config;
  struct buffer issuer, jwks_url, origins;
  struct auth_options auth;
  struct worker_options options;
  struct key_keeper *keeper;
  struct schema_check *schema;
  struct metrics_port metrics;
  bool migrate;
  struct error refusal; /* why it must not serve from this database; ERROR_NONE: it may */
  struct serve_signals signals;
  struct stop_guard guard;
  unsigned wanted_loops, worker_count, finished_count;
  struct worker workers[WORKERS_LIMIT];
  struct pg_pool *pools[WORKERS_LIMIT];
  int listen_fds[WORKERS_LIMIT];
};

/* --- Settings --- */

/* Issuer and keys as Cognito has them, unless they are overridden.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
 */
static bool derive_pool(struct service *service, struct error *error) {
  const struct config *config = &service->config;
  bool overridden = config->cognito_jwks_url && config->cognito_issuer;
  if (!overridden && (!config->aws_region || !config->cognito_user_pool_id))
    return error_set(error, ERROR_INVALID,
                     "%s is not set (it names the user pool that signs the tokens), for example "
                     "%s",
                     config->aws_region ? "AWS_COGNITO_USER_POOL_ID" : "AWS_DEFAULT_REGION",
                     config->aws_region ? "AWS_COGNITO_USER_POOL_ID=ca-central-1_AbCdEfGhI"
                                        : "AWS_DEFAULT_REGION=ca-central-1");
  if (config->cognito_issuer)
    buffer_append_text(&service->issuer, config->cognito_issuer);
  else
    buffer_append_format(&service->issuer, "https://cognito-idp.%s.amazonaws.com/%s",
                         config->aws_region, config->cognito_user_pool_id);
  if (config->cognito_jwks_url)
    buffer_append_text(&service->jwks_url, config->cognito_jwks_url);
  else
    buffer_append_format(&service->jwks_url, "%s/.well-known/jwks.json",
                         buffer_text(&service->issuer));
  service->auth = (struct auth_options){.jwks_url = buffer_text(&service->jwks_url),
                                        .issuer = buffer_text(&service->issuer),
                                        .client_ids = str_from(config->cognito_client_id),
                                        .refresh_ms = config->jwks_refresh_s * 1000ULL};
  return true;
}

/* Each loop needs its connections to Postgres: where there are too few, there are fewer loops. */
static bool share_connections(struct service *service, unsigned loops, struct error *error) {
  unsigned connections = service->config.pg_connections;
  if (loops > WORKERS_LIMIT) loops = WORKERS_LIMIT;
  if (connections == 0) connections = loops * PG_POOL_CONNECTIONS_LEAST;
  if (connections < PG_POOL_CONNECTIONS_LEAST)
    return error_set(error, ERROR_INVALID,
                     "CRUDDUR_PG_CONNECTIONS must be at least %d (two for reads, one for writes, "
                     "one for heavy statements), for example CRUDDUR_PG_CONNECTIONS=8",
                     PG_POOL_CONNECTIONS_LEAST);
  service->wanted_loops = loops;
  service->worker_count = loops;
  if (connections / PG_POOL_CONNECTIONS_LEAST < loops)
    service->worker_count = connections / PG_POOL_CONNECTIONS_LEAST;
  assert(service->worker_count >= 1 && service->worker_count <= WORKERS_LIMIT);
  service->options.pg.connections = connections / service->worker_count;
  assert(service->options.pg.connections >= PG_POOL_CONNECTIONS_LEAST);
  return true;
}

static void leave_demoted(struct loop *loop, void *argument) {
  (void)loop;
  pg_pool_leave_demoted(argument);
}

/* On any loop: a loop that gets no write would not notice by itself. */
static void on_demoted(void *argument) {
  struct service *service = argument;
  for (unsigned i = 0; i < service->worker_count; i++)
    loop_post(service->workers[i].loop, leave_demoted, service->pools[i]);
}

static bool derive_options(struct service *service, struct error *error) {
  const struct config *config = &service->config;
  buffer_append_format(&service->origins, "%s,%s", config->frontend_url, config->backend_url);
  struct cgroup_limits machine = cgroup_read_limits("");
  if (!share_connections(service, serve_limits_loops(config, &machine), error)) return false;
  unsigned connections = service->options.pg.connections;
  unsigned clients = serve_limits_connections(config, &machine) / service->worker_count;
  service->options = (struct worker_options){
      .http = {.tables = routes_tables,
               .allowed_origins = str_from(buffer_text(&service->origins)),
               .connection_limit = clients ? clients : 1,
               .idle_timeout_ms = config->idle_timeout_s * 1000ULL,
               .receive_timeout_ms = config->receive_timeout_s * 1000ULL,
               .send_timeout_ms = config->send_timeout_s * 1000ULL,
               .drain_delay_ms = config->drain_delay_s * 1000ULL,
               .check_token = authenticator_check},
      .pg = {.connection_url = config->connection_url,
             .connections = connections,
             .pipeline_depth = config->pg_pipeline_depth,
             .queue_limit = config->pg_queue_limit,
             .deadline_ms = config->pg_deadline_ms,
             .max_age_ms = config->pg_connection_max_age_s * 1000ULL,
             .prepare = config->pg_prepare,
             .demoted = on_demoted,
             .argument = service},
      .rollbar = {.access_token = config->rollbar_access_token,
                  .environment = config->environment,
                  .url = config->rollbar_url},
      .drain_timeout_ms = config->drain_timeout_s * 1000ULL,
      .key_purge_s = config->idempotency_purge_s,
  };
  return serve_limits_read(config, &service->options.http, error);
}

static bool derive_tracing(struct service *service, struct error *error) {
  const struct config *config = &service->config;
  struct tracer_options *tracer = &service->options.tracer;
  *tracer = (struct tracer_options){.service = config->otel_service_name,
                                    .environment = config->environment,
                                    .otlp_endpoint = config->otlp_endpoint,
                                    .otlp_headers = str_from(config->otlp_headers),
                                    .ratio = config->trace_ratio,
                                    .xray_fd = -1};
  tracer->per_second =
      (config->traces_per_second + service->worker_count - 1) / service->worker_count;
  if (config->xray_daemon_address) {
    tracer->xray_fd = xray_open(config->xray_daemon_address, error);
    if (tracer->xray_fd < 0) return false;
  }
  service->options.traced = tracer->otlp_endpoint || tracer->xray_fd >= 0;
  return true;
}

static bool read_settings(struct service *service, struct error *error) {
  return config_load(&service->config, CONFIG_SERVER | CONFIG_AWS, error) &&
         pg_pool_check_url(service->config.connection_url, error) && derive_pool(service, error) &&
         derive_options(service, error) && derive_tracing(service, error);
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
  uint64_t drain_ms = quickly ? 0 : service->options.drain_timeout_ms;
  serve_stop_guard(&service->guard, drain_ms + TELEMETRY_MS + LEFT_OVERS_MS,
                   planned_exit_code(service));
  for (unsigned i = 0; i < service->worker_count; i++)
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
  assert(service->finished_count < service->worker_count); /* each finishes once */
  if (++service->finished_count < service->worker_count) return;
  serve_stop_close_signals(&service->signals);
  metrics_port_close(&service->metrics);
  key_keeper_close(service->keeper);
  aws_provider_close(service->options.provider);
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
  unsigned port = service->config.port;
  assert(service->worker_count >= 1);
  for (unsigned i = 0; i < service->worker_count; i++) {
    service->listen_fds[i] = http_listen(port, i == 0, &port, error);
    if (service->listen_fds[i] < 0) return false;
  }
  service->config.port = port;
  return true;
}

/* What the first loop has for all of them. */
static bool make_shared(struct service *service, struct loop *loop, struct error *error) {
  const struct schema_check_options gate = {.connection_url = service->config.connection_url,
                                            .migrate = service->migrate,
                                            .refused = on_schema_refused,
                                            .opened = on_schema_opened,
                                            .argument = service};
  service->keeper = key_keeper_new(loop, &service->auth, error);
  service->schema = schema_check_new(loop, &gate, error);
  if (service->config.ddb_message_table) {
    service->options.config = &service->config;
    service->options.provider = aws_provider_new(loop, &service->config, error);
    if (!service->options.provider) return false;
  }
  return service->keeper && service->schema;
}

static bool make_workers(struct service *service, struct error *error) {
  for (unsigned i = 0; i < service->worker_count; i++) {
    struct loop *loop = loop_new(i);
    if (!loop) return error_set(error, ERROR_MEMORY, "out of memory for an event loop");
    if (i == 0 && !make_shared(service, loop, error)) return false;
    if (!worker_init(&service->workers[i], loop, service->keeper, service->listen_fds[i],
                     &service->options, error))
      return false;
    service->pools[i] = service->workers[i].context.pool;
    service->workers[i].context.pools = service->pools;
    service->workers[i].context.pool_count = service->worker_count;
    service->workers[i].context.schema = service->schema;
    service->workers[i].finished = on_worker_finished;
    service->workers[i].finished_argument = service;
  }
  return metrics_port_start(&service->metrics, service->config.metrics_port, service->workers,
                            service->worker_count, error);
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
  if (service->worker_count < service->wanted_loops)
    log_event(LOG_LEVEL_WARNING, "fewer loops than processors: each needs 4 Postgres connections",
              log_int("loops", service->worker_count), log_int("wanted", service->wanted_loops),
              log_int("connections", service->config.pg_connections), LOG_END);
}

static void warn_of_open_cors(const struct service *service) {
  struct str rest = service->options.http.allowed_origins, origin;
  while (str_next(&rest, ',', &origin))
    if (str_equal(origin, STR("*")))
      log_event(LOG_LEVEL_WARNING, "FRONTEND_URL or BACKEND_URL is *: any site may call the API",
                LOG_END);
}

static bool run(struct service *service, struct error *error) {
  for (unsigned i = 1; i < service->worker_count; i++)
    if (pthread_create(&service->workers[i].thread, NULL, run_thread, &service->workers[i]) != 0)
      return error_set(error, ERROR_UNAVAILABLE, "no thread for an event loop");
  log_event(LOG_LEVEL_INFO, "listening", log_int("port", service->config.port),
            log_int("loops", service->worker_count), log_text("version", CRUDDUR_VERSION), LOG_END);
  run_worker(&service->workers[0]);
  for (unsigned i = 1; i < service->worker_count; i++)
    pthread_join(service->workers[i].thread, NULL);
  return true;
}

static void clean_up(struct service *service) {
  for (unsigned i = 0; i < service->worker_count; i++)
    loop_free(service->workers[i].loop);
  if (service->options.tracer.xray_fd >= 0) close(service->options.tracer.xray_fd);
  serve_limits_close(&service->options.http);
  buffer_free(&service->issuer);
  buffer_free(&service->jwks_url);
  buffer_free(&service->origins);
}

/* What the last run left when a signal killed it. */
static void report_crash(const struct service *service) {
  struct buffer report = BUFFER_EMPTY;
  if (crash_take_report(service->config.crash_file, &report)) {
    log_event(LOG_LEVEL_ERROR, "the last run crashed", log_str("report", buffer_str(&report)),
              LOG_END);
    rollbar_send(service->workers[0].context.rollbar, "critical", buffer_text(&report), STR(""));
  }
  buffer_free(&report);
}

static int serve(struct service *service) {
  struct error error = {0};
  if (!read_settings(service, &error)) return exit_with("serve", &error);
  raise_file_limit();
  crash_catch(service->config.crash_file);
  serve_stop_ignore_signals();
  setenv("PGTZ", "UTC", 1); /* before there are threads: poolers take the time zone no other way */
  if (!open_sockets(service, &error)) return exit_with("serve", &error);
  enum log_level level = LOG_LEVEL_INFO;
  bool known = log_level_parse(str_from(service->config.log_level), &level);
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
