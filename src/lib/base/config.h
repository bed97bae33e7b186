/* config.h: the settings: one table of environment variables, read once into one struct.
 *
 * A row says the variable's name, its type, its default, what it means and an example. The checks,
 * the messages, `cruddur config` and the table of docs/configuration.md (checked by a test) come
 * from it. To add a setting: a row in config.c and a member here. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/log.h"

#include <stddef.h>
#include <stdint.h>

struct config {
  uint32_t port;
  const char *connection_url;
  const char *connection_url_parameter; /* of Parameter Store; NULL: none */
  const char *frontend_url;
  const char *backend_url;
  const char *aws_region;
  const char *cognito_user_pool_id;
  const char *cognito_client_id; /* comma-separated */
  const char *cognito_jwks_url;
  const char *cognito_issuer;
  uint32_t jwks_refresh_s;
  const char *environment; /* FLASK_ENV */
  const char *rollbar_access_token;
  const char *rollbar_url;
  const char *otel_service_name;
  const char *otlp_endpoint;
  const char *otlp_headers;
  double trace_ratio;
  const char *xray_daemon_address;
  const char *crash_file;
  uint32_t metrics_port;
  uint32_t traces_per_second;
  const char *log_level;    /* as log_level_parse() reads it */
  uint32_t slow_request_ms; /* 0: none is logged */
  uint32_t loops;           /* 0: one a processor that may be used */
  uint32_t pg_connections;  /* of the process; 0: as many as the loops need */
  uint32_t pg_connection_max_age_s;
  uint32_t pg_pipeline_depth;
  uint32_t pg_queue_limit;
  uint32_t pg_deadline_ms;
  bool pg_prepare;
  uint32_t max_connections; /* 0: as many as the memory allows */
  uint32_t idle_timeout_s;
  uint32_t receive_timeout_s;
  uint32_t send_timeout_s;
  uint32_t drain_delay_s;
  uint32_t drain_timeout_s;
  const char *write_limit_per_user;    /* "60/minute"; NULL: none */
  const char *write_limit_per_address; /* likewise */
  const char *read_limit_per_address;  /* likewise */
  const char *trusted_proxies;         /* networks, comma-separated; NULL: none */
  const char *ddb_message_table;       /* NULL: messages live in Postgres */
  uint32_t ddb_deadline_ms;
  uint32_t idempotency_purge_s;
  struct config_aws {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token;
    const char *profile;
    const char *credentials_file;
    const char *config_file;
    const char *web_identity_token_file;
    const char *role_arn;
    const char *role_session_name;
    const char *container_relative_uri;
    const char *container_full_uri;
    const char *container_token;
    const char *container_token_file;
    bool metadata_disabled;
    const char *metadata_endpoint;
    const char *ca_bundle;
    bool use_fips, use_dualstack;
    bool ignore_profile_endpoints;
    const char *endpoint; /* of every service without one of its own */
    const char *endpoint_dynamodb;
    const char *endpoint_s3;
    const char *endpoint_cloudfront;
    const char *endpoint_cognito;
    const char *endpoint_sts;
    const char *endpoint_ssm;
    const char *endpoint_sso;
    const char *endpoint_sso_oidc;
    const char *sts_regional_endpoints; /* "regional", "legacy"; NULL: the profile says it */
  } aws;                                /* its region is `aws_region` */
  struct config_sync {
    const char *bucket;
    const char *distribution;
    const char *build_folder;
    const char *changeset_path;
    bool auto_approve;
  } sync;
};

/* Which part of the program needs a setting: a command loads only what it uses. */
enum config_scope {
  CONFIG_DATABASE = 1 << 0,  /* CONNECTION_URL */
  CONFIG_SERVER = 1 << 1,    /* what `cruddur serve` reads */
  CONFIG_AWS = 1 << 2,       /* what requests to AWS need: region, credentials, endpoints */
  CONFIG_DEV_TOKEN = 1 << 3, /* what `cruddur dev-token` reads */
  CONFIG_SYNC = 1 << 4,      /* what `cruddur sync` reads besides CONFIG_AWS */
  CONFIG_LAMBDA = 1 << 5,    /* what `cruddur lambda` may read in CONFIG_DATABASE's stead */
  CONFIG_PORT = 1 << 6,      /* PORT, for `cruddur health-check` */
};

enum config_type {
  CONFIG_TEXT,    /* const char * */
  CONFIG_SECRET,  /* const char *; its value is in no message and no list */
  CONFIG_NUMBER,  /* uint32_t, from `lowest` to `highest` */
  CONFIG_SWITCH,  /* bool */
  CONFIG_RATIO,   /* double, from 0 to 1 */
  CONFIG_CHOICE,  /* const char *: one of `words`, in whatever case it was given */
  CONFIG_URL,     /* const char *: a URL that begins with one of `words` */
  CONFIG_ORIGINS, /* const char *: origins or "*", comma-separated */
  CONFIG_REGION,  /* const char *: a label of a host's name */
  CONFIG_HEADERS, /* const char *: name=value, comma-separated; a secret too */
};

struct config_setting {
  const char *name;
  const char *alias; /* another name that is read when `name` is unset; may be NULL */
  enum config_type type;
  unsigned scopes;
  bool required;
  size_t offset;       /* in struct config */
  const char *initial; /* the default as text; NULL: none */
  uint32_t lowest, highest;
  const char *const *words; /* ends with NULL */
  const char *example;
  const char *meaning;
};

/* The table and its length. */
const struct config_setting *config_settings(size_t *ret_count);

/* True when the value of `setting` must not be shown. */
bool config_is_secret(const struct config_setting *setting);

/* What `setting` is now, as text: from the environment, else its default; NULL: neither. It may be
 * a bad value: only config_load() checks. */
const char *config_setting_value(const struct config_setting *setting);

/* Is told a setting that is missing or bad: one line that names the variable, what is wrong and an
 * example, and never holds the value of a secret. */
typedef void config_tell(const struct error *problem, void *argument);

/* Reads every setting of `scopes` from the environment into `config`; text is borrowed from the
 * environment, which must not be changed afterwards. An empty variable counts as unset. Every one
 * that is missing or bad is told and left as zero; then false is returned. With CONFIG_SERVER, so
 * are variables whose names look like misspelt CRUDDUR_… settings. */
bool config_check(struct config *config, unsigned scopes, config_tell *tell, void *argument);

/* The same with all problems in one error, a line each; on failure `config` is left alone. */
bool config_load(struct config *config, unsigned scopes, struct error *error);
