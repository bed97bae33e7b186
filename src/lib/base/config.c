/* config.c: see config.h. */
#include "lib/base/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AT(member) offsetof(struct config, member)

static const struct config_setting SETTINGS[] = {
    {.name = "PORT",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(port),
     .initial = "4567",
     .highest = 65535,
     .example = "4567",
     .meaning = "TCP port to listen on; 0 picks a free one"},
    {.name = "CONNECTION_URL",
     .type = CONFIG_SECRET,
     .scopes = CONFIG_DATABASE | CONFIG_SERVER | CONFIG_DEV_TOKEN,
     .required = true,
     .offset = AT(connection_url),
     .example = "postgresql://user:password@host:5432/cruddur",
     .meaning = "Postgres URL or libpq keywords"},
    {.name = "FRONTEND_URL",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER,
     .required = true,
     .offset = AT(frontend_url),
     .example = "https://cloudnoww.com",
     .meaning = "origins that browsers may call from, comma-separated; * allows all"},
    {.name = "BACKEND_URL",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER,
     .required = true,
     .offset = AT(backend_url),
     .example = "https://api.cloudnoww.com",
     .meaning = "more origins that browsers may call from, comma-separated"},
    {.name = "AWS_DEFAULT_REGION",
     .alias = "AWS_REGION",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER | CONFIG_AWS,
     .offset = AT(aws_region),
     .example = "ca-central-1",
     .meaning = "AWS region of the user pool and of the services called"},
    {.name = "AWS_COGNITO_USER_POOL_ID",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER,
     .offset = AT(cognito_user_pool_id),
     .example = "ca-central-1_AbCdEfGhI",
     .meaning = "Cognito user pool that signs the tokens"},
    {.name = "AWS_COGNITO_USER_POOL_CLIENT_ID",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER | CONFIG_DEV_TOKEN,
     .required = true,
     .offset = AT(cognito_client_id),
     .example = "4o1kpmkv0pp5k5mbb1d3qmkncj",
     .meaning = "client ids that tokens may be for, comma-separated"},
    {.name = "AWS_COGNITO_JWKS_URL",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER | CONFIG_DEV_TOKEN,
     .offset = AT(cognito_jwks_url),
     .example = "file:/srv/cruddur/jwks.json",
     .meaning = "where the pool's keys are, instead of what region and pool give"},
    {.name = "AWS_COGNITO_ISSUER",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER | CONFIG_DEV_TOKEN,
     .offset = AT(cognito_issuer),
     .example = "https://cognito-idp.ca-central-1.amazonaws.com/ca-central-1_AbCdEfGhI",
     .meaning = "the tokens' issuer, instead of what region and pool give"},
    {.name = "FLASK_ENV",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER,
     .offset = AT(environment),
     .initial = "production",
     .example = "production",
     .meaning = "name of the environment, as told to Rollbar; dev-token works in development only"},
    {.name = "ROLLBAR_ACCESS_TOKEN",
     .type = CONFIG_SECRET,
     .scopes = CONFIG_SERVER,
     .offset = AT(rollbar_access_token),
     .example = "0123456789abcdef0123456789abcdef",
     .meaning = "Rollbar project token; unset: nothing is sent"},
    {.name = "ROLLBAR_API_URL",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER,
     .offset = AT(rollbar_url),
     .initial = "https://api.rollbar.com/api/1/item/",
     .example = "https://api.rollbar.com/api/1/item/",
     .meaning = "where Rollbar takes items"},
    {.name = "LOG_LEVEL",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_SERVER,
     .offset = AT(log_level),
     .initial = "info",
     .example = "info",
     .meaning = "lowest level logged: debug, info, warning or error"},
    {.name = "CRUDDUR_LOOPS",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(loops),
     .initial = "0",
     .highest = 64,
     .example = "2",
     .meaning = "event loops (threads); 0: one a core"},
    {.name = "CRUDDUR_PG_CONNECTIONS",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(pg_connections),
     .initial = "4",
     .lowest = 1,
     .highest = 256,
     .example = "4",
     .meaning = "Postgres connections of the process; each loop has at least one"},
    {.name = "CRUDDUR_PG_PIPELINE_DEPTH",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(pg_pipeline_depth),
     .initial = "16",
     .lowest = 1,
     .highest = 256,
     .example = "16",
     .meaning = "requests in flight on one Postgres connection"},
    {.name = "CRUDDUR_PG_QUEUE_LIMIT",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(pg_queue_limit),
     .initial = "1024",
     .lowest = 1,
     .highest = 1000000,
     .example = "1024",
     .meaning = "requests of one loop that may wait for a connection before 503"},
    {.name = "CRUDDUR_PG_DEADLINE_MS",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(pg_deadline_ms),
     .initial = "1500",
     .lowest = 50,
     .highest = 60000,
     .example = "1500",
     .meaning = "milliseconds a request may wait for Postgres, queue included, before 503"},
    {.name = "CRUDDUR_PG_PREPARE",
     .type = CONFIG_SWITCH,
     .scopes = CONFIG_SERVER,
     .offset = AT(pg_prepare),
     .initial = "on",
     .example = "off",
     .meaning = "prepared statements; off for poolers that cannot keep them"},
    {.name = "CRUDDUR_MAX_CONNECTIONS",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(max_connections),
     .initial = "4096",
     .lowest = 1,
     .highest = 1000000,
     .example = "4096",
     .meaning = "client connections of the process"},
    {.name = "CRUDDUR_IDLE_TIMEOUT_S",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(idle_timeout_s),
     .initial = "75",
     .lowest = 1,
     .highest = 3600,
     .example = "75",
     .meaning = "seconds a kept connection may be idle; longer than the load balancer's"},
    {.name = "CRUDDUR_RECEIVE_TIMEOUT_S",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(receive_timeout_s),
     .initial = "10",
     .lowest = 1,
     .highest = 3600,
     .example = "10",
     .meaning = "seconds a client may take to send the headers and body of a request"},
    {.name = "CRUDDUR_SEND_TIMEOUT_S",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(send_timeout_s),
     .initial = "30",
     .lowest = 1,
     .highest = 3600,
     .example = "30",
     .meaning = "seconds a client may take to read an answer"},
    {.name = "CRUDDUR_DRAIN_TIMEOUT_S",
     .type = CONFIG_NUMBER,
     .scopes = CONFIG_SERVER,
     .offset = AT(drain_timeout_s),
     .initial = "8",
     .lowest = 1,
     .highest = 300,
     .example = "8",
     .meaning = "seconds that requests in work have after SIGTERM"},
    {.name = "AWS_ACCESS_KEY_ID",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.access_key_id),
     .example = "AKIAIOSFODNN7EXAMPLE",
     .meaning = "AWS access key; unset: the next source of credentials is asked"},
    {.name = "AWS_SECRET_ACCESS_KEY",
     .type = CONFIG_SECRET,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.secret_access_key),
     .example = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
     .meaning = "secret of the AWS access key"},
    {.name = "AWS_SESSION_TOKEN",
     .alias = "AWS_SECURITY_TOKEN",
     .type = CONFIG_SECRET,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.session_token),
     .example = "IQoJb3JpZ2luX2VjEXAMPLETOKEN",
     .meaning = "token of temporary AWS credentials"},
    {.name = "AWS_PROFILE",
     .alias = "AWS_DEFAULT_PROFILE",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.profile),
     .initial = "default",
     .example = "cruddur",
     .meaning = "profile of the AWS credentials and config files"},
    {.name = "AWS_SHARED_CREDENTIALS_FILE",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.credentials_file),
     .initial = "~/.aws/credentials",
     .example = "/etc/cruddur/credentials",
     .meaning = "file of AWS credentials"},
    {.name = "AWS_CONFIG_FILE",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.config_file),
     .initial = "~/.aws/config",
     .example = "/etc/cruddur/aws-config",
     .meaning = "file of AWS settings by profile"},
    {.name = "AWS_WEB_IDENTITY_TOKEN_FILE",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.web_identity_token_file),
     .example = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
     .meaning = "file of the token that AWS_ROLE_ARN is assumed with"},
    {.name = "AWS_ROLE_ARN",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.role_arn),
     .example = "arn:aws:iam::123456789012:role/cruddur",
     .meaning = "role to assume by web identity"},
    {.name = "AWS_ROLE_SESSION_NAME",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.role_session_name),
     .example = "cruddur",
     .meaning = "name of the assumed role's session; unset: one is made up"},
    {.name = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.container_relative_uri),
     .example = "/v2/credentials/0a1b2c3d",
     .meaning = "where ECS hands out credentials, on 169.254.170.2"},
    {.name = "AWS_CONTAINER_CREDENTIALS_FULL_URI",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.container_full_uri),
     .example = "http://169.254.170.23/v1/credentials",
     .meaning = "where a container endpoint hands out credentials"},
    {.name = "AWS_CONTAINER_AUTHORIZATION_TOKEN",
     .type = CONFIG_SECRET,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.container_token),
     .example = "Basic Y3J1ZGR1cg==",
     .meaning = "what the container endpoint is shown"},
    {.name = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.container_token_file),
     .example = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
     .meaning = "file of what the container endpoint is shown"},
    {.name = "AWS_EC2_METADATA_DISABLED",
     .type = CONFIG_SWITCH,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.metadata_disabled),
     .initial = "off",
     .example = "true",
     .meaning = "on: the instance metadata service is never asked for credentials"},
    {.name = "AWS_EC2_METADATA_SERVICE_ENDPOINT",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.metadata_endpoint),
     .initial = "http://169.254.169.254",
     .example = "http://127.0.0.1:1338",
     .meaning = "the instance metadata service"},
    {.name = "AWS_ENDPOINT_URL",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.endpoint),
     .example = "http://127.0.0.1:4566",
     .meaning = "endpoint of every AWS service that has none of its own below"},
    {.name = "AWS_ENDPOINT_URL_DYNAMODB",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.endpoint_dynamodb),
     .example = "http://127.0.0.1:8000",
     .meaning = "endpoint of DynamoDB"},
    {.name = "AWS_ENDPOINT_URL_S3",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.endpoint_s3),
     .example = "http://127.0.0.1:4568",
     .meaning = "endpoint of S3, addressed path-style"},
    {.name = "AWS_ENDPOINT_URL_CLOUDFRONT",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.endpoint_cloudfront),
     .example = "http://127.0.0.1:4569",
     .meaning = "endpoint of CloudFront"},
    {.name = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.endpoint_cognito),
     .example = "http://127.0.0.1:9229",
     .meaning = "endpoint of Cognito user pools"},
    {.name = "AWS_ENDPOINT_URL_STS",
     .type = CONFIG_TEXT,
     .scopes = CONFIG_AWS,
     .offset = AT(aws.endpoint_sts),
     .example = "http://127.0.0.1:4570",
     .meaning = "endpoint of STS, which web identity asks"},
};

enum { SETTING_COUNT = sizeof(SETTINGS) / sizeof(SETTINGS[0]) };

const struct config_setting *config_settings(size_t *ret_count) {
  *ret_count = SETTING_COUNT;
  return SETTINGS;
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

static bool store_number(struct config *config, const struct config_setting *setting,
                         const char *value, struct error *error) {
  char *end = NULL;
  errno = 0;
  unsigned long number = strtoul(value, &end, 10);
  bool digits = value[0] >= '0' && value[0] <= '9';
  if (errno || !digits || *end || number < setting->lowest || number > setting->highest) {
    char problem[64];
    snprintf(problem, sizeof(problem), "must be a number from %u to %u", setting->lowest,
             setting->highest);
    return complain(setting, problem, error);
  }
  *(uint32_t *)(void *)((char *)config + setting->offset) = (uint32_t)number;
  return true;
}

static bool store_switch(struct config *config, const struct config_setting *setting,
                         const char *value, struct error *error) {
  static const char *const ON[] = {"on", "true", "yes", "1"};
  static const char *const OFF[] = {"off", "false", "no", "0"};
  bool *target = (bool *)((char *)config + setting->offset);
  for (size_t i = 0; i < sizeof(ON) / sizeof(ON[0]); i++) {
    if (strcasecmp(value, ON[i]) == 0) {
      *target = true;
      return true;
    }
    if (strcasecmp(value, OFF[i]) == 0) {
      *target = false;
      return true;
    }
  }
  return complain(setting, "must be on or off", error);
}

static bool load_setting(struct config *config, const struct config_setting *setting,
                         struct error *error) {
  const char *value = config_setting_value(setting);
  if (!value) return setting->required ? complain(setting, "is not set", error) : true;
  switch (setting->type) {
  case CONFIG_NUMBER: return store_number(config, setting, value, error);
  case CONFIG_SWITCH: return store_switch(config, setting, value, error);
  case CONFIG_TEXT:
  case CONFIG_SECRET:
    *(const char **)(void *)((char *)config + setting->offset) = value;
    return true;
  }
  return error_set(error, ERROR_INTERNAL, "%s has no type", setting->name);
}

bool config_load(struct config *config, unsigned scopes, struct error *error) {
  struct config loaded = {0};
  for (size_t i = 0; i < SETTING_COUNT; i++) {
    if (!(SETTINGS[i].scopes & scopes)) continue;
    if (!load_setting(&loaded, &SETTINGS[i], error)) return false;
  }
  *config = loaded;
  return true;
}
