/* remote_sts.c: STS: AssumeRoleWithWebIdentity, which a token is shown to, and AssumeRole, which is
 * signed with other keys. */
#include "lib/aws/remote_parts.h"
#include "lib/aws/search.h"
#include "lib/aws/secret.h"
#include "lib/aws/service_error.h"
#include "lib/aws/xml.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"

#include <stdio.h>

enum { STS_TIMEOUT_MS = 5000, SESSION_NAME_SIZE = 32, SIGNED_HEADERS = 4 };

#define FORM_TYPE STR("application/x-www-form-urlencoded; charset=utf-8")

/* The parts of credentials, in this order in `struct sts_texts`. */
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
static void finish_xml(struct remote *remote, struct str body, const char *source) {
  struct buffer texts[PART_COUNT] = {BUFFER_EMPTY};
  bool read = xml_read(body, NULL, on_element, texts, NULL);
  struct handed_out keys = {.id = buffer_str(&texts[0]),
                            .secret = buffer_str(&texts[1]),
                            .token = buffer_str(&texts[2]),
                            .expiry = buffer_str(&texts[3])};
  if (!read) keys.id.length = 0; /* the rest may be cut short */
  remote_finish(remote, &keys, 0, source, "STS answered without credentials");
  for (size_t i = 0; i < PART_COUNT; i++)
    secret_buffer_free(&texts[i]);
}

static void append_field(struct buffer *body, const char *name, const char *value) {
  buffer_append_format(body, "&%s=", name);
  percent_append(body, str_from(value));
}

static void append_session_name(struct buffer *body, const char *given) {
  char made_up[SESSION_NAME_SIZE];
  snprintf(made_up, sizeof(made_up), "cruddur-%lld", (long long)(clock_unix_us() / 1000000));
  append_field(body, "RoleSessionName", given ? given : made_up);
}

/* Web identity. */

static void on_web_identity(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (remote_accept(remote, response, "STS (AssumeRoleWithWebIdentity)"))
    finish_xml(remote, response->body, "web identity");
}

bool remote_start_web_identity(struct remote *remote) {
  const struct aws_source *source = &remote->source;
  const struct endpoint *endpoint = &source->sts.endpoint;
  struct buffer body = BUFFER_EMPTY, url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s://%s%s/", endpoint->scheme, endpoint->host, endpoint->prefix);
  buffer_append_text(&body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
  append_field(&body, "RoleArn", source->role_arn);
  append_session_name(&body, source->session_name);
  append_field(&body, "WebIdentityToken", source->token);
  struct fetch_header type = {STR("Content-Type"), FORM_TYPE};
  struct fetch_request request = {.method = "POST",
                                  .url = buffer_text(&url),
                                  .headers = &type,
                                  .header_count = 1,
                                  .body = buffer_str(&body),
                                  .timeout_ms = STS_TIMEOUT_MS};
  bool started = !body.failed && !url.failed && remote_send(remote, &request, on_web_identity);
  secret_buffer_free(&body);
  buffer_free(&url);
  return started;
}

/* Roles. */

static void on_role(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  const struct aws_role *role = &remote->source.roles[remote->roles_done];
  char name[SOURCE_NAME_SIZE];
  if (response->error) {
    remote_fail(remote, ERROR_UNAVAILABLE, "STS AssumeRole: %.300s", response->error->message);
  } else if (response->status != 200) {
    struct service_error problem;
    service_error_read(response, "STS AssumeRole", &problem);
    bool again = problem.error.kind == ERROR_UNAVAILABLE;
    remote_fail(remote, again ? ERROR_UNAVAILABLE : ERROR_DENIED,
                "the role of the AWS profile %.100s: %s", role->profile, problem.error.message);
  } else {
    snprintf(name, sizeof(name), "role of profile %s", role->profile);
    remote->roles_done++;
    finish_xml(remote, response->body, name);
  }
}

static bool send_signed(struct remote *remote, const struct sigv4_keys *keys,
                        const struct sigv4_signature *signature, struct str body) {
  const struct endpoint *endpoint = &remote->source.sts.endpoint;
  struct fetch_header headers[SIGNED_HEADERS] = {
      {STR("Content-Type"), FORM_TYPE},
      {STR("X-Amz-Date"), str_from(signature->date)},
      {STR("Authorization"), buffer_str(&signature->authorization)},
      {STR("X-Amz-Security-Token"), keys->session_token},
  };
  struct buffer url = BUFFER_EMPTY;
  buffer_append_format(&url, "%s://%s", endpoint->scheme, endpoint->host);
  buffer_append_str(&url, buffer_str(&signature->target));
  struct fetch_request request = {
      .method = "POST",
      .url = buffer_text(&url),
      .headers = headers,
      .header_count = keys->session_token.length > 0 ? SIGNED_HEADERS : SIGNED_HEADERS - 1,
      .body = body,
      .timeout_ms = STS_TIMEOUT_MS,
      .keep_headers = true};
  bool started = !url.failed && remote_send(remote, &request, on_role);
  buffer_free(&url);
  return started;
}

static bool sign_and_send(struct remote *remote, struct str body) {
  const struct aws_sts *sts = &remote->source.sts;
  struct sigv4_keys keys = {
      .access_key_id = str_from(aws_credentials_access_key_id(remote->keys)),
      .secret_access_key = str_from(aws_credentials_secret_access_key(remote->keys)),
      .session_token = str_from(aws_credentials_session_token(remote->keys)),
  };
  struct sigv4_header type = {STR("Content-Type"), FORM_TYPE};
  struct buffer path = BUFFER_EMPTY;
  buffer_append_format(&path, "%s/", sts->endpoint.prefix);
  struct sigv4_request request = {.method = "POST",
                                  .host = str_from(sts->endpoint.host),
                                  .path = buffer_str(&path),
                                  .headers = &type,
                                  .header_count = 1,
                                  .body = body,
                                  .service = "sts",
                                  .region = sts->region,
                                  .unix_s = clock_unix_us() / 1000000};
  struct sigv4_signature signature;
  bool started = false;
  if (!path.failed && sigv4_sign(&request, &keys, &signature, NULL)) {
    started = send_signed(remote, &keys, &signature, body);
    sigv4_signature_free(&signature);
  }
  buffer_free(&path);
  return started;
}

bool remote_start_role(struct remote *remote) {
  const struct aws_role *role = &remote->source.roles[remote->roles_done];
  struct buffer body = BUFFER_EMPTY;
  buffer_append_text(&body, "Action=AssumeRole&Version=2011-06-15");
  append_field(&body, "RoleArn", role->arn);
  append_session_name(&body, role->session_name);
  if (role->external_id) append_field(&body, "ExternalId", role->external_id);
  if (role->duration_s > 0) buffer_append_format(&body, "&DurationSeconds=%u", role->duration_s);
  bool started = !body.failed && sign_and_send(remote, buffer_str(&body));
  secret_buffer_free(&body);
  return started;
}
