/* source_sso.c: profiles of people who log in by `aws sso login`: the legacy form (all in the
 * profile) and that with an [sso-session NAME], whose token can be renewed. The token is where the
 * AWS CLI keeps it; nothing here logs in. */
#include "lib/aws/expiry.h"
#include "lib/aws/search.h"
#include "lib/aws/secret.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/encoding.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { TOKEN_FILE_LIMIT = 64 * 1024, SHA1_SIZE = 20 };

static const int64_t RENEWAL_ADVANCE_US = INT64_C(15) * 60 * 1000000;

/* The settings of a profile, those of its session among them; slices of the files. */
struct sso_settings {
  struct str session; /* data is NULL in the legacy form */
  struct str start_url, region, role_name, account_id;
};

/* Where both have a setting they must agree. */
static bool session_setting(const struct search *search, const char *profile, struct str session,
                            const char *name, struct str *ret_value, struct error *error) {
  struct str own = profile_setting(search->files, profile, name);
  struct str shared = {NULL, 0};
  if (session.data) shared = profile_session_setting(search->files, session, name);
  if (own.data && shared.data && !str_equal(own, shared))
    return error_set(error, ERROR_DENIED, "%s of the AWS profile %s is not that of its sso-session",
                     name, profile);
  *ret_value = shared.data ? shared : own;
  if (ret_value->length > 0) return true;
  return error_set(error, ERROR_DENIED, "the AWS profile %s is for SSO, but has no %s", profile,
                   name);
}

static bool read_settings(const struct search *search, const char *profile,
                          struct sso_settings *settings, struct error *error) {
  settings->session = profile_setting(search->files, profile, "sso_session");
  if (settings->session.data &&
      (settings->session.length == 0 || !profile_session_exists(search->files, settings->session)))
    return error_set(error, ERROR_DENIED,
                     "the sso-session %.*s of the AWS profile %s does not exist in %s",
                     (int)settings->session.length, settings->session.data, profile,
                     search->config->aws.config_file);
  struct str session = settings->session;
  if (!session_setting(search, profile, session, "sso_role_name", &settings->role_name, error) ||
      !session_setting(search, profile, session, "sso_account_id", &settings->account_id, error) ||
      !session_setting(search, profile, session, "sso_start_url", &settings->start_url, error) ||
      !session_setting(search, profile, session, "sso_region", &settings->region, error))
    return false;
  if (search_is_region(settings->region)) return true;
  return error_set(error, ERROR_DENIED, "sso_region of the AWS profile %s is no region's name",
                   profile);
}

/* Where the AWS CLI keeps the token of a session, or of a start URL: ~/.aws/sso/cache/SHA1.json. */
static char *cache_path(const struct sso_settings *settings) {
  struct str key = settings->session.data ? settings->session : settings->start_url;
  unsigned char digest[EVP_MAX_MD_SIZE];
  struct buffer path = BUFFER_EMPTY;
  if (EVP_Digest(key.data, key.length, digest, NULL, EVP_sha1(), NULL) != 1) return NULL;
  buffer_append_text(&path, "~/.aws/sso/cache/");
  hex_append(&path, digest, SHA1_SIZE);
  buffer_append_text(&path, ".json");
  return buffer_take(&path);
}

/* URLs: https://HOST.REGION.DOMAIN unless the settings say otherwise. */
static void append_base(struct buffer *url, const char *custom, const char *host,
                        struct str region) {
  struct str base = str_from(custom);
  while (base.length > 0 && base.data[base.length - 1] == '/')
    base.length--;
  if (custom) {
    buffer_append_str(url, base);
    return;
  }
  bool china = str_starts_with(region, STR("cn-"));
  buffer_append_format(url, "https://%s.%.*s.%s", host, (int)region.length, region.data,
                       endpoint_domain(china ? "cn-" : ""));
}

static char *credentials_url(const struct search *search, const struct sso_settings *settings) {
  const struct config_aws *aws = &search->config->aws;
  struct buffer url = BUFFER_EMPTY;
  append_base(&url, aws->endpoint_sso ? aws->endpoint_sso : aws->endpoint, "portal.sso",
              settings->region);
  buffer_append_text(&url, "/federation/credentials?role_name=");
  percent_append(&url, settings->role_name);
  buffer_append_text(&url, "&account_id=");
  percent_append(&url, settings->account_id);
  return buffer_take(&url);
}

static char *renewal_url(const struct search *search, const struct sso_settings *settings) {
  const struct config_aws *aws = &search->config->aws;
  struct buffer url = BUFFER_EMPTY;
  append_base(&url, aws->endpoint_sso_oidc ? aws->endpoint_sso_oidc : aws->endpoint, "oidc",
              settings->region);
  buffer_append_text(&url, "/token");
  return buffer_take(&url);
}

static struct str json_text(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return (struct str){json_string_value(value), json_string_length(value)};
}

/* Prepares the renewal of a session's token, when it is near its end and can be renewed at all. */
static bool prepare_renewal(const struct search *search, const struct sso_settings *settings,
                            const json_t *token, struct aws_sso *sso, struct error *error) {
  int64_t now_us = clock_unix_us(), registered_until_us = 0;
  bool possible = settings->session.data && json_text(token, "refreshToken").length > 0 &&
                  json_text(token, "clientId").length > 0 &&
                  json_text(token, "clientSecret").length > 0 &&
                  expiry_parse(json_text(token, "registrationExpiresAt"), &registered_until_us) &&
                  registered_until_us > now_us;
  if (!possible || sso->expires_us - now_us >= RENEWAL_ADVANCE_US) return true;
  json_t *body = json_pack("{s:O,s:O,s:s,s:O}", "clientId", json_object_get(token, "clientId"),
                           "clientSecret", json_object_get(token, "clientSecret"), "grantType",
                           "refresh_token", "refreshToken", json_object_get(token, "refreshToken"));
  sso->renewal = json_dumps(body, JSON_COMPACT);
  json_decref(body);
  sso->cached = json_dumps(token, 0);
  sso->renewal_url = renewal_url(search, settings);
  if (sso->renewal && sso->cached && sso->renewal_url) return true;
  return error_set(error, ERROR_MEMORY, "out of memory");
}

static bool use_token(const struct search *search, const struct sso_settings *settings,
                      const json_t *token, struct aws_source *source, struct error *error) {
  struct aws_sso *sso = &source->sso;
  struct str access_token = json_text(token, "accessToken");
  if (access_token.length == 0 || !expiry_parse(json_text(token, "expiresAt"), &sso->expires_us))
    return error_set(error, ERROR_DENIED, "%s holds no SSO token: run aws sso login --profile %s",
                     sso->cache_path, sso->profile);
  if (!prepare_renewal(search, settings, token, sso, error)) return false;
  if (!sso->renewal && sso->expires_us <= clock_unix_us())
    return error_set(error, ERROR_DENIED,
                     "the SSO session of the AWS profile %s has expired: run aws sso login "
                     "--profile %s",
                     sso->profile, sso->profile);
  source->token = search_copy(access_token);
  return source->token || error_set(error, ERROR_MEMORY, "out of memory");
}

static bool read_token_file(const struct search *search, const struct sso_settings *settings,
                            struct aws_source *source, struct error *error) {
  struct aws_sso *sso = &source->sso;
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
  bool done = use_token(search, settings, token, source, error);
  secret_json_free(token);
  return done;
}

enum step step_sso(const struct search *search, const char *profile, struct aws_source *source,
                   struct error *error) {
  if (!profile_setting(search->files, profile, "sso_role_name").data &&
      !profile_setting(search->files, profile, "sso_account_id").data)
    return STEP_NONE;
  struct sso_settings settings;
  if (!read_settings(search, profile, &settings, error)) return STEP_FAILED;
  source->kind = AWS_SOURCE_SSO;
  source->url = credentials_url(search, &settings);
  source->sso.profile = strdup(profile);
  source->sso.cache_path = cache_path(&settings);
  if (!source->url || !source->sso.profile || !source->sso.cache_path)
    return step_fail(error, ERROR_MEMORY, "out of memory");
  return read_token_file(search, &settings, source, error) ? STEP_FOUND : STEP_FAILED;
}
