/* metadata.c: the machine's own credentials: a container endpoint (ECS, EKS), and the instance
 * metadata service, version 2, which is asked three times: for a session's token, for the role's
 * name, for the role's credentials. */
#include "lib/aws/credentials/sources.h"
#include "lib/aws/secret.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTAINER_TIMEOUT_MS = 5000, INSTANCE_TIMEOUT_MS = 1000, ROLE_NAME_LIMIT = 128 };

static const char CONTAINER[] = "the container's credentials endpoint";
static const char INSTANCE[] = "the instance metadata service";
static const char ECS_ADDRESS[] = "http://169.254.170.2";
static const char ROLE_PATH[] = "/latest/meta-data/iam/security-credentials/";
static const int64_t INSTANCE_GRACE_US = INT64_C(300) * 1000000;

static void finish(struct credentials_ask *ask, struct str body, int64_t earliest_us,
                   const char *source, const char *complaint) {
  json_t *object = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  struct credentials_answer answer = {.id = credentials_ask_text(object, "AccessKeyId"),
                                      .secret = credentials_ask_text(object, "SecretAccessKey"),
                                      .token = credentials_ask_text(object, "Token"),
                                      .expiry = credentials_ask_text(object, "Expiration")};
  credentials_ask_finish(ask, &answer, earliest_us, source, complaint);
  secret_json_free(object);
}

/* --- Container endpoint --- */

static void on_container(const struct fetch_response *response, void *argument) {
  struct credentials_ask *ask = argument;
  if (!credentials_ask_accept(ask, response, CONTAINER)) return;
  finish(ask, response->body, 0, "container endpoint",
         "the container's credentials endpoint answered without credentials");
}

static bool start_container(struct credentials_ask *ask, struct error *error) {
  struct fetch_header headers[] = {{STR("Accept"), STR("application/json")},
                                   {STR("Authorization"), str_from(ask->token)}};
  struct fetch_request request = {.url = ask->url,
                                  .headers = headers,
                                  .header_count = ask->token ? 2 : 1,
                                  .timeout_ms = CONTAINER_TIMEOUT_MS};
  return credentials_ask_send(ask, &request, CONTAINER, on_container, error);
}

/* Plain HTTP carries credentials only where nobody else can listen. */
static bool is_local_url(const char *url) {
  static const char *const LOCAL[] = {"http://localhost",      "http://127.0.0.1",
                                      "http://[::1]",          "http://169.254.170.2",
                                      "http://169.254.170.23", "http://[fd00:ec2::23]"};
  if (strchr(url, '@')) return false; /* what stands before it is no host */
  for (size_t i = 0; i < sizeof(LOCAL) / sizeof(LOCAL[0]); i++) {
    size_t length = strlen(LOCAL[i]);
    if (strncmp(url, LOCAL[i], length) == 0 && strchr(":/", url[length])) return true;
  }
  return strncmp(url, "https://", 8) == 0;
}

enum credentials_step metadata_find_container(const struct credentials_search *search,
                                              struct credentials_ask *ask, struct error *error) {
  const struct config_aws *aws = &search->config->aws;
  const char *relative = aws->container_relative_uri;
  struct buffer url = BUFFER_EMPTY;
  if (!relative && !aws->container_full_uri) return STEP_NONE;
  if (relative)
    buffer_append_format(&url, "%s%s%s", ECS_ADDRESS, *relative == '/' ? "" : "/", relative);
  else
    buffer_append_text(&url, aws->container_full_uri);
  ask->start = start_container;
  ask->url = buffer_take(&url);
  if (!ask->url) return credentials_ask_refuse(error, ERROR_MEMORY, "out of memory");
  if (!is_local_url(ask->url))
    return credentials_ask_refuse(
        error, ERROR_DENIED,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https:, or http: on this machine or on the "
        "address that ECS or EKS gives");
  if (aws->container_token_file) {
    ask->token = profile_read_token(aws->container_token_file, error);
    return ask->token ? STEP_FOUND : STEP_FAILED;
  }
  if (aws->container_token) ask->token = strdup(aws->container_token);
  return STEP_FOUND;
}

/* --- Instance metadata --- */

static bool start_instance(struct credentials_ask *ask, struct error *error);

/* One reset, 5xx or refused session is no reason to go without credentials: true when it begins
 * once more with a new session. More than that is left to the next round, because most machines
 * have no metadata service, and nobody should wait long to be told. */
static bool begin_again(struct credentials_ask *ask, const struct fetch_response *response) {
  bool may_pass = response->error || response->status == 401 || response->status / 100 == 5;
  struct error error;
  if (!may_pass || ask->metadata_begun_again) return false;
  ask->metadata_begun_again = true;
  secret_buffer_free(&ask->metadata_token);
  return start_instance(ask, &error);
}

static void on_instance_credentials(const struct fetch_response *response, void *argument) {
  struct credentials_ask *ask = argument;
  if (begin_again(ask, response) || !credentials_ask_accept(ask, response, INSTANCE)) return;
  /* While it cannot renew them it hands out old ones, which the services then still take. */
  finish(ask, response->body, clock_unix_us() + INSTANCE_GRACE_US, "instance metadata",
         "the instance metadata service answered without credentials");
}

static void ask_instance(struct credentials_ask *ask, struct str role, fetch_done done) {
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s%s", ask->url, ROLE_PATH);
  encoding_percent_append(&url, role);
  struct fetch_header header = {STR("X-aws-ec2-metadata-token"), buffer_str(&ask->metadata_token)};
  struct fetch_request request = {.url = buffer_text(&url),
                                  .headers = &header,
                                  .header_count = 1,
                                  .timeout_ms = INSTANCE_TIMEOUT_MS};
  struct error error;
  bool started = url.failed ? error_set(&error, ERROR_MEMORY, "out of memory")
                            : credentials_ask_send(ask, &request, INSTANCE, done, &error);
  buffer_free(&url);
  if (!started) credentials_ask_fail(ask, error.kind, "%s", error.message);
}

static void on_instance_role(const struct fetch_response *response, void *argument) {
  static const char NO_ROLE[] = "no AWS credentials: this instance has no role";
  struct credentials_ask *ask = argument;
  if (begin_again(ask, response)) return;
  if (!response->error && response->status == 404) {
    credentials_ask_fail(ask, ERROR_DENIED, "%s", NO_ROLE);
    return;
  }
  if (!credentials_ask_accept(ask, response, INSTANCE)) return;
  struct str rest = response->body, role = {NULL, 0};
  str_next(&rest, '\n', &role);
  if (role.length == 0 || role.length > ROLE_NAME_LIMIT)
    credentials_ask_fail(ask, ERROR_DENIED, "%s", NO_ROLE);
  else
    ask_instance(ask, role, on_instance_credentials);
}

static void on_instance_token(const struct fetch_response *response, void *argument) {
  struct credentials_ask *ask = argument;
  if (begin_again(ask, response)) return;
  if (response->error) { /* the usual case away from EC2: nothing is there at all */
    credentials_ask_fail(ask, ERROR_DENIED,
                         "no AWS credentials: none in the environment and in the profile files, no "
                         "container endpoint, and no instance metadata service answers");
    return;
  }
  if (!credentials_ask_accept(ask, response, INSTANCE)) return;
  buffer_append_str(&ask->metadata_token, response->body);
  ask_instance(ask, (struct str){NULL, 0}, on_instance_role);
}

static bool start_instance(struct credentials_ask *ask, struct error *error) {
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s/latest/api/token", ask->url);
  struct fetch_header header = {STR("X-aws-ec2-metadata-token-ttl-seconds"), STR("21600")};
  struct fetch_request request = {.method = "PUT",
                                  .url = buffer_text(&url),
                                  .headers = &header,
                                  .header_count = 1,
                                  .timeout_ms = INSTANCE_TIMEOUT_MS};
  bool started = url.failed
                     ? error_set(error, ERROR_MEMORY, "out of memory")
                     : credentials_ask_send(ask, &request, INSTANCE, on_instance_token, error);
  buffer_free(&url);
  return started;
}

enum credentials_step metadata_find_instance(const struct credentials_search *search,
                                             struct credentials_ask *ask, struct error *error) {
  const struct config_aws *aws = &search->config->aws;
  if (aws->metadata_disabled) return STEP_NONE;
  struct str url = str_from(aws->metadata_endpoint);
  while (url.length > 0 && url.data[url.length - 1] == '/')
    url.length--;
  ask->start = start_instance;
  ask->url = secret_copy(url);
  if (ask->url) return STEP_FOUND;
  return credentials_ask_refuse(error, ERROR_MEMORY, "out of memory");
}
