/* source_process.c: credential_process: a program that prints credentials as JSON. What it is given
 * is shown to nobody: people put secrets there. */
#include "lib/aws/command.h"
#include "lib/aws/expiry.h"
#include "lib/aws/search.h"
#include "lib/aws/secret.h"
#include "lib/base/cleanup.h"

#include <stdio.h>

enum { PROCESS_TIMEOUT_MS = 60 * 1000 };

static struct str json_text(const json_t *object, const char *name) {
  const json_t *value = json_object_get(object, name);
  return (struct str){json_string_value(value), json_string_length(value)};
}

static enum step read_answer(const json_t *answer, const char *profile, struct aws_source *source,
                             struct error *error) {
  const json_t *version = json_object_get(answer, "Version");
  if (!json_is_integer(version) || json_integer_value(version) != 1)
    return step_fail(error, ERROR_DENIED,
                     "credential_process of the AWS profile %s must print a JSON object with "
                     "\"Version\": 1",
                     profile);
  struct str id = json_text(answer, "AccessKeyId"), secret = json_text(answer, "SecretAccessKey");
  if (id.length == 0 || secret.length == 0)
    return step_fail(error, ERROR_DENIED,
                     "credential_process of the AWS profile %s printed no AccessKeyId, or no "
                     "SecretAccessKey",
                     profile);
  const json_t *expiration = json_object_get(answer, "Expiration");
  int64_t expires_us = 0;
  if (expiration && !json_is_null(expiration) &&
      !expiry_parse(json_text(answer, "Expiration"), &expires_us))
    return step_fail(error, ERROR_DENIED,
                     "credential_process of the AWS profile %s printed an Expiration that is no "
                     "time, such as 2023-05-20T23:44:59Z",
                     profile);
  char name[SOURCE_NAME_SIZE];
  snprintf(name, sizeof(name), "credential_process of profile %s", profile);
  return step_found_fixed(
      source, aws_credentials_new(id, secret, json_text(answer, "SessionToken"), expires_us, name),
      error);
}

enum step step_process(const struct search *search, const char *profile, struct aws_source *source,
                       struct error *error) {
  struct str line = profile_setting(search->files, profile, "credential_process");
  if (!line.data) return STEP_NONE;
  _cleanup_free_ char **words = NULL;
  struct buffer output = BUFFER_EMPTY;
  bool done = command_split(line, &words, error) &&
              command_run(words, PROCESS_TIMEOUT_MS, search->cancel_fd, &output, error);
  enum step step = STEP_FAILED;
  if (done) {
    json_t *answer = json_loadb(output.data, output.length, 0, NULL);
    step = read_answer(answer, profile, source, error);
    secret_json_free(answer);
  } else {
    if (error->kind == ERROR_INVALID) error->kind = ERROR_DENIED;
    error_prefix(error, "credential_process of the AWS profile %s", profile);
  }
  secret_buffer_free(&output);
  return step;
}
