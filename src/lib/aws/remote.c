/* remote.c: see remote.h. Each kind is one to three requests in a row; every answer is bounded and
 * distrusted, and none of them is quoted in an error. */
#include "lib/aws/remote.h"

#include "lib/aws/xml.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
  ANSWER_LIMIT = 64 * 1024,
  STS_TIMEOUT_MS = 5000,
  CONTAINER_TIMEOUT_MS = 2000,
  INSTANCE_TIMEOUT_MS = 1000,
  ROLE_NAME_LIMIT = 128,
  SESSION_NAME_SIZE = 32,
};

static const char ROLE_PATH[] = "/latest/meta-data/iam/security-credentials/";
static const int64_t INSTANCE_GRACE_US = INT64_C(300) * 1000000;

struct remote {
  struct fetcher *fetcher;
  aws_remote_done done;
  void *argument;
  char *url;           /* of the instance metadata service */
  struct buffer token; /* of its session */
};

static void remote_end(struct remote *remote, struct aws_credentials *credentials,
                       const struct error *error) {
  remote->done(credentials, error, remote->argument);
  if (remote->token.data) explicit_bzero(remote->token.data, remote->token.length);
  buffer_free(&remote->token);
  free(remote->url);
  free(remote);
}

static void remote_fail(struct remote *remote, enum error_kind kind, const char *sentence) {
  struct error error;
  error_set(&error, kind, "%s", sentence);
  remote_end(remote, NULL, &error);
}

/* Ends it when the answer is none, or not 200; false then. 4xx means that asking again is no use.
 */
static bool remote_accept(struct remote *remote, const struct fetch_response *response,
                          const char *who) {
  struct error error;
  if (!response->error && response->status == 200) return true;
  if (response->error)
    error_set(&error, ERROR_UNAVAILABLE, "%s: %.300s", who, response->error->message);
  else
    error_set(&error, response->status / 100 == 4 ? ERROR_DENIED : ERROR_UNAVAILABLE,
              "%s answered with status %d", who, response->status);
  remote_end(remote, NULL, &error);
  return false;
}

/* "2023-05-20T23:44:59Z", with or without a fraction; false for anything else. */
static bool parse_expiry(struct str text, int64_t *ret_us) {
  char copy[40];
  struct tm parts = {0};
  if (text.length == 0 || text.length >= sizeof(copy)) return false;
  memcpy(copy, text.data, text.length);
  copy[text.length] = '\0';
  const char *rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &parts);
  if (!rest) return false;
  if (*rest == '.') rest += 1 + strspn(rest + 1, "0123456789");
  if (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0) return false;
  *ret_us = (int64_t)timegm(&parts) * 1000000;
  return true;
}

struct handed_out {
  struct str id, secret, token, expiry;
};

static void remote_finish(struct remote *remote, const struct handed_out *keys, int64_t earliest_us,
                          const char *source, const char *complaint) {
  int64_t expires_us = 0;
  bool complete = keys->id.length > 0 && keys->secret.length > 0 &&
                  (keys->expiry.length == 0 || parse_expiry(keys->expiry, &expires_us));
  if (!complete) {
    remote_fail(remote, ERROR_UNAVAILABLE, complaint);
    return;
  }
  if (expires_us != 0 && expires_us < earliest_us) expires_us = earliest_us;
  struct aws_credentials *credentials =
      aws_credentials_new(keys->id, keys->secret, keys->token, expires_us, source);
  if (credentials)
    remote_end(remote, credentials, NULL);
  else
    remote_fail(remote, ERROR_MEMORY, "out of memory");
}

static struct str json_text(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return (struct str){json_string_value(value), json_string_length(value)};
}

static void finish_json(struct remote *remote, struct str body, int64_t earliest_us,
                        const char *source, const char *complaint) {
  json_t *object = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  struct handed_out keys = {json_text(object, "AccessKeyId"), json_text(object, "SecretAccessKey"),
                            json_text(object, "Token"), json_text(object, "Expiration")};
  remote_finish(remote, &keys, earliest_us, source, complaint);
  json_decref(object);
}

/* Starts one request; false when it cannot. */
static bool remote_send(struct remote *remote, struct fetch_request *request, fetch_done done) {
  request->response_limit = ANSWER_LIMIT;
  return fetch_start(remote->fetcher, request, done, remote);
}

/* Web identity. */

static void on_sts(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (!remote_accept(remote, response, "STS (AssumeRoleWithWebIdentity)")) return;
  struct buffer texts[4] = {BUFFER_EMPTY, BUFFER_EMPTY, BUFFER_EMPTY, BUFFER_EMPTY};
  static const char *const NAMES[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                      "Expiration"};
  struct str credentials = xml_find(response->body, STR("Credentials"));
  for (size_t i = 0; i < 4; i++)
    xml_append_text(&texts[i], xml_find(credentials, str_from(NAMES[i])));
  struct handed_out keys = {buffer_str(&texts[0]), buffer_str(&texts[1]), buffer_str(&texts[2]),
                            buffer_str(&texts[3])};
  remote_finish(remote, &keys, 0, "web identity", "STS answered without credentials");
  for (size_t i = 0; i < 4; i++) {
    if (texts[i].data) explicit_bzero(texts[i].data, texts[i].length);
    buffer_free(&texts[i]);
  }
}

static void append_field(struct buffer *body, const char *name, const char *value) {
  buffer_append_format(body, "&%s=", name);
  percent_append(body, str_from(value));
}

static bool start_web_identity(struct remote *remote, const struct aws_source *source,
                               const char *sts_url) {
  char made_up[SESSION_NAME_SIZE];
  snprintf(made_up, sizeof(made_up), "cruddur-%lld", (long long)(clock_unix_us() / 1000000));
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
  append_field(&body, "RoleArn", source->role_arn);
  append_field(&body, "RoleSessionName", source->session_name ? source->session_name : made_up);
  append_field(&body, "WebIdentityToken", source->token);
  struct fetch_header type = {STR("Content-Type"),
                              STR("application/x-www-form-urlencoded; charset=utf-8")};
  struct fetch_request request = {.method = "POST",
                                  .url = sts_url,
                                  .headers = &type,
                                  .header_count = 1,
                                  .body = buffer_str(&body),
                                  .timeout_ms = STS_TIMEOUT_MS};
  bool started = !body.failed && remote_send(remote, &request, on_sts);
  if (body.data) explicit_bzero(body.data, body.length);
  buffer_free(&body);
  return started;
}

/* Container endpoint. */

static void on_container(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (!remote_accept(remote, response, "the container's credentials endpoint")) return;
  finish_json(remote, response->body, 0, "container endpoint",
              "the container's credentials endpoint answered without credentials");
}

static bool start_container(struct remote *remote, const struct aws_source *source) {
  struct fetch_header headers[] = {{STR("Accept"), STR("application/json")},
                                   {STR("Authorization"), str_from(source->token)}};
  struct fetch_request request = {.url = source->url,
                                  .headers = headers,
                                  .header_count = source->token ? 2 : 1,
                                  .timeout_ms = CONTAINER_TIMEOUT_MS};
  return remote_send(remote, &request, on_container);
}

/* Instance metadata, version 2: a session's token, the role's name, the role's credentials. */

static void on_instance_credentials(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (!remote_accept(remote, response, "the instance metadata service")) return;
  /* While it cannot renew them it hands out old ones, which the services then still take. */
  finish_json(remote, response->body, clock_unix_us() + INSTANCE_GRACE_US, "instance metadata",
              "the instance metadata service answered without credentials");
}

static void ask_instance(struct remote *remote, struct str role, fetch_done done) {
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s%s", remote->url, ROLE_PATH);
  percent_append(&url, role);
  struct fetch_header header = {STR("X-aws-ec2-metadata-token"), buffer_str(&remote->token)};
  struct fetch_request request = {.url = buffer_text(&url),
                                  .headers = &header,
                                  .header_count = 1,
                                  .timeout_ms = INSTANCE_TIMEOUT_MS};
  bool started = !url.failed && remote_send(remote, &request, done);
  buffer_free(&url);
  if (!started) remote_fail(remote, ERROR_MEMORY, "the instance metadata service cannot be asked");
}

static void on_instance_role(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (!response->error && response->status == 404) {
    remote_fail(remote, ERROR_DENIED, "no AWS credentials: this instance has no role");
    return;
  }
  if (!remote_accept(remote, response, "the instance metadata service")) return;
  struct str rest = response->body, role = {NULL, 0};
  str_next(&rest, '\n', &role);
  if (role.length == 0 || role.length > ROLE_NAME_LIMIT)
    remote_fail(remote, ERROR_DENIED, "no AWS credentials: this instance has no role");
  else
    ask_instance(remote, role, on_instance_credentials);
}

static void on_instance_token(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (response->error) { /* the usual case away from EC2: nothing is there at all */
    remote_fail(remote, ERROR_DENIED,
                "no AWS credentials: none in the environment and in the profile files, no "
                "container endpoint, and no instance metadata service answers");
    return;
  }
  if (!remote_accept(remote, response, "the instance metadata service")) return;
  buffer_append_str(&remote->token, response->body);
  ask_instance(remote, (struct str){NULL, 0}, on_instance_role);
}

static bool start_instance(struct remote *remote, const struct aws_source *source) {
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s/latest/api/token", source->url);
  struct fetch_header header = {STR("X-aws-ec2-metadata-token-ttl-seconds"), STR("21600")};
  struct fetch_request request = {.method = "PUT",
                                  .url = buffer_text(&url),
                                  .headers = &header,
                                  .header_count = 1,
                                  .timeout_ms = INSTANCE_TIMEOUT_MS};
  remote->url = strdup(source->url);
  bool started = !url.failed && remote->url && remote_send(remote, &request, on_instance_token);
  buffer_free(&url);
  return started;
}

bool aws_remote_fetch(struct fetcher *fetcher, const struct aws_source *source, const char *sts_url,
                      aws_remote_done done, void *argument) {
  struct remote *remote = calloc(1, sizeof(*remote));
  if (!remote) return false;
  *remote = (struct remote){.fetcher = fetcher, .done = done, .argument = argument};
  bool started = false;
  switch (source->kind) {
  case AWS_SOURCE_WEB_IDENTITY: started = start_web_identity(remote, source, sts_url); break;
  case AWS_SOURCE_CONTAINER: started = start_container(remote, source); break;
  case AWS_SOURCE_INSTANCE: started = start_instance(remote, source); break;
  case AWS_SOURCE_FIXED: break;
  }
  if (started) return true;
  free(remote->url);
  free(remote);
  return false;
}
