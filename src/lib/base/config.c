/* config.c: the table of settings, and the reading of their values by type. */
#include "lib/base/config.h"

#include "lib/base/origin.h"
#include "lib/base/str.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* --- The table --- */

static const char *const HTTP_SCHEMES[] = {"https://", "http://", NULL};
static const char *const KEYS_SCHEMES[] = {"https://", "http://", "file:", NULL};
static const char *const LOG_LEVELS[] = {"debug", "info", "warning", "error", NULL};
static const char *const STS_ENDPOINTS[] = {"regional", "legacy", NULL};

/* A row: variable, scopes, member of struct config, what its type needs, default (NULL: none),
 * example, meaning, and by name what few have: `.alias`, `.required`. It does not compile where the
 * member's type is not that of the values. */
#define ROW(kind, kind_of_member, low, high, allowed, variable, in_scopes, member, text, ...)      \
  {                                                                                                \
    .name = variable, .type = kind, .scopes = in_scopes, .lowest = low, .highest = high,           \
    .words = allowed, .initial = text,                                                             \
    .offset = _Generic(((struct config *)0)->member, kind_of_member                                \
                       : offsetof(struct config, member)),                                         \
    .example = __VA_ARGS__ /* and `meaning`, the member after it */                                \
  }
#define TEXT(...)    ROW(CONFIG_TEXT, const char *, 0, 0, NULL, __VA_ARGS__)
#define SECRET(...)  ROW(CONFIG_SECRET, const char *, 0, 0, NULL, __VA_ARGS__)
#define ORIGINS(...) ROW(CONFIG_ORIGINS, const char *, 0, 0, NULL, __VA_ARGS__)
#define REGION(...)  ROW(CONFIG_REGION, const char *, 0, 0, NULL, __VA_ARGS__)
#define HEADERS(...) ROW(CONFIG_HEADERS, const char *, 0, 0, NULL, __VA_ARGS__)
#define SWITCH(...)  ROW(CONFIG_SWITCH, bool, 0, 0, NULL, __VA_ARGS__)
#define RATIO(...)   ROW(CONFIG_RATIO, double, 0, 0, NULL, __VA_ARGS__)
#define URL(variable, scopes, member, schemes, ...)                                                \
  ROW(CONFIG_URL, const char *, 0, 0, schemes, variable, scopes, member, __VA_ARGS__)
#define CHOICE(variable, scopes, member, words, ...)                                               \
  ROW(CONFIG_CHOICE, const char *, 0, 0, words, variable, scopes, member, __VA_ARGS__)
#define NUMBER(variable, scopes, member, low, high, ...)                                           \
  ROW(CONFIG_NUMBER, uint32_t, low, high, NULL, variable, scopes, member, __VA_ARGS__)

static const struct config_setting SETTINGS[] = {
    NUMBER("PORT", CONFIG_SERVER | CONFIG_PORT, port, 0, 65535, "4567", "4567",
           "TCP port to listen on; 0 picks a free one"),
    SECRET("CONNECTION_URL", CONFIG_DATABASE | CONFIG_SERVER | CONFIG_DEV_TOKEN, connection_url,
           NULL, "postgresql://user:password@host:5432/cruddur", "Postgres URL or libpq keywords",
           .required = true),
    TEXT("CONNECTION_URL_PARAMETER", CONFIG_LAMBDA, connection_url_parameter, NULL,
         "/cruddur/backend-flask/CONNECTION_URL",
         "parameter of Parameter Store that `cruddur lambda` reads where CONNECTION_URL is unset"),
    ORIGINS("FRONTEND_URL", CONFIG_SERVER, frontend_url, NULL, "https://cloudnoww.com",
            "origins that browsers may call from, comma-separated; * allows all", .required = true),
    ORIGINS("BACKEND_URL", CONFIG_SERVER, backend_url, NULL, "https://api.cloudnoww.com",
            "more origins that browsers may call from, comma-separated", .required = true),
    REGION("AWS_DEFAULT_REGION", CONFIG_SERVER | CONFIG_AWS, aws_region, NULL, "ca-central-1",
           "AWS region of the user pool and of the services called", .alias = "AWS_REGION"),
    TEXT("AWS_COGNITO_USER_POOL_ID", CONFIG_SERVER | CONFIG_AWS, cognito_user_pool_id, NULL,
         "ca-central-1_AbCdEfGhI", "Cognito user pool that signs the tokens"),
    TEXT("AWS_COGNITO_USER_POOL_CLIENT_ID", CONFIG_SERVER | CONFIG_DEV_TOKEN, cognito_client_id,
         NULL, "4o1kpmkv0pp5k5mbb1d3qmkncj", "client ids that tokens may be for, comma-separated",
         .required = true),
    URL("AWS_COGNITO_JWKS_URL", CONFIG_SERVER | CONFIG_DEV_TOKEN, cognito_jwks_url, KEYS_SCHEMES,
        NULL, "file:/srv/cruddur/jwks.json",
        "where the pool's keys are, instead of what region and pool give"),
    URL("AWS_COGNITO_ISSUER", CONFIG_SERVER | CONFIG_DEV_TOKEN, cognito_issuer, HTTP_SCHEMES, NULL,
        "https://cognito-idp.ca-central-1.amazonaws.com/ca-central-1_AbCdEfGhI",
        "the tokens' issuer, instead of what region and pool give"),
    NUMBER(
        "CRUDDUR_JWKS_REFRESH_S", CONFIG_SERVER, jwks_refresh_s, 1, 604800, "14400", "3600",
        "seconds after which the pool's keys are fetched again, so that a key that it withdrew is "
        "no longer trusted"),
    TEXT("FLASK_ENV", CONFIG_SERVER, environment, "production", "production",
         "name of the environment, as told to Rollbar; dev-token works in development only"),
    SECRET("ROLLBAR_ACCESS_TOKEN", CONFIG_SERVER, rollbar_access_token, NULL,
           "0123456789abcdef0123456789abcdef", "Rollbar project token; unset: nothing is sent"),
    URL("ROLLBAR_API_URL", CONFIG_SERVER, rollbar_url, HTTP_SCHEMES,
        "https://api.rollbar.com/api/1/item/", "https://api.rollbar.com/api/1/item/",
        "where Rollbar takes items"),
    TEXT("OTEL_SERVICE_NAME", CONFIG_SERVER, otel_service_name, "cruddur", "backend-flask",
         "the service's name in traces"),
    URL("OTEL_EXPORTER_OTLP_ENDPOINT", CONFIG_SERVER, otlp_endpoint, HTTP_SCHEMES, NULL,
        "https://api.honeycomb.io",
        "base URL of an OTLP/HTTP collector; unset: no traces are sent there"),
    HEADERS("OTEL_EXPORTER_OTLP_HEADERS", CONFIG_SERVER, otlp_headers, NULL,
            "x-honeycomb-team=0123456789abcdef",
            "headers for the collector, name=value, comma-separated"),
    RATIO("OTEL_TRACES_SAMPLER_ARG", CONFIG_SERVER, trace_ratio, "1", "0.1",
          "share of requests traced, 0 to 1, where the caller has not decided"),
    NUMBER("CRUDDUR_TRACES_PER_SECOND", CONFIG_SERVER, traces_per_second, 0, 1000000, "100", "10",
           "traces begun a second at most, and as many again of requests that end with 500 or "
           "more; 0: no bound"),
    TEXT("AWS_XRAY_DAEMON_ADDRESS", CONFIG_SERVER, xray_daemon_address, NULL, "127.0.0.1:2000",
         "host:port of the X-Ray daemon; unset: no segments are sent"),
    TEXT("CRUDDUR_CRASH_FILE", CONFIG_SERVER, crash_file, "/tmp/cruddur-crash.json",
         "/tmp/cruddur-crash.json",
         "where a crash leaves its report, which the next start logs and tells Rollbar"),
    NUMBER("METRICS_PORT", CONFIG_SERVER, metrics_port, 0, 65535, "0", "9090",
           "TCP port of GET /metrics for Prometheus; 0: none"),
    CHOICE("LOG_LEVEL", CONFIG_SERVER, log_level, LOG_LEVELS, "info", "info",
           "lowest level logged: debug, info, warning or error"),
    NUMBER("CRUDDUR_SLOW_REQUEST_MS", CONFIG_SERVER, slow_request_ms, 0, 600000, "1000", "250",
           "a request that takes more milliseconds is logged with its statements and where its "
           "time went; 0: none is"),
    NUMBER("CRUDDUR_LOOPS", CONFIG_SERVER, loops, 0, 64, "0", "2",
           "event loops (threads); 0: one a processor, within the quota of the control group"),
    NUMBER("CRUDDUR_PG_CONNECTIONS", CONFIG_SERVER, pg_connections, 0, 256, "0", "8",
           "Postgres connections of the process, at least 4 a loop: with fewer there are fewer "
           "loops; 0: 4 a loop"),
    NUMBER("CRUDDUR_PG_CONNECTION_MAX_AGE_S", CONFIG_SERVER, pg_connection_max_age_s, 0, 604800,
           "1800", "600",
           "seconds after which a Postgres connection is made again, so that it follows DNS and "
           "passwords; 0: never"),
    NUMBER("CRUDDUR_PG_PIPELINE_DEPTH", CONFIG_SERVER, pg_pipeline_depth, 1, 256, "16", "16",
           "reads in flight on one Postgres connection"),
    NUMBER("CRUDDUR_PG_QUEUE_LIMIT", CONFIG_SERVER, pg_queue_limit, 1, 1000000, "1024", "1024",
           "requests of one loop that may wait for a connection of one pool before 503"),
    NUMBER("CRUDDUR_PG_DEADLINE_MS", CONFIG_SERVER, pg_deadline_ms, 50, 60000, "1500", "1500",
           "milliseconds a statement may take in Postgres; a request is answered 503 after at most "
           "twice that, unless it is a write that was sent"),
    SWITCH("CRUDDUR_PG_PREPARE", CONFIG_SERVER, pg_prepare, "on", "off",
           "prepared statements; off for poolers that cannot keep them"),
    NUMBER("CRUDDUR_MAX_CONNECTIONS", CONFIG_SERVER, max_connections, 0, 1000000, "0", "4096",
           "client connections of the process; 0: 4096, or fewer where memory is short"),
    NUMBER("CRUDDUR_IDLE_TIMEOUT_S", CONFIG_SERVER, idle_timeout_s, 1, 3600, "75", "75",
           "seconds a kept connection may be idle; longer than the load balancer's"),
    NUMBER("CRUDDUR_RECEIVE_TIMEOUT_S", CONFIG_SERVER, receive_timeout_s, 1, 3600, "10", "10",
           "seconds a client may take to send the headers and body of a request"),
    NUMBER("CRUDDUR_SEND_TIMEOUT_S", CONFIG_SERVER, send_timeout_s, 1, 3600, "30", "30",
           "seconds a client may take to read an answer"),
    NUMBER("CRUDDUR_DRAIN_DELAY_S", CONFIG_SERVER, drain_delay_s, 0, 60, "2", "2",
           "seconds after SIGTERM in which new connections are taken still, readiness being 503; "
           "0: kept connections end at once"),
    NUMBER("CRUDDUR_DRAIN_TIMEOUT_S", CONFIG_SERVER, drain_timeout_s, 1, 300, "8", "8",
           "seconds that requests in work have after SIGTERM"),
    TEXT("CRUDDUR_WRITE_LIMIT_PER_USER", CONFIG_SERVER, write_limit_per_user, NULL, "60/minute",
         "writes of one user before 429, per second, minute or hour; unset: no limit"),
    TEXT("CRUDDUR_WRITE_LIMIT_PER_ADDRESS", CONFIG_SERVER, write_limit_per_address, NULL,
         "300/minute", "writes from one address before 429, likewise; IPv6 is counted by /64"),
    TEXT("CRUDDUR_READ_LIMIT_PER_ADDRESS", CONFIG_SERVER, read_limit_per_address, NULL,
         "3000/minute",
         "reads from one address before 429, likewise; search and notifications count as 10"),
    TEXT("CRUDDUR_TRUSTED_PROXIES", CONFIG_SERVER, trusted_proxies, NULL, "10.0.0.0/16",
         "networks whose X-Forwarded-For and X-Forwarded-Proto are believed, comma-separated"),
    TEXT("DDB_MESSAGE_TABLE", CONFIG_SERVER, ddb_message_table, NULL, "cruddur-messages",
         "DynamoDB table of direct messages; unset: they live in Postgres"),
    NUMBER("CRUDDUR_DDB_DEADLINE_MS", CONFIG_SERVER, ddb_deadline_ms, 100, 60000, "5000", "5000",
           "milliseconds a request may wait for DynamoDB, all tries together, before 503"),
    NUMBER("CRUDDUR_IDEMPOTENCY_PURGE_S", CONFIG_SERVER, idempotency_purge_s, 1, 86400, "3600",
           "3600", "seconds between deletions of idempotency keys that are older than a day"),
    TEXT("AWS_ACCESS_KEY_ID", CONFIG_AWS, aws.access_key_id, NULL, "AKIAIOSFODNN7EXAMPLE",
         "AWS access key; unset: the next source of credentials is asked"),
    SECRET("AWS_SECRET_ACCESS_KEY", CONFIG_AWS, aws.secret_access_key, NULL,
           "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret of the AWS access key"),
    SECRET("AWS_SESSION_TOKEN", CONFIG_AWS, aws.session_token, NULL, "IQoJb3JpZ2luX2VjEXAMPLETOKEN",
           "token of temporary AWS credentials", .alias = "AWS_SECURITY_TOKEN"),
    TEXT("AWS_PROFILE", CONFIG_AWS, aws.profile, "default", "cruddur",
         "profile of the AWS credentials and config files", .alias = "AWS_DEFAULT_PROFILE"),
    TEXT("AWS_SHARED_CREDENTIALS_FILE", CONFIG_AWS, aws.credentials_file, "~/.aws/credentials",
         "/etc/cruddur/credentials", "file of AWS credentials"),
    TEXT("AWS_CONFIG_FILE", CONFIG_AWS, aws.config_file, "~/.aws/config", "/etc/cruddur/aws-config",
         "file of AWS settings by profile"),
    TEXT("AWS_WEB_IDENTITY_TOKEN_FILE", CONFIG_AWS, aws.web_identity_token_file, NULL,
         "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
         "file of the token that AWS_ROLE_ARN is assumed with"),
    TEXT("AWS_ROLE_ARN", CONFIG_AWS, aws.role_arn, NULL, "arn:aws:iam::123456789012:role/cruddur",
         "role to assume by web identity"),
    TEXT("AWS_ROLE_SESSION_NAME", CONFIG_AWS, aws.role_session_name, NULL, "cruddur",
         "name of the assumed role's session; unset: one is made up"),
    TEXT("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", CONFIG_AWS, aws.container_relative_uri, NULL,
         "/v2/credentials/0a1b2c3d", "where ECS hands out credentials, on 169.254.170.2"),
    TEXT("AWS_CONTAINER_CREDENTIALS_FULL_URI", CONFIG_AWS, aws.container_full_uri, NULL,
         "http://169.254.170.23/v1/credentials",
         "where a container endpoint hands out credentials"),
    SECRET("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONFIG_AWS, aws.container_token, NULL,
           "Basic Y3J1ZGR1cg==", "what the container endpoint is shown"),
    TEXT("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", CONFIG_AWS, aws.container_token_file, NULL,
         "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
         "file of what the container endpoint is shown"),
    SWITCH("AWS_EC2_METADATA_DISABLED", CONFIG_AWS, aws.metadata_disabled, "off", "true",
           "on: the instance metadata service is never asked for credentials"),
    URL("AWS_EC2_METADATA_SERVICE_ENDPOINT", CONFIG_AWS, aws.metadata_endpoint, HTTP_SCHEMES,
        "http://169.254.169.254", "http://127.0.0.1:1338", "the instance metadata service"),
    TEXT(
        "AWS_CA_BUNDLE", CONFIG_AWS, aws.ca_bundle, NULL, "/etc/ssl/company.pem",
        "file of the certificates that AWS's are checked against; unset: ca_bundle of the profile, "
        "SSL_CERT_FILE, the system's"),
    SWITCH("AWS_USE_FIPS_ENDPOINT", CONFIG_AWS, aws.use_fips, "off", "true",
           "on: the FIPS endpoints of AWS's services"),
    SWITCH("AWS_USE_DUALSTACK_ENDPOINT", CONFIG_AWS, aws.use_dualstack, "off", "true",
           "on: the endpoints of AWS's services that have IPv6 as well"),
    SWITCH("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", CONFIG_AWS, aws.ignore_profile_endpoints, "off",
           "true", "on: endpoint_url and services of the profile are not followed"),
    URL("AWS_ENDPOINT_URL", CONFIG_AWS, aws.endpoint, HTTP_SCHEMES, NULL, "http://127.0.0.1:4566",
        "endpoint of every AWS service that has none of its own below"),
    URL("AWS_ENDPOINT_URL_DYNAMODB", CONFIG_AWS, aws.endpoint_dynamodb, HTTP_SCHEMES, NULL,
        "http://127.0.0.1:8000", "endpoint of DynamoDB"),
    URL("AWS_ENDPOINT_URL_S3", CONFIG_AWS, aws.endpoint_s3, HTTP_SCHEMES, NULL,
        "http://127.0.0.1:4568", "endpoint of S3, addressed path-style"),
    URL("AWS_ENDPOINT_URL_CLOUDFRONT", CONFIG_AWS, aws.endpoint_cloudfront, HTTP_SCHEMES, NULL,
        "http://127.0.0.1:4569", "endpoint of CloudFront"),
    URL("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", CONFIG_AWS, aws.endpoint_cognito,
        HTTP_SCHEMES, NULL, "http://127.0.0.1:9229", "endpoint of Cognito user pools"),
    URL("AWS_ENDPOINT_URL_STS", CONFIG_AWS, aws.endpoint_sts, HTTP_SCHEMES, NULL,
        "http://127.0.0.1:4570", "endpoint of STS, which is asked for roles"),
    CHOICE("AWS_STS_REGIONAL_ENDPOINTS", CONFIG_AWS, aws.sts_regional_endpoints, STS_ENDPOINTS,
           NULL, "legacy", "`legacy`: STS is sts.amazonaws.com; unset or `regional`: the region's"),
    URL("AWS_ENDPOINT_URL_SSO", CONFIG_AWS, aws.endpoint_sso, HTTP_SCHEMES, NULL,
        "http://127.0.0.1:4571", "endpoint of IAM Identity Center's portal, for profiles with SSO"),
    URL("AWS_ENDPOINT_URL_SSO_OIDC", CONFIG_AWS, aws.endpoint_sso_oidc, HTTP_SCHEMES, NULL,
        "http://127.0.0.1:4572", "endpoint that renews the token of an SSO session"),
    URL("AWS_ENDPOINT_URL_SSM", CONFIG_AWS, aws.endpoint_ssm, HTTP_SCHEMES, NULL,
        "https://vpce-0a1b2c3d.ssm.ca-central-1.vpce.amazonaws.com", "endpoint of Parameter Store"),
    TEXT("SYNC_S3_BUCKET", CONFIG_SYNC, sync.bucket, NULL, "cloudnoww.com",
         "bucket that `cruddur sync` ships the frontend to"),
    TEXT("SYNC_CLOUDFRONT_DISTRIBUTION_ID", CONFIG_SYNC, sync.distribution, NULL, "E3FPS47AJCWON",
         "CloudFront distribution that serves it; unset: nothing is invalidated",
         .alias = "SYNC_CLOUDFRONT_DISTRUBTION_ID"),
    TEXT("SYNC_BUILD_DIR", CONFIG_SYNC, sync.build_folder, "../frontend-react-js/build",
         "../frontend-react-js/build", "folder that `npm run build` made"),
    TEXT("SYNC_OUTPUT_CHANGESET_PATH", CONFIG_SYNC, sync.changeset_path, "changeset.json",
         "tmp/changeset.json", "where the plan is written; a folder: changeset.json in it"),
    SWITCH("SYNC_AUTO_APPROVE", CONFIG_SYNC, sync.auto_approve, "off", "false",
           "on: the plan is applied without asking"),
};

enum { SETTING_COUNT = sizeof(SETTINGS) / sizeof(SETTINGS[0]) };

const struct config_setting *config_settings(size_t *ret_count) {
  *ret_count = SETTING_COUNT;
  return SETTINGS;
}

bool config_is_secret(const struct config_setting *setting) {
  return setting->type == CONFIG_SECRET || setting->type == CONFIG_HEADERS;
}

const char *config_setting_value(const struct config_setting *setting) {
  const char *value = getenv(setting->name);
  if ((!value || !*value) && setting->alias) value = getenv(setting->alias);
  return value && *value ? value : setting->initial;
}

static bool complain(const struct config_setting *setting, const char *problem,
                     struct error *error) {
  return error_set(error, ERROR_INVALID, "%s %s (%s), for example %s=%s", setting->name, problem,
                   setting->meaning, setting->name, setting->example);
}

/* "a, b or c" */
static const char *join_words(const char *const *words, char *text, size_t size) {
  size_t length = 0;
  text[0] = '\0';
  for (size_t i = 0; words[i] && length < size; i++) {
    const char *before = i == 0 ? "" : words[i + 1] ? ", " : " or ";
    length += (size_t)snprintf(text + length, size - length, "%s%s", before, words[i]);
  }
  return text;
}

static void *member_of(struct config *config, const struct config_setting *setting) {
  assert(setting->offset < sizeof(*config));
  return (char *)config + setting->offset;
}

/* --- Values by type; a bad one is told without the value --- */

static bool store_text(struct config *config, const struct config_setting *setting,
                       const char *value) {
  *(const char **)member_of(config, setting) = value;
  return true;
}

static bool store_number(struct config *config, const struct config_setting *setting,
                         const char *value, struct error *error) {
  uint64_t number;
  char problem[64];
  if (str_to_u64(str_from(value), setting->lowest, setting->highest, &number)) {
    *(uint32_t *)member_of(config, setting) = (uint32_t)number;
    return true;
  }
  snprintf(problem, sizeof(problem), "must be a number from %u to %u", setting->lowest,
           setting->highest);
  return complain(setting, problem, error);
}

static bool store_switch(struct config *config, const struct config_setting *setting,
                         const char *value, struct error *error) {
  static const char *const ON[] = {"on", "true", "yes", "1"};
  static const char *const OFF[] = {"off", "false", "no", "0"};
  for (size_t i = 0; i < sizeof(ON) / sizeof(ON[0]); i++) {
    bool on = strcasecmp(value, ON[i]) == 0;
    if (!on && strcasecmp(value, OFF[i]) != 0) continue;
    *(bool *)member_of(config, setting) = on;
    return true;
  }
  return complain(setting, "must be on or off", error);
}

/* Digits with a point, or with an exponent: strtod() alone would take "nan", "0x1" and " 1". */
static bool store_ratio(struct config *config, const struct config_setting *setting,
                        const char *value, struct error *error) {
  char *end = NULL;
  double ratio = strtod(value, &end);
  bool is_decimal = value[strspn(value, "0123456789.eE+-")] == '\0';
  if (!is_decimal || end == value || *end || !(ratio >= 0 && ratio <= 1))
    return complain(setting, "must be a number from 0 to 1", error);
  *(double *)member_of(config, setting) = ratio;
  return true;
}

static bool store_choice(struct config *config, const struct config_setting *setting,
                         const char *value, struct error *error) {
  char words[64], problem[80];
  for (const char *const *word = setting->words; *word; word++)
    if (strcasecmp(value, *word) == 0) return store_text(config, setting, *word);
  snprintf(problem, sizeof(problem), "must be %s",
           join_words(setting->words, words, sizeof(words)));
  return complain(setting, problem, error);
}

/* What a URL names is somebody else's to check; here it has a scheme, and no spaces or controls. */
static bool store_url(struct config *config, const struct config_setting *setting,
                      const char *value, struct error *error) {
  char schemes[64], problem[96];
  bool is_clean = true;
  for (const char *byte = value; *byte; byte++)
    is_clean &= (unsigned char)*byte > ' ' && *byte != 0x7f;
  for (const char *const *scheme = setting->words; is_clean && *scheme; scheme++) {
    size_t length = strlen(*scheme);
    if (strncasecmp(value, *scheme, length) == 0 && value[length])
      return store_text(config, setting, value);
  }
  snprintf(problem, sizeof(problem), "must be a URL that begins with %s",
           join_words(setting->words, schemes, sizeof(schemes)));
  return complain(setting, problem, error);
}

static bool store_origins(struct config *config, const struct config_setting *setting,
                          const char *value, struct error *error) {
  struct str rest = str_from(value), text;
  char origin[ORIGIN_SIZE], problem[480];
  struct error reason;
  while (str_next(&rest, ',', &text)) {
    if (str_equal(text, STR("*")) || origin_normalise(text, origin, &reason)) continue;
    snprintf(
        problem, sizeof(problem),
        "must be origins such as https://cloudnoww.com, comma-separated, or *, not '%.*s': %.200s",
        text.length < 100 ? (int)text.length : 100, text.data, reason.message);
    return complain(setting, problem, error);
  }
  return store_text(config, setting, value);
}

/* What botocore takes for a region, because it becomes part of a host's name. */
static bool store_region(struct config *config, const struct config_setting *setting,
                         const char *value, struct error *error) {
  size_t length = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
  if (!value[length] && length < 64 && value[0] != '-' && value[length - 1] != '-')
    return store_text(config, setting, value);
  return complain(setting, "must be the name of a region", error);
}

static bool is_header(struct str header) {
  const char *equals = header.length > 0 ? memchr(header.data, '=', header.length) : NULL;
  return equals && equals > header.data;
}

static bool store_headers(struct config *config, const struct config_setting *setting,
                          const char *value, struct error *error) {
  struct str rest = str_from(value), header;
  while (str_next(&rest, ',', &header))
    if (!is_header(str_trim(header)))
      return complain(setting, "must be name=value, comma-separated", error);
  return store_text(config, setting, value);
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* Slips that no type of value allows. NULL: it has none. */
static const char *find_slip(const char *value) {
  size_t length = strlen(value);
  char first = value[0], last = value[length - 1];
  if (length > 1 && first == last && (first == '"' || first == '\''))
    return "has quotes around its value, which are part of it then: leave them out";
  if (is_blank(first) || is_blank(last)) return "begins or ends with a blank or a newline";
  return NULL;
}

static bool load_setting(struct config *config, const struct config_setting *setting,
                         struct error *error) {
  const char *value = config_setting_value(setting);
  if (!value) return setting->required ? complain(setting, "is not set", error) : true;
  const char *slip = find_slip(value);
  if (slip) return complain(setting, slip, error);
  switch (setting->type) {
  case CONFIG_TEXT:
  case CONFIG_SECRET: return store_text(config, setting, value);
  case CONFIG_NUMBER: return store_number(config, setting, value, error);
  case CONFIG_SWITCH: return store_switch(config, setting, value, error);
  case CONFIG_RATIO: return store_ratio(config, setting, value, error);
  case CONFIG_CHOICE: return store_choice(config, setting, value, error);
  case CONFIG_URL: return store_url(config, setting, value, error);
  case CONFIG_ORIGINS: return store_origins(config, setting, value, error);
  case CONFIG_REGION: return store_region(config, setting, value, error);
  case CONFIG_HEADERS: return store_headers(config, setting, value, error);
  }
  assert(setting->type <= CONFIG_HEADERS); /* each type has a case */
  return false;
}

/* --- Misspelt names --- */

enum { NAME_LONGEST = 64, DISTANCE_MOST = 3 };

/* How many letters must be put in, taken out or replaced to make `b` of `a` (Levenshtein). */
static unsigned distance(struct str a, struct str b) {
  unsigned row[NAME_LONGEST + 1];
  if (a.length > NAME_LONGEST || b.length > NAME_LONGEST) return UINT_MAX;
  for (size_t j = 0; j <= b.length; j++)
    row[j] = (unsigned)j;
  for (size_t i = 0; i < a.length; i++) {
    unsigned diagonal = row[0];
    row[0] = (unsigned)i + 1;
    for (size_t j = 0; j < b.length; j++) {
      unsigned above = row[j + 1], best = diagonal + (a.data[i] != b.data[j]);
      if (above + 1 < best) best = above + 1;
      if (row[j] + 1 < best) best = row[j] + 1;
      row[j + 1] = best;
      diagonal = above;
    }
  }
  return row[b.length];
}

/* The setting that `name` was perhaps meant to be; NULL: it is one itself, or far from all.
 * Kubernetes sets variables such as CRUDDUR_PORT and CRUDDUR_SERVICE_HOST for a service of that
 * name: these are far from all. */
static const struct config_setting *find_meant(struct str name) {
  const struct config_setting *meant = NULL;
  unsigned least = DISTANCE_MOST + 1;
  for (size_t i = 0; i < SETTING_COUNT; i++) {
    unsigned letters = distance(name, str_from(SETTINGS[i].name));
    if (letters == 0) return NULL;
    if (letters >= least) continue;
    least = letters;
    meant = &SETTINGS[i];
  }
  return meant;
}

static bool check_names(config_tell *tell, void *argument) {
  bool good = true;
  for (char **variable = environ; *variable; variable++) {
    struct str name = {*variable, strcspn(*variable, "=")};
    const struct config_setting *meant =
        str_starts_with(name, STR("CRUDDUR_")) ? find_meant(name) : NULL;
    if (!meant) continue;
    struct error problem = {0};
    error_set(&problem, ERROR_INVALID, "%.*s is no setting; did you mean %s (%s)?",
              (int)name.length, name.data, meant->name, meant->meaning);
    tell(&problem, argument);
    good = false;
  }
  return good;
}

/* --- All of them --- */

bool config_check(struct config *config, unsigned scopes, config_tell *tell, void *argument) {
  bool good = true;
  *config = (struct config){0};
  for (size_t i = 0; i < SETTING_COUNT; i++) {
    struct error problem = {0};
    if (!(SETTINGS[i].scopes & scopes) || load_setting(config, &SETTINGS[i], &problem)) continue;
    tell(&problem, argument);
    good = false;
  }
  return (!(scopes & CONFIG_SERVER) || check_names(tell, argument)) && good;
}

static void add_problem(const struct error *problem, void *argument) {
  error_add(argument, problem);
}

bool config_load(struct config *config, unsigned scopes, struct error *error) {
  struct config loaded;
  struct error problems = {0};
  if (!config_check(&loaded, scopes, add_problem, &problems)) {
    if (error) *error = problems;
    return false;
  }
  *config = loaded;
  return true;
}
