/* serve_settings.c: what `cruddur serve` makes of its settings, each of them checked.
 *
 * Every problem is told, not only the first: so each step below goes on when an earlier one has
 * failed, and takes what that one left as zero. */
#include "commands/serve_settings.h"

#include "commands/serve_limits.h"
#include "routes/routes.h"

#include "lib/base/origin.h"
#include "lib/base/str.h"
#include "lib/pg/connection_url.h"
#include "lib/telemetry/xray.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* True when the setting has a value, if only a bad one: that was told already. */
static bool is_given(const char *value, const char *name, const char *alias) {
  const char *given = getenv(name), *other = getenv(alias);
  return value || (given && *given) || (other && *other);
}

/* Issuer and keys as Cognito has them, unless they are overridden.
 * https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
 */
static bool derive_pool(struct serve_settings *settings, struct error *error) {
  const struct config *config = &settings->config;
  static const char KEYS[] = "AWS_COGNITO_JWKS_URL", ISSUER[] = "AWS_COGNITO_ISSUER",
                    POOL[] = "AWS_COGNITO_USER_POOL_ID", REGION[] = "AWS_DEFAULT_REGION";
  bool overridden = is_given(config->cognito_jwks_url, KEYS, KEYS) &&
                    is_given(config->cognito_issuer, ISSUER, ISSUER);
  bool has_region = is_given(config->aws_region, REGION, "AWS_REGION");
  if (!overridden && (!has_region || !is_given(config->cognito_user_pool_id, POOL, POOL)))
    return error_set(error, ERROR_INVALID,
                     "%s is not set (it names the user pool that signs the tokens), for example "
                     "%s=%s",
                     has_region ? POOL : REGION, has_region ? POOL : REGION,
                     has_region ? "ca-central-1_AbCdEfGhI" : "ca-central-1");
  if (config->cognito_issuer)
    buffer_append_text(&settings->issuer, config->cognito_issuer);
  else
    buffer_append_format(&settings->issuer, "https://cognito-idp.%s.amazonaws.com/%s",
                         config->aws_region ? config->aws_region : "",
                         config->cognito_user_pool_id ? config->cognito_user_pool_id : "");
  if (config->cognito_jwks_url)
    buffer_append_text(&settings->jwks_url, config->cognito_jwks_url);
  else
    buffer_append_format(&settings->jwks_url, "%s/.well-known/jwks.json",
                         buffer_text(&settings->issuer));
  settings->auth = (struct auth_options){.jwks_url = buffer_text(&settings->jwks_url),
                                         .issuer = buffer_text(&settings->issuer),
                                         .client_ids = str_from(config->cognito_client_id),
                                         .refresh_ms = config->jwks_refresh_s * 1000ULL};
  return true;
}

/* Each loop needs its connections to Postgres: where there are too few, there are fewer loops. */
static bool share_connections(struct serve_settings *settings, struct error *error) {
  unsigned connections = settings->config.pg_connections;
  struct cgroup_limits machine = cgroup_read_limits("");
  unsigned loops = serve_limits_loops(&settings->config, &machine);
  if (loops > SERVE_LOOPS_LIMIT) loops = SERVE_LOOPS_LIMIT;
  settings->loops = 1;
  if (connections == 0) connections = loops * PG_POOL_CONNECTIONS_LEAST;
  if (connections < PG_POOL_CONNECTIONS_LEAST)
    return error_set(error, ERROR_INVALID,
                     "CRUDDUR_PG_CONNECTIONS must be at least %d (two for reads, one for writes, "
                     "one for heavy statements), for example CRUDDUR_PG_CONNECTIONS=8",
                     PG_POOL_CONNECTIONS_LEAST);
  settings->wanted_loops = loops;
  settings->loops = loops;
  if (connections / PG_POOL_CONNECTIONS_LEAST < loops)
    settings->loops = connections / PG_POOL_CONNECTIONS_LEAST;
  assert(settings->loops >= 1 && settings->loops <= SERVE_LOOPS_LIMIT);
  settings->connections = connections / settings->loops;
  assert(settings->connections >= PG_POOL_CONNECTIONS_LEAST);
  return true;
}

/* As browsers write them; the settings were checked when they were read. */
static void append_origins(struct buffer *buffer, const char *list) {
  struct str rest = str_from(list), text;
  while (str_next(&rest, ',', &text)) {
    char origin[ORIGIN_SIZE];
    if (buffer->length > 0) buffer_append_char(buffer, ',');
    if (origin_normalise(text, origin, NULL))
      buffer_append_text(buffer, origin);
    else
      buffer_append_str(buffer, text); /* "*" */
  }
}

static bool derive_options(struct serve_settings *settings, struct error *error) {
  const struct config *config = &settings->config;
  append_origins(&settings->origins, config->frontend_url);
  append_origins(&settings->origins, config->backend_url);
  struct cgroup_limits machine = cgroup_read_limits("");
  unsigned clients = serve_limits_connections(config, &machine) / settings->loops;
  settings->options = (struct worker_options){
      .http = {.tables = routes_tables,
               .allowed_origins = str_from(buffer_text(&settings->origins)),
               .connection_limit = clients ? clients : 1,
               .idle_timeout_ms = config->idle_timeout_s * 1000ULL,
               .receive_timeout_ms = config->receive_timeout_s * 1000ULL,
               .send_timeout_ms = config->send_timeout_s * 1000ULL,
               .slow_request_us = config->slow_request_ms * 1000ULL,
               .drain_delay_ms = config->drain_delay_s * 1000ULL,
               .check_token = authenticator_check},
      .pg = {.connection_url = config->connection_url,
             .connections = settings->connections,
             .pipeline_depth = config->pg_pipeline_depth,
             .queue_limit = config->pg_queue_limit,
             .deadline_ms = config->pg_deadline_ms,
             .max_age_ms = config->pg_connection_max_age_s * 1000ULL,
             .prepare = config->pg_prepare},
      .rollbar = {.access_token = config->rollbar_access_token,
                  .environment = config->environment,
                  .url = config->rollbar_url},
      .drain_timeout_ms = config->drain_timeout_s * 1000ULL,
      .key_purge_s = config->idempotency_purge_s,
  };
  return serve_limits_read(config, &settings->options.http, error);
}

static bool derive_tracing(struct serve_settings *settings, struct error *error) {
  const struct config *config = &settings->config;
  struct tracer_options *tracer = &settings->options.tracer;
  *tracer = (struct tracer_options){.service = config->otel_service_name,
                                    .environment = config->environment,
                                    .otlp_endpoint = config->otlp_endpoint,
                                    .otlp_headers = str_from(config->otlp_headers),
                                    .ratio = config->trace_ratio,
                                    .xray_fd = -1};
  tracer->per_second = (config->traces_per_second + settings->loops - 1) / settings->loops;
  if (config->xray_daemon_address) {
    tracer->xray_fd = xray_open(config->xray_daemon_address, error);
    if (tracer->xray_fd < 0) return false;
  }
  settings->options.traced = tracer->otlp_endpoint || tracer->xray_fd >= 0;
  return true;
}

/* --- Checks of several settings, or of more than their text --- */

static bool check_connection_url(struct serve_settings *settings, struct error *error) {
  const char *url = settings->config.connection_url;
  return !url || connection_url_check(url, error);
}

static bool check_times(struct serve_settings *settings, struct error *error) {
  const struct config *config = &settings->config;
  if (config->drain_delay_s == 0 || config->drain_timeout_s == 0) return true;
  return config->drain_delay_s < config->drain_timeout_s ||
         error_set(error, ERROR_INVALID,
                   "CRUDDUR_DRAIN_DELAY_S must be below CRUDDUR_DRAIN_TIMEOUT_S, which is %u, for "
                   "example CRUDDUR_DRAIN_DELAY_S=2",
                   config->drain_timeout_s);
}

static bool check_ports(struct serve_settings *settings, struct error *error) {
  const struct config *config = &settings->config;
  return config->port == 0 || config->port != config->metrics_port ||
         error_set(error, ERROR_INVALID,
                   "METRICS_PORT must differ from PORT, which is %u too, for example "
                   "METRICS_PORT=9090",
                   config->port);
}

/* A file that a setting names, and that is read much later: a slip is found now. */
static bool check_readable(const char *name, const char *path, struct error *error) {
  if (!path) return true;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd >= 0) close(fd);
  return fd >= 0 || error_set(error, ERROR_INVALID, "%s names a file that cannot be opened: %s: %s",
                              name, path, strerror(errno));
}

static bool check_web_identity(struct serve_settings *settings, struct error *error) {
  return check_readable("AWS_WEB_IDENTITY_TOKEN_FILE", settings->config.aws.web_identity_token_file,
                        error);
}

static bool check_container_token(struct serve_settings *settings, struct error *error) {
  return check_readable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                        settings->config.aws.container_token_file, error);
}

/* The folder of the default may be missing or read-only: then there are no reports. */
static bool check_crash_file(struct serve_settings *settings, struct error *error) {
  const char *path = settings->config.crash_file, *slash = path ? strrchr(path, '/') : NULL;
  char folder[PATH_MAX] = ".";
  if (!path || !getenv("CRUDDUR_CRASH_FILE")) return true;
  if (slash) snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
  return access(folder, W_OK) == 0 ||
         error_set(error, ERROR_INVALID,
                   "CRUDDUR_CRASH_FILE is in a folder that cannot be written: %s: %s, for example "
                   "CRUDDUR_CRASH_FILE=/tmp/cruddur-crash.json",
                   folder, strerror(errno));
}

bool serve_settings_read(struct serve_settings *settings, config_tell *tell, void *argument) {
  typedef bool step(struct serve_settings * settings, struct error * error);
  static step *const STEPS[] = {check_connection_url, derive_pool,        check_times,
                                check_ports,          check_web_identity, check_container_token,
                                check_crash_file,     share_connections,  derive_options,
                                derive_tracing};
  bool good = config_check(&settings->config, CONFIG_SERVER | CONFIG_AWS, tell, argument);
  for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
    struct error problem = {0};
    if (STEPS[i](settings, &problem)) continue;
    tell(&problem, argument);
    good = false;
  }
  return good;
}

void serve_settings_free(struct serve_settings *settings) {
  if (settings->options.tracer.xray_fd > 0) close(settings->options.tracer.xray_fd);
  serve_limits_close(&settings->options.http);
  buffer_free(&settings->issuer);
  buffer_free(&settings->jwks_url);
  buffer_free(&settings->origins);
}
