/* source.c: see source.h: credentials as a thing, the order of the search, and the steps that need
 * no profile. */
#include "lib/aws/source.h"

#include "lib/aws/search.h"
#include "lib/aws/secret.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_LIMIT = 64 * 1024 };

static const char ECS_ADDRESS[] = "http://169.254.170.2";

struct aws_credentials {
  atomic_uint references;
  int64_t expires_us;
  char *access_key_id;
  char *secret_access_key;
  char *session_token;
  char source[SOURCE_NAME_SIZE];
};

char *search_copy(struct str text) {
  return strndup(text.data ? text.data : "", text.length);
}

struct aws_credentials *aws_credentials_new(struct str access_key_id, struct str secret_access_key,
                                            struct str session_token, int64_t expires_us,
                                            const char *source) {
  struct aws_credentials *credentials = calloc(1, sizeof(*credentials));
  if (!credentials) return NULL;
  atomic_init(&credentials->references, 1);
  credentials->expires_us = expires_us;
  credentials->access_key_id = search_copy(access_key_id);
  credentials->secret_access_key = search_copy(secret_access_key);
  credentials->session_token = search_copy(session_token);
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
  secret_free(credentials->secret_access_key);
  secret_free(credentials->session_token);
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

enum step step_fail(struct error *error, enum error_kind kind, const char *format, ...) {
  char sentence[ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof(sentence), format, arguments);
  va_end(arguments);
  error_set(error, kind, "%s", sentence);
  return STEP_FAILED;
}

enum step step_found_fixed(struct aws_source *source, struct aws_credentials *credentials,
                           struct error *error) {
  if (!credentials) return step_fail(error, ERROR_MEMORY, "out of memory");
  source->kind = AWS_SOURCE_FIXED;
  source->fixed = credentials;
  return STEP_FOUND;
}

enum step step_environment(const struct search *search, struct aws_source *source,
                           struct error *error) {
  const struct config *config = search->config;
  if (!config->aws.access_key_id) return STEP_NONE;
  if (!config->aws.secret_access_key)
    return step_fail(error, ERROR_DENIED,
                     "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
  return step_found_fixed(source,
                          aws_credentials_new(str_from(config->aws.access_key_id),
                                              str_from(config->aws.secret_access_key),
                                              str_from(config->aws.session_token), 0,
                                              "environment"),
                          error);
}

char *search_read_token(const char *path, struct error *error) {
  struct buffer text = BUFFER_EMPTY;
  if (!profile_read_file(path, TOKEN_LIMIT, &text, error)) {
    error->kind = ERROR_DENIED;
    return NULL;
  }
  struct str token = buffer_str(&text);
  while (token.length > 0 && strchr(" \t\r\n", token.data[token.length - 1]))
    token.length--;
  char *copy = token.length > 0 ? search_copy(token) : NULL;
  if (token.length == 0)
    error_set(error, ERROR_DENIED, "%s is empty", path);
  else if (!copy)
    error_set(error, ERROR_MEMORY, "out of memory");
  secret_buffer_free(&text);
  return copy;
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

enum step step_container(const struct search *search, struct aws_source *source,
                         struct error *error) {
  const struct config *config = search->config;
  const char *relative = config->aws.container_relative_uri;
  const char *full = config->aws.container_full_uri;
  if (!relative && !full) return STEP_NONE;
  source->kind = AWS_SOURCE_CONTAINER;
  if (relative &&
      asprintf(&source->url, "%s%s%s", ECS_ADDRESS, *relative == '/' ? "" : "/", relative) < 0)
    source->url = NULL;
  if (!relative) source->url = strdup(full);
  if (!source->url) return step_fail(error, ERROR_MEMORY, "out of memory");
  if (!is_local_url(source->url))
    return step_fail(error, ERROR_DENIED,
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https:, or http: on this machine "
                     "or on the address that ECS or EKS gives");
  if (config->aws.container_token_file) {
    source->token = search_read_token(config->aws.container_token_file, error);
    return source->token ? STEP_FOUND : STEP_FAILED;
  }
  if (config->aws.container_token) source->token = strdup(config->aws.container_token);
  return STEP_FOUND;
}

enum step step_instance(const struct search *search, struct aws_source *source,
                        struct error *error) {
  const struct config *config = search->config;
  if (config->aws.metadata_disabled) return STEP_NONE;
  struct str url = str_from(config->aws.metadata_endpoint);
  while (url.length > 0 && url.data[url.length - 1] == '/')
    url.length--;
  source->kind = AWS_SOURCE_INSTANCE;
  source->url = search_copy(url);
  if (source->url) return STEP_FOUND;
  return step_fail(error, ERROR_MEMORY, "out of memory");
}

/* The steps in order. A profile that somebody asked for by name must be there. */
static enum step search_files(const struct search *search, struct aws_source *source,
                              struct error *error) {
  const struct config *config = search->config;
  const char *profile = config->aws.profile;
  enum step step = step_role(search, profile, source, error);
  if (step == STEP_NONE) step = step_profile(search, profile, true, source, error);
  if (step != STEP_NONE || strcmp(profile, "default") == 0 ||
      profile_exists(search->files, profile))
    return step;
  return step_fail(error, ERROR_DENIED,
                   "the AWS profile %s (AWS_PROFILE) is neither in %s nor in %s", profile,
                   config->aws.credentials_file, config->aws.config_file);
}

static enum step search_all(struct search *search, struct aws_source *source, struct error *error) {
  enum step step = step_environment(search, source, error);
  if (step != STEP_NONE) return step;
  struct profile_files files;
  if (!profile_files_read(search->config, &files, error)) return STEP_FAILED;
  search->files = &files;
  step = search_files(search, source, error);
  profile_files_free(&files);
  search->files = NULL;
  if (step == STEP_NONE) step = step_container(search, source, error);
  if (step == STEP_NONE) step = step_instance(search, source, error);
  if (step == STEP_NONE)
    error_set(error, ERROR_DENIED,
              "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile");
  return step;
}

bool aws_source_choose(const struct config *config, int cancel_fd, struct aws_source *ret_source,
                       struct error *error) {
  struct aws_source source = {0};
  struct search search = {.config = config, .cancel_fd = cancel_fd};
  if (search_all(&search, &source, error) != STEP_FOUND) {
    aws_source_free(&source);
    return false;
  }
  *ret_source = source;
  return true;
}

static void role_free(struct aws_role *role) {
  free(role->arn);
  free(role->session_name);
  secret_free(role->external_id);
  free(role->profile);
}

static void sso_free(struct aws_sso *sso) {
  free(sso->profile);
  free(sso->renewal_url);
  secret_free(sso->renewal);
  free(sso->cache_path);
  secret_free(sso->cached);
}

void aws_source_free(struct aws_source *source) {
  aws_credentials_unref(source->fixed);
  free(source->url);
  secret_free(source->token);
  free(source->role_arn);
  free(source->session_name);
  sso_free(&source->sso);
  endpoint_free(&source->sts.endpoint);
  free(source->sts.region);
  for (unsigned i = 0; i < source->role_count; i++)
    role_free(&source->roles[i]);
  *source = (struct aws_source){0};
}
