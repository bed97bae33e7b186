/* static_keys.c: keys as somebody wrote them down: in the environment, or in a profile of the SDKs'
 * files. They do not expire. */
#include "lib/aws/credentials/sources.h"

#include <stdio.h>

/* A secret that was pasted with its line's end signs wrongly, and AWS does not say why. */
static bool is_clean(struct str text) {
  for (size_t i = 0; i < text.length; i++)
    if (text.data[i] <= ' ' || text.data[i] > '~') return false;
  return true;
}

static enum credentials_step refuse_unclean(const char *name, const char *source,
                                            struct error *error) {
  return credentials_ask_refuse(error, ERROR_DENIED,
                                "%s (%s) holds a blank, a newline or another character that no key "
                                "has: it was probably pasted with its line's end",
                                name, source);
}

enum credentials_step static_keys_find_environment(const struct credentials_search *search,
                                                   struct credentials_ask *ask,
                                                   struct error *error) {
  const struct config_aws *aws = &search->config->aws;
  if (!aws->access_key_id) return STEP_NONE;
  if (!aws->secret_access_key)
    return credentials_ask_refuse(error, ERROR_DENIED,
                                  "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
  if (!is_clean(str_from(aws->access_key_id)))
    return refuse_unclean("AWS_ACCESS_KEY_ID", "environment", error);
  if (!is_clean(str_from(aws->secret_access_key)))
    return refuse_unclean("AWS_SECRET_ACCESS_KEY", "environment", error);
  if (aws->session_token && !is_clean(str_from(aws->session_token)))
    return refuse_unclean("AWS_SESSION_TOKEN", "environment", error);
  return credentials_ask_has(ask,
                             aws_credentials_new(str_from(aws->access_key_id),
                                                 str_from(aws->secret_access_key),
                                                 str_from(aws->session_token), 0, "environment"),
                             error);
}

static enum credentials_step find_in_file(struct str text, bool is_config_file, const char *profile,
                                          struct credentials_ask *ask, struct error *error) {
  struct str id = profile_find(text, is_config_file, profile, STR("aws_access_key_id"));
  if (id.length == 0) return STEP_NONE;
  struct str secret = profile_find(text, is_config_file, profile, STR("aws_secret_access_key"));
  struct str token = profile_find(text, is_config_file, profile, STR("aws_session_token"));
  if (token.length == 0)
    token = profile_find(text, is_config_file, profile, STR("aws_security_token"));
  if (secret.length == 0)
    return credentials_ask_refuse(
        error, ERROR_DENIED,
        "the AWS profile %s has an aws_access_key_id, but no aws_secret_access_key", profile);
  char name[AWS_CREDENTIALS_SOURCE_SIZE];
  snprintf(name, sizeof(name), "profile %s", profile);
  if (!is_clean(id)) return refuse_unclean("aws_access_key_id", name, error);
  if (!is_clean(secret)) return refuse_unclean("aws_secret_access_key", name, error);
  return credentials_ask_has(ask, aws_credentials_new(id, secret, token, 0, name), error);
}

enum credentials_step static_keys_find_credentials(const struct credentials_search *search,
                                                   struct credentials_ask *ask,
                                                   struct error *error) {
  return find_in_file(buffer_str(&search->files->credentials), false, search->profile, ask, error);
}

enum credentials_step static_keys_find_config(const struct credentials_search *search,
                                              struct credentials_ask *ask, struct error *error) {
  return find_in_file(buffer_str(&search->files->config), true, search->profile, ask, error);
}
