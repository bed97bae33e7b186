/* source.c: see source.h. */
#include "lib/aws/source.h"

#include "lib/aws/profile.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_LIMIT = 64 * 1024, SOURCE_SIZE = 80 };

static const char ECS_ADDRESS[] = "http://169.254.170.2";

struct aws_credentials {
  atomic_uint references;
  int64_t expires_us;
  char *access_key_id;
  char *secret_access_key;
  char *session_token;
  char source[SOURCE_SIZE];
};

static char *copy_text(struct str text) {
  return strndup(text.data ? text.data : "", text.length);
}

static void forget_text(char *secret) {
  if (secret) explicit_bzero(secret, strlen(secret));
  free(secret);
}

struct aws_credentials *aws_credentials_new(struct str access_key_id, struct str secret_access_key,
                                            struct str session_token, int64_t expires_us,
                                            const char *source) {
  struct aws_credentials *credentials = calloc(1, sizeof(*credentials));
  if (!credentials) return NULL;
  atomic_init(&credentials->references, 1);
  credentials->expires_us = expires_us;
  credentials->access_key_id = copy_text(access_key_id);
  credentials->secret_access_key = copy_text(secret_access_key);
  credentials->session_token = copy_text(session_token);
  snprintf(credentials->source, sizeof(credentials->source), "%s", source);
  if (credentials->access_key_id && credentials->secret_access_key && credentials->session_token)
    return credentials;
  aws_credentials_unref(credentials);
  return NULL;
}

struct aws_credentials *aws_credentials_ref(struct aws_credentials *credentials) {
  atomic_fetch_add_explicit(&credentials->references, 1, memory_order_relaxed);
  return credentials;
}

void aws_credentials_unref(struct aws_credentials *credentials) {
  if (!credentials) return;
  if (atomic_fetch_sub_explicit(&credentials->references, 1, memory_order_acq_rel) > 1) return;
  free(credentials->access_key_id);
  forget_text(credentials->secret_access_key);
  forget_text(credentials->session_token);
  free(credentials);
}

const char *aws_credentials_access_key_id(const struct aws_credentials *credentials) {
  return credentials->access_key_id;
}

const char *aws_credentials_secret_access_key(const struct aws_credentials *credentials) {
  return credentials->secret_access_key;
}

const char *aws_credentials_session_token(const struct aws_credentials *credentials) {
  return credentials->session_token;
}

const char *aws_credentials_source(const struct aws_credentials *credentials) {
  return credentials->source;
}

int64_t aws_credentials_expires_us(const struct aws_credentials *credentials) {
  return credentials->expires_us;
}

/* What each step of the search says. */
enum step { STEP_FOUND, STEP_NONE, STEP_FAILED };

static enum step found_fixed(struct aws_source *source, struct str id, struct str secret,
                             struct str token, const char *name, struct error *error) {
  source->kind = AWS_SOURCE_FIXED;
  source->fixed = aws_credentials_new(id, secret, token, 0, name);
  if (source->fixed) return STEP_FOUND;
  error_set(error, ERROR_MEMORY, "out of memory");
  return STEP_FAILED;
}

static enum step try_environment(const struct config *config, struct aws_source *source,
                                 struct error *error) {
  if (!config->aws.access_key_id) return STEP_NONE;
  if (!config->aws.secret_access_key) {
    error_set(error, ERROR_DENIED, "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    return STEP_FAILED;
  }
  return found_fixed(source, str_from(config->aws.access_key_id),
                     str_from(config->aws.secret_access_key), str_from(config->aws.session_token),
                     "environment", error);
}

/* A file's whole text, without white space around it, which must be there. */
static char *read_token(const char *path, struct error *error) {
  struct buffer text = BUFFER_EMPTY;
  if (!profile_read_file(path, TOKEN_LIMIT, &text, error)) {
    error->kind = ERROR_DENIED;
    return NULL;
  }
  struct str token = buffer_str(&text);
  while (token.length > 0 && strchr(" \t\r\n", token.data[token.length - 1]))
    token.length--;
  char *copy = token.length > 0 ? copy_text(token) : NULL;
  if (token.length == 0) error_set(error, ERROR_DENIED, "%s is empty", path);
  if (text.data) explicit_bzero(text.data, text.length);
  buffer_free(&text);
  return copy;
}

/* The environment's setting, else the profile's. */
static char *setting_or_profile(const char *setting, const struct profile_files *files,
                                const char *profile, struct str name) {
  if (setting) return strdup(setting);
  struct str value = profile_find(buffer_str(&files->config), true, profile, name);
  if (value.length == 0)
    value = profile_find(buffer_str(&files->credentials), false, profile, name);
  return value.length > 0 ? copy_text(value) : NULL;
}

static enum step try_web_identity(const struct config *config, const struct profile_files *files,
                                  struct aws_source *source, struct error *error) {
  const char *profile = config->aws.profile;
  char *file = setting_or_profile(config->aws.web_identity_token_file, files, profile,
                                  STR("web_identity_token_file"));
  if (!file) return STEP_NONE;
  source->kind = AWS_SOURCE_WEB_IDENTITY;
  source->role_arn = setting_or_profile(config->aws.role_arn, files, profile, STR("role_arn"));
  source->session_name =
      setting_or_profile(config->aws.role_session_name, files, profile, STR("role_session_name"));
  if (source->role_arn)
    source->token = read_token(file, error);
  else
    error_set(error, ERROR_DENIED,
              "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN, the role to assume, is not");
  free(file);
  return source->token ? STEP_FOUND : STEP_FAILED;
}

/* What the SDKs know and this program does not: better said than passed over in silence, at the
 * place in the order where they would have used it. */
static enum step refuse_setting(const struct config *config, const struct profile_files *files,
                                const char *name, struct error *error) {
  const char *profile = config->aws.profile;
  struct str key = str_from(name);
  if (!profile_find(buffer_str(&files->config), true, profile, key).data &&
      !profile_find(buffer_str(&files->credentials), false, profile, key).data)
    return STEP_NONE;
  error_set(error, ERROR_DENIED,
            "the AWS profile %s gets its credentials by %s, which cruddur does not do; give it "
            "keys, or export them (aws configure export-credentials --format env)",
            profile, name);
  return STEP_FAILED;
}

static enum step try_keys(struct str text, bool is_config_file, const char *profile,
                          struct aws_source *source, struct error *error) {
  struct str id = profile_find(text, is_config_file, profile, STR("aws_access_key_id"));
  if (id.length == 0) return STEP_NONE;
  struct str secret = profile_find(text, is_config_file, profile, STR("aws_secret_access_key"));
  struct str token = profile_find(text, is_config_file, profile, STR("aws_session_token"));
  if (token.length == 0)
    token = profile_find(text, is_config_file, profile, STR("aws_security_token"));
  if (secret.length == 0) {
    error_set(error, ERROR_DENIED,
              "the AWS profile %s has an aws_access_key_id, but no aws_secret_access_key", profile);
    return STEP_FAILED;
  }
  char name[SOURCE_SIZE];
  snprintf(name, sizeof(name), "profile %s", profile);
  return found_fixed(source, id, secret, token, name, error);
}

/* The steps of a profile, in order. A profile that somebody asked for by name must be there. */
static enum step try_profile(const struct config *config, const struct profile_files *files,
                             struct aws_source *source, struct error *error) {
  const char *profile = config->aws.profile;
  struct str credentials = buffer_str(&files->credentials), settings = buffer_str(&files->config);
  enum step step = refuse_setting(config, files, "source_profile", error);
  if (step == STEP_NONE) step = refuse_setting(config, files, "credential_source", error);
  if (step == STEP_NONE) step = try_web_identity(config, files, source, error);
  if (step == STEP_NONE) step = refuse_setting(config, files, "sso_session", error);
  if (step == STEP_NONE) step = refuse_setting(config, files, "sso_start_url", error);
  if (step == STEP_NONE) step = try_keys(credentials, false, profile, source, error);
  if (step == STEP_NONE) step = refuse_setting(config, files, "credential_process", error);
  if (step == STEP_NONE) step = try_keys(settings, true, profile, source, error);
  if (step != STEP_NONE) return step;
  if (strcmp(profile, "default") == 0 || profile_exists(credentials, false, profile) ||
      profile_exists(settings, true, profile))
    return STEP_NONE;
  error_set(error, ERROR_DENIED, "the AWS profile %s (AWS_PROFILE) is neither in %s nor in %s",
            profile, config->aws.credentials_file, config->aws.config_file);
  return STEP_FAILED;
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

static enum step try_container(const struct config *config, struct aws_source *source,
                               struct error *error) {
  const char *relative = config->aws.container_relative_uri;
  const char *full = config->aws.container_full_uri;
  if (!relative && !full) return STEP_NONE;
  source->kind = AWS_SOURCE_CONTAINER;
  if (relative &&
      asprintf(&source->url, "%s%s%s", ECS_ADDRESS, *relative == '/' ? "" : "/", relative) < 0)
    source->url = NULL;
  if (!relative) source->url = strdup(full);
  if (!source->url) {
    error_set(error, ERROR_MEMORY, "out of memory");
    return STEP_FAILED;
  }
  if (!is_local_url(source->url)) {
    error_set(error, ERROR_DENIED,
              "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https:, or http: on this machine or on "
              "the address that ECS or EKS gives");
    return STEP_FAILED;
  }
  if (config->aws.container_token_file) {
    source->token = read_token(config->aws.container_token_file, error);
    return source->token ? STEP_FOUND : STEP_FAILED;
  }
  if (config->aws.container_token) source->token = strdup(config->aws.container_token);
  return STEP_FOUND;
}

static enum step try_instance(const struct config *config, struct aws_source *source,
                              struct error *error) {
  if (config->aws.metadata_disabled) return STEP_NONE;
  struct str url = str_from(config->aws.metadata_endpoint);
  while (url.length > 0 && url.data[url.length - 1] == '/')
    url.length--;
  source->kind = AWS_SOURCE_INSTANCE;
  source->url = copy_text(url);
  if (source->url) return STEP_FOUND;
  error_set(error, ERROR_MEMORY, "out of memory");
  return STEP_FAILED;
}

static enum step try_all(const struct config *config, struct aws_source *source,
                         struct error *error) {
  enum step step = try_environment(config, source, error);
  if (step != STEP_NONE) return step;
  struct profile_files files;
  if (!profile_files_read(config, &files, error)) return STEP_FAILED;
  step = try_profile(config, &files, source, error);
  profile_files_free(&files);
  if (step == STEP_NONE) step = try_container(config, source, error);
  if (step == STEP_NONE) step = try_instance(config, source, error);
  if (step == STEP_NONE)
    error_set(error, ERROR_DENIED,
              "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile");
  return step;
}

bool aws_source_choose(const struct config *config, struct aws_source *ret_source,
                       struct error *error) {
  struct aws_source source = {0};
  if (try_all(config, &source, error) != STEP_FOUND) {
    aws_source_free(&source);
    return false;
  }
  *ret_source = source;
  return true;
}

void aws_source_free(struct aws_source *source) {
  aws_credentials_unref(source->fixed);
  free(source->url);
  forget_text(source->token);
  free(source->role_arn);
  free(source->session_name);
  *source = (struct aws_source){0};
}
