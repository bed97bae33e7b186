/* remote_sso.c: SSO (IAM Identity Center): the token is renewed when it is near its end
 * (CreateToken), kept for the next time where the AWS CLI looks for it, and shown to the portal
 * (GetRoleCredentials). */
#include "lib/aws/expiry.h"
#include "lib/aws/profile.h"
#include "lib/aws/remote_parts.h"
#include "lib/aws/search.h"
#include "lib/aws/secret.h"
#include "lib/aws/service_error.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SSO_TIMEOUT_MS = 5000, TOKEN_LIFE_LIMIT_S = 366 * 24 * 3600 };

static void ask_for_login(struct remote *remote) {
  const char *profile = remote->source.sso.profile;
  remote_fail(remote, ERROR_DENIED,
              "the SSO session of the AWS profile %.200s has expired: run aws sso login --profile "
              "%.200s",
              profile, profile);
}

/* The portal. */

static struct str json_text(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return (struct str){json_string_value(value), json_string_length(value)};
}

static void finish_portal(struct remote *remote, struct str body) {
  json_t *answer = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  const json_t *keys = json_object_get(answer, "roleCredentials");
  const json_t *expiration = json_object_get(keys, "expiration"); /* milliseconds */
  bool sane = json_is_integer(expiration) && json_integer_value(expiration) > 0 &&
              json_integer_value(expiration) < INT64_MAX / 1000;
  struct handed_out handed_out = {.id = json_text(keys, "accessKeyId"),
                                  .secret = json_text(keys, "secretAccessKey"),
                                  .token = json_text(keys, "sessionToken"),
                                  .expires_us = sane ? json_integer_value(expiration) * 1000 : 0};
  if (!sane) handed_out.id.length = 0;
  char name[SOURCE_NAME_SIZE];
  snprintf(name, sizeof(name), "SSO of profile %s", remote->source.sso.profile);
  remote_finish(remote, &handed_out, 0, name, "the SSO portal answered without credentials");
  secret_json_free(answer);
}

static void on_portal(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  if (response->error) {
    remote_fail(remote, ERROR_UNAVAILABLE, "the SSO portal: %.300s", response->error->message);
  } else if (response->status == 401) {
    ask_for_login(remote);
  } else if (response->status != 200) {
    struct service_error problem;
    service_error_read(response, "the SSO portal", &problem);
    bool again = problem.error.kind == ERROR_UNAVAILABLE;
    remote_fail(remote, again ? ERROR_UNAVAILABLE : ERROR_DENIED, "%s", problem.error.message);
  } else {
    finish_portal(remote, response->body);
  }
}

static bool ask_portal(struct remote *remote) {
  struct fetch_header header = {STR("x-amz-sso_bearer_token"), str_from(remote->source.token)};
  struct fetch_request request = {.url = remote->source.url,
                                  .headers = &header,
                                  .header_count = 1,
                                  .timeout_ms = SSO_TIMEOUT_MS,
                                  .keep_headers = true};
  return remote_send(remote, &request, on_portal);
}

/* Keeping a renewed token: a new file takes the old one's place, on a worker thread. Nobody waits
 * for it. */

struct keeping {
  uv_work_t work;
  char *path, *text;
  struct error error;
  bool kept;
};

static void keeping_free(struct keeping *keeping) {
  free(keeping->path);
  secret_free(keeping->text);
  free(keeping);
}

static bool write_all(int fd, const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t count = write(fd, text, length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    text += count;
    length -= (size_t)count;
  }
  return true;
}

static void keep_on_worker(uv_work_t *work) {
  struct keeping *keeping = work->data;
  char path[PATH_MAX], temporary[PATH_MAX + 32];
  if (!profile_expand_home(keeping->path, path)) return;
  snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid());
  _cleanup_close_ int fd =
      open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
  keeping->kept = fd >= 0 && write_all(fd, keeping->text) && rename(temporary, path) == 0;
  if (keeping->kept) return;
  error_set(&keeping->error, ERROR_UNAVAILABLE, "%s: %s", path, strerror(errno));
  if (fd >= 0) unlink(temporary);
}

static void on_kept(uv_work_t *work, int status) {
  struct keeping *keeping = work->data;
  if (status != 0 || !keeping->kept)
    log_event(LOG_LEVEL_WARNING, "the renewed SSO token cannot be kept",
              log_text("reason", keeping->error.message), LOG_END);
  keeping_free(keeping);
}

static void keep_token(struct remote *remote, const json_t *token) {
  struct keeping *keeping = calloc(1, sizeof(*keeping));
  if (!keeping) return;
  keeping->work.data = keeping;
  keeping->path = strdup(remote->source.sso.cache_path);
  keeping->text = json_dumps(token, 0);
  if (!keeping->path || !keeping->text ||
      uv_queue_work(loop_uv(remote->loop), &keeping->work, keep_on_worker, on_kept) != 0)
    keeping_free(keeping);
}

/* Renewing. */

/* Puts what was answered into the token as it was kept; false when the answer is no good. */
static bool update_token(json_t *token, const json_t *answer) {
  json_t *access_token = json_object_get(answer, "accessToken");
  json_t *refresh_token = json_object_get(answer, "refreshToken");
  const json_t *life = json_object_get(answer, "expiresIn");
  json_int_t seconds = json_integer_value(life);
  if (json_string_length(access_token) == 0 || seconds <= 0 || seconds > TOKEN_LIFE_LIMIT_S)
    return false;
  char text[CLOCK_RFC3339_SIZE];
  clock_format_rfc3339(clock_unix_us() + (int64_t)seconds * 1000000, text);
  memcpy(text + 19, "Z", 2); /* whole seconds, as the AWS CLI writes it */
  if (json_object_set(token, "accessToken", access_token) != 0 ||
      json_object_set_new(token, "expiresAt", json_string(text)) != 0)
    return false;
  return !json_is_string(refresh_token) ||
         json_object_set(token, "refreshToken", refresh_token) == 0;
}

/* Takes the new token over; false when there is none. */
static bool use_renewed(struct remote *remote, struct str body) {
  json_t *answer = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  json_t *token = json_loads(remote->source.sso.cached, 0, NULL);
  bool renewed = token && update_token(token, answer);
  if (renewed) {
    keep_token(remote, token);
    secret_free(remote->source.token);
    remote->source.token = search_copy(json_text(token, "accessToken"));
  }
  secret_json_free(answer);
  secret_json_free(token);
  return renewed && remote->source.token;
}

static void on_renewed(const struct fetch_response *response, void *argument) {
  struct remote *remote = argument;
  bool answered = !response->error && response->status / 100 != 5 && response->status != 429;
  bool renewed = answered && response->status == 200 && use_renewed(remote, response->body);
  bool old_serves = remote->source.sso.expires_us > clock_unix_us() && remote->source.token;
  if (renewed || old_serves) {
    if (!ask_portal(remote)) remote_fail(remote, ERROR_MEMORY, "the SSO portal cannot be asked");
  } else if (answered) {
    ask_for_login(remote);
  } else if (response->error) {
    remote_fail(remote, ERROR_UNAVAILABLE, "the renewal of the SSO token: %.300s",
                response->error->message);
  } else {
    remote_fail(remote, ERROR_UNAVAILABLE, "the renewal of the SSO token: status %d",
                response->status);
  }
}

bool remote_start_sso(struct remote *remote) {
  const struct aws_sso *sso = &remote->source.sso;
  if (!sso->renewal) return ask_portal(remote);
  struct fetch_header type = {STR("Content-Type"), STR("application/json")};
  struct fetch_request request = {.method = "POST",
                                  .url = sso->renewal_url,
                                  .headers = &type,
                                  .header_count = 1,
                                  .body = str_from(sso->renewal),
                                  .timeout_ms = SSO_TIMEOUT_MS};
  return remote_send(remote, &request, on_renewed);
}
