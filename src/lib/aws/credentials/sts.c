/* sts.c: STS: AssumeRoleWithWebIdentity, which a token is shown to, and AssumeRole, which is signed
 * with other keys. Source: AWS Security Token Service API Reference, version 2011-06-15. */
#include "lib/aws/credentials/sources.h"
#include "lib/aws/secret.h"
#include "lib/aws/service_error.h"
#include "lib/aws/xml.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_LIMIT = 64 * 1024, TIMEOUT_MS = 5000, SESSION_NAME_SIZE = 32 };

static const char GLOBAL_REGION[] = "us-east-1";

/* --- Where STS is --- */

/* The regions whose STS was the global one before there were others: the only ones that `legacy` is
 * about. Source: AWS SDKs and Tools Reference Guide, "AWS STS Regional endpoints". */
static bool is_legacy_region(const char *region) {
  static const char *const REGIONS[] = {
      "ap-northeast-1", "ap-south-1",   "ap-southeast-1", "ap-southeast-2",
      "aws-global",     "ca-central-1", "eu-central-1",   "eu-north-1",
      "eu-west-1",      "eu-west-2",    "eu-west-3",      "sa-east-1",
      "us-east-1",      "us-east-2",    "us-west-1",      "us-west-2"};
  for (size_t i = 0; i < sizeof(REGIONS) / sizeof(REGIONS[0]); i++)
    if (strcmp(region, REGIONS[i]) == 0) return true;
  return false;
}

static bool read_mode(const struct credentials_search *search, bool *ret_legacy,
                      struct error *error) {
  const struct config_aws *aws = &search->config->aws;
  struct str mode = aws->sts_regional_endpoints
                        ? str_from(aws->sts_regional_endpoints)
                        : profile_setting(search->files, aws->profile, "sts_regional_endpoints");
  *ret_legacy = str_equal_ignore_case(mode, STR("legacy"));
  if (*ret_legacy || mode.length == 0 || str_equal_ignore_case(mode, STR("regional"))) return true;
  return error_set(error, ERROR_INVALID,
                   "AWS_STS_REGIONAL_ENDPOINTS (sts_regional_endpoints of a profile) must be "
                   "regional or legacy");
}

/* The endpoint of the settings, else the region's, or the global one where there is no region. */
static bool resolve(const struct credentials_search *search, char *region,
                    struct credentials_ask *ask, struct error *error) {
  bool legacy;
  if (!read_mode(search, &legacy, error)) return false;
  bool global = !*region || (legacy && is_legacy_region(region));
  if (!endpoint_resolve(search->config, AWS_STS, global ? "" : region, &ask->sts, error))
    return false;
  bool is_of_region = *region && (!global || ask->sts.custom);
  ask->sts_region = strdup(is_of_region ? region : GLOBAL_REGION);
  return ask->sts_region || error_set(error, ERROR_MEMORY, "out of memory");
}

static bool start_role(struct credentials_ask *ask, struct error *error);

bool sts_resolve(const struct credentials_search *search, struct credentials_ask *ask,
                 struct error *error) {
  const struct config *config = search->config;
  ask->start_role = start_role;
  if (ask->sts_region) return true;
  char *region = config->aws_region
                     ? strdup(config->aws_region)
                     : secret_copy(profile_setting(search->files, config->aws.profile, "region"));
  bool resolved = region ? resolve(search, region, ask, error)
                         : error_set(error, ERROR_MEMORY, "out of memory");
  free(region);
  return resolved;
}

/* --- What it is asked --- */

static void append_field(struct buffer *body, const char *name, const char *value) {
  buffer_append_format(body, "&%s=", name);
  encoding_percent_append(body, str_from(value));
}

static void append_session_name(struct buffer *body, const char *given) {
  char made_up[SESSION_NAME_SIZE];
  snprintf(made_up, sizeof(made_up), "cruddur-%lld", (long long)(clock_unix_us() / 1000000));
  append_field(body, "RoleSessionName", given ? given : made_up);
}

/* Sends a form, which it takes; it is not signed where `keys` is NULL. */
static bool send_form(struct credentials_ask *ask, struct buffer *body,
                      const struct aws_credentials *keys, fetch_done done, struct error *error) {
  const struct sigv4_header type = {STR("Content-Type"),
                                    STR("application/x-www-form-urlencoded; charset=utf-8")};
  const struct aws_request request = {.service = AWS_STS,
                                      .headers = &type,
                                      .header_count = 1,
                                      .body = buffer_str(body),
                                      .response_limit = ANSWER_LIMIT};
  const struct aws_try one = {.fetcher = ask->fetcher,
                              .credentials = keys,
                              .timeout_ms = TIMEOUT_MS,
                              .done = done,
                              .argument = ask};
  aws_try_free(&ask->prepared); /* that of the role before */
  bool started = !body->failed || error_set(error, ERROR_MEMORY, "out of memory for STS");
  started = started &&
            aws_try_prepare(&ask->prepared, &request, &ask->sts, ask->sts_region, error) &&
            aws_try_send(&ask->prepared, &one, error);
  secret_buffer_free(body);
  return started;
}

/* --- What it answers --- */

/* The parts of credentials; the texts are kept in this order. */
static const char *const PARTS[] = {"Credentials/AccessKeyId", "Credentials/SecretAccessKey",
                                    "Credentials/SessionToken", "Credentials/Expiration"};

enum { PART_COUNT = sizeof(PARTS) / sizeof(PARTS[0]) };

static bool on_element(const char *path, struct str text, void *argument) {
  struct buffer *texts = argument;
  for (size_t i = 0; i < PART_COUNT; i++)
    if (xml_path_ends(path, PARTS[i]) && texts[i].length == 0) buffer_append_str(&texts[i], text);
  return true;
}

/* Reads the keys of an answer with status 200. */
static void finish(struct credentials_ask *ask, struct str body, const char *source) {
  struct buffer texts[PART_COUNT] = {BUFFER_EMPTY};
  bool read = xml_read(body, NULL, on_element, texts, NULL);
  struct credentials_answer answer = {.id = buffer_str(&texts[0]),
                                      .secret = buffer_str(&texts[1]),
                                      .token = buffer_str(&texts[2]),
                                      .expiry = buffer_str(&texts[3])};
  if (!read) answer.id.length = 0; /* the rest may be cut short */
  credentials_ask_finish(ask, &answer, 0, source, "STS answered without credentials");
  for (size_t i = 0; i < PART_COUNT; i++)
    secret_buffer_free(&texts[i]);
}

/* --- Web identity --- */

/* STS asks the identity provider for its keys, which may fail once, and say so as a bad token. */
static bool may_pass(const struct service_error *problem) {
  return problem->error.kind == ERROR_UNAVAILABLE ||
         strcmp(problem->code, "IDPCommunicationError") == 0 ||
         strcmp(problem->code, "InvalidIdentityToken") == 0;
}

static void on_web_identity(const struct fetch_response *response, void *argument) {
  static const char WHAT[] = "STS AssumeRoleWithWebIdentity";
  struct credentials_ask *ask = argument;
  if (response->error) {
    credentials_ask_fail(ask, ERROR_UNAVAILABLE, "%s: %.300s", WHAT, response->error->message);
  } else if (response->status != 200) {
    struct service_error problem;
    service_error_read(response, WHAT, &problem);
    credentials_ask_fail(ask, may_pass(&problem) ? ERROR_UNAVAILABLE : ERROR_DENIED, "%s",
                         problem.error.message);
  } else {
    finish(ask, response->body, "web identity");
  }
}

static bool start_web_identity(struct credentials_ask *ask, struct error *error) {
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
  append_field(&body, "RoleArn", ask->role_arn);
  append_session_name(&body, ask->session_name);
  append_field(&body, "WebIdentityToken", ask->token);
  return send_form(ask, &body, NULL, on_web_identity, error);
}

/* The environment's setting, else the profile's; the caller's. */
static char *setting_or_profile(const struct credentials_search *search, const char *setting,
                                const char *name) {
  if (setting) return strdup(setting);
  struct str value = profile_setting(search->files, search->profile, name);
  return value.length > 0 ? secret_copy(value) : NULL;
}

enum credentials_step sts_find_web_identity(const struct credentials_search *search,
                                            struct credentials_ask *ask, struct error *error) {
  static const struct config_aws NOTHING;
  const struct config_aws *aws = search->environment_too ? &search->config->aws : &NOTHING;
  char *file = setting_or_profile(search, aws->web_identity_token_file, "web_identity_token_file");
  if (!file) return STEP_NONE;
  ask->start = start_web_identity;
  ask->role_arn = setting_or_profile(search, aws->role_arn, "role_arn");
  ask->session_name = setting_or_profile(search, aws->role_session_name, "role_session_name");
  if (!ask->role_arn)
    error_set(error, ERROR_DENIED,
              "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN, the role to assume, is not");
  else
    ask->token = profile_read_token(file, error);
  free(file);
  return ask->token && sts_resolve(search, ask, error) ? STEP_FOUND : STEP_FAILED;
}

/* --- Roles --- */

static void on_role(const struct fetch_response *response, void *argument) {
  struct credentials_ask *ask = argument;
  const struct credentials_role *role = &ask->roles[ask->roles_done];
  char name[AWS_CREDENTIALS_SOURCE_SIZE];
  if (response->error) {
    credentials_ask_fail(ask, ERROR_UNAVAILABLE, "STS AssumeRole: %.300s",
                         response->error->message);
  } else if (response->status != 200) {
    struct service_error problem;
    service_error_read(response, "STS AssumeRole", &problem);
    bool again = problem.error.kind == ERROR_UNAVAILABLE;
    credentials_ask_fail(ask, again ? ERROR_UNAVAILABLE : ERROR_DENIED,
                         "the role of the AWS profile %.100s: %s", role->profile,
                         problem.error.message);
  } else {
    snprintf(name, sizeof(name), "role of profile %s", role->profile);
    ask->roles_done++;
    finish(ask, response->body, name);
  }
}

static bool start_role(struct credentials_ask *ask, struct error *error) {
  assert(ask->roles_done < ask->role_count && ask->keys);
  const struct credentials_role *role = &ask->roles[ask->roles_done];
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "Action=AssumeRole&Version=2011-06-15");
  append_field(&body, "RoleArn", role->arn);
  append_session_name(&body, role->session_name);
  if (role->external_id) append_field(&body, "ExternalId", role->external_id);
  if (role->duration_s > 0) buffer_append_format(&body, "&DurationSeconds=%u", role->duration_s);
  return send_form(ask, &body, ask->keys, on_role, error);
}
