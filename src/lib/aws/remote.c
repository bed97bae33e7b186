/* remote.c: see remote.h and remote_parts.h: how it begins and ends, the container endpoint and the
 * instance metadata service. No answer of theirs is quoted in an error. */
#include "lib/aws/expiry.h"
#include "lib/aws/remote_parts.h"
#include "lib/aws/secret.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  ANSWER_LIMIT = 64 * 1024,
  CONTAINER_TIMEOUT_MS = 2000,
  INSTANCE_TIMEOUT_MS = 1000,
  ROLE_NAME_LIMIT = 128,
};

static const char ROLE_PATH[] = "/latest/meta-data/iam/security-credentials/";
static const int64_t INSTANCE_GRACE_US = INT64_C(300) * 1000000;

static void remote_free(struct remote *remote) {
  aws_source_free(&remote->source);
  aws_credentials_unref(remote->keys);
  secret_buffer_free(&remote->token);
  free(remote);
}

static void remote_end(struct remote *remote, struct aws_credentials *credentials,
                       const struct error *error) {
  remote->done(credentials, error, remote->argument);
  remote_free(remote);
}

void remote_fail(struct remote *remote, enum error_kind kind, const char *format, ...) {
  struct error error;
  char sentence[ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  error_set(&error, kind, "%s", sentence);
  remote_end(remote, NULL, &error);
}

/* Credentials came: the last ones, or those for the next role. */
static void remote_succeed(struct remote *remote, struct aws_credentials *credentials) {
  if (remote->roles_done == remote->source.role_count) {
    remote_end(remote, credentials, NULL);
    return;
  }
  aws_credentials_unref(remote->keys);
  remote->keys = credentials;
  if (!remote_start_role(remote)) remote_fail(remote, ERROR_MEMORY, "STS cannot be asked");
}

bool remote_accept(struct remote *remote, const struct fetch_response *response, const char *who) {
  if (!response->error && response->status == 200) return true;
  if (response->error)
    remote_fail(remote, ERROR_UNAVAILABLE, "%s: %.300s", who, response->error->message);
  else
    remote_fail(remote, response->status / 100 == 4 ? ERROR_DENIED : ERROR_UNAVAILABLE,
                "%s answered with status %d", who, response->status);
  return false;
}

/* They go into headers, and are kept as C strings: a NUL would cut them, a line feed begin another
 * header. */
static bool is_printable(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] <= ' ' || text.data[i] > '~') return false;
  return true;
}

void remote_finish(struct remote *remote, const struct handed_out *keys, int64_t earliest_us,
                   const char *source, const char *complaint) {
  int64_t expires_us = keys->expires_us;
  bool complete = keys->id.length > 0 && keys->secret.length > 0 && is_printable(keys->id) &&
                  is_printable(keys->secret) && is_printable(keys->token) &&
                  (keys->expiry.length == 0 || expiry_parse(keys->expiry, &expires_us));
  if (!complete) {
    remote_fail(remote, ERROR_UNAVAILABLE, "%s", complaint);
    return;
  }
  if (expires_us != 0 && expires_us < earliest_us) expires_us = earliest_us;
  struct aws_credentials *credentials =
      aws_credentials_new(keys->id, keys->secret, keys->token, expires_us, source);
  if (credentials)
    remote_succeed(remote, credentials);
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
  struct handed_out keys = {.id = json_text(object, "AccessKeyId"),
                            .secret = json_text(object, "SecretAccessKey"),
                            .token = json_text(object, "Token"),
                            .expiry = json_text(object, "Expiration")};
  remote_finish(remote, &keys, earliest_us, source, complaint);
  secret_json_free(object);
}

bool remote_send(struct remote *remote, struct fetch_request *request, fetch_done done) {
  request->response_limit = ANSWER_LIMIT;
  return fetch_start(remote->fetcher, request, done, remote, NULL);
}

/* Container endpoint. */

static void on_container(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (!remote_accept(remote, response, "the container's credentials endpoint")) return;
  finish_json(remote, response->body, 0, "container endpoint",
              "the container's credentials endpoint answered without credentials");
}

static bool start_container(struct remote *remote) {
  const struct aws_source *source = &remote->source;
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
  buffer_append_format(&url, "%s%s", remote->source.url, ROLE_PATH);
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

static bool start_instance(struct remote *remote) {
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s/latest/api/token", remote->source.url);
  struct fetch_header header = {STR("X-aws-ec2-metadata-token-ttl-seconds"), STR("21600")};
  struct fetch_request request = {.method = "PUT",
                                  .url = buffer_text(&url),
                                  .headers = &header,
                                  .header_count = 1,
                                  .timeout_ms = INSTANCE_TIMEOUT_MS};
  bool started = !url.failed && remote_send(remote, &request, on_instance_token);
  buffer_free(&url);
  return started;
}

static bool start(struct remote *remote) {
  switch (remote->source.kind) {
  case AWS_SOURCE_WEB_IDENTITY: return remote_start_web_identity(remote);
  case AWS_SOURCE_SSO: return remote_start_sso(remote);
  case AWS_SOURCE_CONTAINER: return start_container(remote);
  case AWS_SOURCE_INSTANCE: return start_instance(remote);
  case AWS_SOURCE_FIXED: break;
  }
  remote->keys = aws_credentials_ref(remote->source.fixed);
  return remote_start_role(remote);
}

bool aws_remote_fetch(struct loop *loop, struct fetcher *fetcher, struct aws_source *source,
                      aws_remote_done done, void *argument) {
  struct remote *remote = calloc(1, sizeof(*remote));
  if (!remote) {
    aws_source_free(source);
    return false;
  }
  *remote = (struct remote){
      .loop = loop, .fetcher = fetcher, .done = done, .argument = argument, .source = *source};
  *source = (struct aws_source){0};
  if (start(remote)) return true;
  remote_free(remote);
  return false;
}
