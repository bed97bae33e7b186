/* sso.c: SSO (IAM Identity Center), for people who log in by `aws sso login`: the older form (all
 * in the profile) and that with an [sso-session NAME], whose token can be renewed. The token is
 * where the AWS CLI keeps it; nothing here logs in.
 *
 * Near its end the token is renewed (CreateToken) and kept there for the next time, on a worker
 * thread; asking goes on meanwhile. Then it is shown to the portal (GetRoleCredentials). */
#include "lib/aws/credentials/sources.h"
#include "lib/aws/secret.h"
#include "lib/aws/service_error.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"
#include "lib/base/log.h"
#include "lib/base/time.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum {
  TIMEOUT_MS = 5000,
  TOKEN_FILE_LIMIT = 64 * 1024,
  TOKEN_LIFE_LIMIT_S = 366 * 24 * 3600,
  SHA1_SIZE = 20,
};

static const int64_t RENEWAL_ADVANCE_US = INT64_C(15) * 60 * 1000000;

/* ===== Asking ===== */

static void ask_for_login(struct credentials_ask *ask) {
  const char *profile = ask->sso.profile;
  credentials_ask_fail(
      ask, ERROR_DENIED,
      "the SSO session of the AWS profile %.200s has expired: run aws sso login --profile "
      "%.200s",
      profile, profile);
}

/* --- The portal --- */

static void finish_portal(struct credentials_ask *ask, struct str body) {
  json_t *answer = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  const json_t *keys = json_object_get(answer, "roleCredentials");
  const json_t *expiration = json_object_get(keys, "expiration"); /* milliseconds */
  bool sane = json_is_integer(expiration) && json_integer_value(expiration) > 0 &&
              json_integer_value(expiration) < INT64_MAX / 1000;
  struct credentials_answer given = {.id = credentials_ask_text(keys, "accessKeyId"),
                                     .secret = credentials_ask_text(keys, "secretAccessKey"),
                                     .token = credentials_ask_text(keys, "sessionToken"),
                                     .expires_us =
                                         sane ? json_integer_value(expiration) * 1000 : 0};
  if (!sane) given.id.length = 0;
  char name[AWS_CREDENTIALS_SOURCE_SIZE];
  snprintf(name, sizeof(name), "SSO of profile %s", ask->sso.profile);
  credentials_ask_finish(ask, &given, 0, name, "the SSO portal answered without credentials");
  secret_json_free(answer);
}

static void on_portal(const struct fetch_response *response, void *argument) {
  struct credentials_ask *ask = argument;
  if (response->error) {
    credentials_ask_fail(ask, ERROR_UNAVAILABLE, "the SSO portal: %.300s",
                         response->error->message);
  } else if (response->status == 401) {
    ask_for_login(ask);
  } else if (response->status != 200) {
    struct service_error problem;
    service_error_read(response, "the SSO portal", &problem);
    bool again = problem.error.kind == ERROR_UNAVAILABLE;
    credentials_ask_fail(ask, again ? ERROR_UNAVAILABLE : ERROR_DENIED, "%s",
                         problem.error.message);
  } else {
    finish_portal(ask, response->body);
  }
}

static bool ask_portal(struct credentials_ask *ask, struct error *error) {
  struct fetch_header header = {STR("x-amz-sso_bearer_token"), str_from(ask->token)};
  struct fetch_request request = {.url = ask->url,
                                  .headers = &header,
                                  .header_count = 1,
                                  .timeout_ms = TIMEOUT_MS,
                                  .keep_headers = true};
  return credentials_ask_send(ask, &request, "the SSO portal", on_portal, error);
}

/* --- Keeping a renewed token: a new file takes the old one's place --- */

struct sso_keeping {
  uv_work_t work;
  char *path, *text;
  struct error error;
  bool kept;
};

static void keeping_free(struct sso_keeping *keeping) {
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
  struct sso_keeping *keeping = work->data;
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
  struct sso_keeping *keeping = work->data;
  if (status != 0 || !keeping->kept)
    log_event(LOG_LEVEL_WARNING, "the renewed SSO token cannot be kept",
              log_text("reason", keeping->error.message), LOG_END);
  keeping_free(keeping);
}

static void keep_token(struct credentials_ask *ask, const json_t *token) {
  struct sso_keeping *keeping = calloc(1, sizeof(*keeping));
  if (!keeping) return;
  keeping->work.data = keeping;
  keeping->path = strdup(ask->sso.cache_path);
  keeping->text = json_dumps(token, 0);
  if (!keeping->path || !keeping->text ||
      uv_queue_work(loop_uv(ask->loop), &keeping->work, keep_on_worker, on_kept) != 0)
    keeping_free(keeping);
}

/* --- Renewing --- */

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
static bool use_renewed(struct credentials_ask *ask, struct str body) {
  json_t *answer = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  json_t *token = json_loads(ask->sso.cached, 0, NULL);
  bool renewed = token && update_token(token, answer);
  if (renewed) {
    keep_token(ask, token);
    secret_free(ask->token);
    ask->token = secret_copy(credentials_ask_text(token, "accessToken"));
  }
  secret_json_free(answer);
  secret_json_free(token);
  return renewed && ask->token;
}

static void on_renewed(const struct fetch_response *response, void *argument) {
  struct credentials_ask *ask = argument;
  bool answered = !response->error && response->status / 100 != 5 && response->status != 429;
  bool renewed = answered && response->status == 200 && use_renewed(ask, response->body);
  bool old_serves = ask->sso.expires_us > clock_unix_us() && ask->token;
  if (renewed || old_serves) {
    struct error error;
    if (!ask_portal(ask, &error)) credentials_ask_fail(ask, error.kind, "%s", error.message);
  } else if (answered) {
    ask_for_login(ask);
  } else if (response->error) {
    credentials_ask_fail(ask, ERROR_UNAVAILABLE, "the renewal of the SSO token: %.300s",
                         response->error->message);
  } else {
    credentials_ask_fail(ask, ERROR_UNAVAILABLE, "the renewal of the SSO token: status %d",
                         response->status);
  }
}

static bool start_sso(struct credentials_ask *ask, struct error *error) {
  const struct credentials_sso *sso = &ask->sso;
  if (!sso->renewal) return ask_portal(ask, error);
  struct fetch_header type = {STR("Content-Type"), STR("application/json")};
  struct fetch_request request = {.method = "POST",
                                  .url = sso->renewal_url,
                                  .headers = &type,
                                  .header_count = 1,
                                  .body = str_from(sso->renewal),
                                  .timeout_ms = TIMEOUT_MS};
  return credentials_ask_send(ask, &request, "SSO OIDC", on_renewed, error);
}

/* ===== Finding ===== */

/* The settings of a profile, those of its session among them; slices of the files. */
struct sso_settings {
  struct str session; /* data is NULL in the legacy form */
  struct str start_url, region, role_name, account_id;
};

/* Where both have a setting they must agree. */
static bool session_setting(const struct credentials_search *search, struct str session,
                            const char *name, struct str *ret_value, struct error *error) {
  struct str own = profile_setting(search->files, search->profile, name);
  struct str shared = {NULL, 0};
  if (session.data) shared = profile_session_setting(search->files, session, name);
  if (own.data && shared.data && !str_equal(own, shared))
    return error_set(error, ERROR_DENIED, "%s of the AWS profile %s is not that of its sso-session",
                     name, search->profile);
  *ret_value = shared.data ? shared : own;
  if (ret_value->length > 0) return true;
  return error_set(error, ERROR_DENIED, "the AWS profile %s is for SSO, but has no %s",
                   search->profile, name);
}

static bool read_settings(const struct credentials_search *search, struct sso_settings *settings,
                          struct error *error) {
  settings->session = profile_setting(search->files, search->profile, "sso_session");
  if (settings->session.data &&
      (settings->session.length == 0 || !profile_session_exists(search->files, settings->session)))
    return error_set(error, ERROR_DENIED,
                     "the sso-session %.*s of the AWS profile %s does not exist in %s",
                     (int)settings->session.length, settings->session.data, search->profile,
                     search->config->aws.config_file);
  struct str session = settings->session;
  if (!session_setting(search, session, "sso_role_name", &settings->role_name, error) ||
      !session_setting(search, session, "sso_account_id", &settings->account_id, error) ||
      !session_setting(search, session, "sso_start_url", &settings->start_url, error) ||
      !session_setting(search, session, "sso_region", &settings->region, error))
    return false;
  _cleanup_free_ char *region = secret_copy(settings->region);
  if (!region) return error_set(error, ERROR_MEMORY, "out of memory");
  if (endpoint_is_region(region)) return true;
  return error_set(error, ERROR_DENIED, "sso_region of the AWS profile %s is no region's name",
                   search->profile);
}

/* Where the AWS CLI keeps the token of a session, or of a start URL: ~/.aws/sso/cache/SHA1.json. */
static char *cache_path(const struct sso_settings *settings) {
  struct str key = settings->session.data ? settings->session : settings->start_url;
  unsigned char digest[EVP_MAX_MD_SIZE];
  struct buffer path = BUFFER_EMPTY;
  if (EVP_Digest(key.data, key.length, digest, NULL, EVP_sha1(), NULL) != 1) return NULL;
  buffer_append_text(&path, "~/.aws/sso/cache/");
  encoding_hex_append(&path, digest, SHA1_SIZE);
  buffer_append_text(&path, ".json");
  return buffer_take(&path);
}

/* A URL of one of the two services; NULL with an error. The caller appends the query. */
static bool append_url(const struct credentials_search *search, enum aws_service service,
                       const struct sso_settings *settings, const char *path, struct buffer *url,
                       struct error *error) {
  _cleanup_free_ char *region = secret_copy(settings->region);
  struct endpoint endpoint;
  if (!region) return error_set(error, ERROR_MEMORY, "out of memory");
  if (!endpoint_resolve(search->config, service, region, &endpoint, error)) return false;
  buffer_append_format(url, "%s://%s%s%s", endpoint.scheme, endpoint.host, endpoint.prefix, path);
  endpoint_free(&endpoint);
  return true;
}

static bool find_portal(const struct credentials_search *search,
                        const struct sso_settings *settings, struct credentials_ask *ask,
                        struct error *error) {
  struct buffer url = BUFFER_EMPTY;
  if (!append_url(search, AWS_SSO_PORTAL, settings, "/federation/credentials?role_name=", &url,
                  error))
    return false;
  encoding_percent_append(&url, settings->role_name);
  buffer_append_text(&url, "&account_id=");
  encoding_percent_append(&url, settings->account_id);
  ask->url = buffer_take(&url);
  return ask->url || error_set(error, ERROR_MEMORY, "out of memory");
}

/* Prepares the renewal of a session's token, when it is near its end and can be renewed at all. */
static bool prepare_renewal(const struct credentials_search *search,
                            const struct sso_settings *settings, const json_t *token,
                            struct credentials_sso *sso, struct error *error) {
  int64_t now_us = clock_unix_us(), registered_until_us = 0;
  bool possible = settings->session.data &&
                  credentials_ask_text(token, "refreshToken").length > 0 &&
                  credentials_ask_text(token, "clientId").length > 0 &&
                  credentials_ask_text(token, "clientSecret").length > 0 &&
                  time_parse_rfc3339(credentials_ask_text(token, "registrationExpiresAt"),
                                     TIME_OFFSET_LOOSE, &registered_until_us) &&
                  registered_until_us > now_us;
  if (!possible || sso->expires_us - now_us >= RENEWAL_ADVANCE_US) return true;
  json_t *body = json_pack("{s:O,s:O,s:s,s:O}", "clientId", json_object_get(token, "clientId"),
                           "clientSecret", json_object_get(token, "clientSecret"), "grantType",
                           "refresh_token", "refreshToken", json_object_get(token, "refreshToken"));
  sso->renewal = json_dumps(body, JSON_COMPACT);
  json_decref(body);
  sso->cached = json_dumps(token, 0);
  struct buffer url = BUFFER_EMPTY;
  if (!append_url(search, AWS_SSO_OIDC, settings, "/token", &url, error)) return false;
  sso->renewal_url = buffer_take(&url);
  if (sso->renewal && sso->cached && sso->renewal_url) return true;
  return error_set(error, ERROR_MEMORY, "out of memory");
}

static bool use_token(const struct credentials_search *search, const struct sso_settings *settings,
                      const json_t *token, struct credentials_ask *ask, struct error *error) {
  struct credentials_sso *sso = &ask->sso;
  struct str access_token = credentials_ask_text(token, "accessToken");
  if (access_token.length == 0 || !time_parse_rfc3339(credentials_ask_text(token, "expiresAt"),
                                                      TIME_OFFSET_LOOSE, &sso->expires_us))
    return error_set(error, ERROR_DENIED, "%s holds no SSO token: run aws sso login --profile %s",
                     sso->cache_path, sso->profile);
  if (!prepare_renewal(search, settings, token, sso, error)) return false;
  if (!sso->renewal && sso->expires_us <= clock_unix_us())
    return error_set(error, ERROR_DENIED,
                     "the SSO session of the AWS profile %s has expired: run aws sso login "
                     "--profile %s",
                     sso->profile, sso->profile);
  ask->token = secret_copy(access_token);
  return ask->token || error_set(error, ERROR_MEMORY, "out of memory");
}

static bool read_token_file(const struct credentials_search *search,
                            const struct sso_settings *settings, struct credentials_ask *ask,
                            struct error *error) {
  struct credentials_sso *sso = &ask->sso;
  struct buffer text = BUFFER_EMPTY;
  if (!profile_read_file(sso->cache_path, TOKEN_FILE_LIMIT, &text, error)) {
    if (error->kind == ERROR_NOT_FOUND)
      error_set(error, ERROR_DENIED,
                "nobody has logged in to the SSO session of the AWS profile %s: run aws sso login "
                "--profile %s",
                sso->profile, sso->profile);
    return false;
  }
  json_t *token = json_loadb(text.data ? text.data : "", text.length, 0, NULL);
  secret_buffer_free(&text);
  bool done = use_token(search, settings, token, ask, error);
  secret_json_free(token);
  return done;
}

enum credentials_step sso_find(const struct credentials_search *search, struct credentials_ask *ask,
                               struct error *error) {
  if (!profile_setting(search->files, search->profile, "sso_role_name").data &&
      !profile_setting(search->files, search->profile, "sso_account_id").data)
    return STEP_NONE;
  struct sso_settings settings;
  if (!read_settings(search, &settings, error) || !find_portal(search, &settings, ask, error))
    return STEP_FAILED;
  ask->start = start_sso;
  ask->sso.profile = strdup(search->profile);
  ask->sso.cache_path = cache_path(&settings);
  if (!ask->sso.profile || !ask->sso.cache_path)
    return credentials_ask_refuse(error, ERROR_MEMORY, "out of memory");
  return read_token_file(search, &settings, ask, error) ? STEP_FOUND : STEP_FAILED;
}
