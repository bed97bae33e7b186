/* source_profile.c: what a profile says about credentials, in botocore's order: web identity, SSO,
 * keys of the credentials file, a program, keys of the config file. */
#include "lib/aws/search.h"
#include "lib/base/cleanup.h"

#include <stdio.h>
#include <string.h>

/* The environment's setting, else the profile's; the caller's. */
static char *setting_or_profile(const struct search *search, const char *setting,
                                const char *profile, const char *name) {
  if (setting) return strdup(setting);
  struct str value = profile_setting(search->files, profile, name);
  return value.length > 0 ? search_copy(value) : NULL;
}

static enum step step_web_identity(const struct search *search, const char *profile,
                                   bool environment_too, struct aws_source *source,
                                   struct error *error) {
  static const struct config_aws NOTHING;
  const struct config_aws *settings = environment_too ? &search->config->aws : &NOTHING;
  _cleanup_free_ char *file = setting_or_profile(search, settings->web_identity_token_file, profile,
                                                 "web_identity_token_file");
  if (!file) return STEP_NONE;
  source->kind = AWS_SOURCE_WEB_IDENTITY;
  source->role_arn = setting_or_profile(search, settings->role_arn, profile, "role_arn");
  source->session_name =
      setting_or_profile(search, settings->role_session_name, profile, "role_session_name");
  if (!source->role_arn)
    return step_fail(error, ERROR_DENIED,
                     "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN, the role to assume, "
                     "is not");
  source->token = search_read_token(file, error);
  if (!source->token || !search_sts(search, source, error)) return STEP_FAILED;
  return STEP_FOUND;
}

static enum step step_keys(struct str text, bool is_config_file, const char *profile,
                           struct aws_source *source, struct error *error) {
  struct str id = profile_find(text, is_config_file, profile, STR("aws_access_key_id"));
  if (id.length == 0) return STEP_NONE;
  struct str secret = profile_find(text, is_config_file, profile, STR("aws_secret_access_key"));
  struct str token = profile_find(text, is_config_file, profile, STR("aws_session_token"));
  if (token.length == 0)
    token = profile_find(text, is_config_file, profile, STR("aws_security_token"));
  if (secret.length == 0)
    return step_fail(error, ERROR_DENIED,
                     "the AWS profile %s has an aws_access_key_id, but no aws_secret_access_key",
                     profile);
  char name[SOURCE_NAME_SIZE];
  snprintf(name, sizeof(name), "profile %s", profile);
  return step_found_fixed(source, aws_credentials_new(id, secret, token, 0, name), error);
}

enum step step_profile(const struct search *search, const char *profile, bool environment_too,
                       struct aws_source *source, struct error *error) {
  const struct profile_files *files = search->files;
  enum step step = step_web_identity(search, profile, environment_too, source, error);
  if (step == STEP_NONE) step = step_sso(search, profile, source, error);
  if (step == STEP_NONE)
    step = step_keys(buffer_str(&files->credentials), false, profile, source, error);
  if (step == STEP_NONE) step = step_process(search, profile, source, error);
  if (step == STEP_NONE) step = step_keys(buffer_str(&files->config), true, profile, source, error);
  return step;
}
