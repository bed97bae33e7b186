/* credential_process.c: credential_process: a program that prints credentials as JSON. What it is
 * given is shown to nobody: people put secrets there. */
#include "lib/aws/credentials/process_words.h"
#include "lib/aws/credentials/program.h"
#include "lib/aws/credentials/sources.h"
#include "lib/aws/secret.h"
#include "lib/base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60 * 1000 };

/* --- What it prints --- */

/* Why an answer is no good; NULL: it is. */
static const char *find_fault(const json_t *answer, int64_t *ret_expires_us) {
  const json_t *version = json_object_get(answer, "Version");
  const json_t *expiration = json_object_get(answer, "Expiration");
  *ret_expires_us = 0;
  if (!json_is_integer(version) || json_integer_value(version) != 1)
    return "must print a JSON object with \"Version\": 1";
  if (credentials_ask_text(answer, "AccessKeyId").length == 0 ||
      credentials_ask_text(answer, "SecretAccessKey").length == 0)
    return "printed no AccessKeyId, or no SecretAccessKey";
  if (expiration && !json_is_null(expiration) &&
      !time_parse_rfc3339(credentials_ask_text(answer, "Expiration"), TIME_OFFSET_LOOSE,
                          ret_expires_us))
    return "printed an Expiration that is no time, such as 2023-05-20T23:44:59Z";
  return NULL;
}

static void read_answer(struct credentials_ask *ask, const json_t *answer) {
  char name[AWS_CREDENTIALS_SOURCE_SIZE], complaint[ERROR_MESSAGE_SIZE];
  struct credentials_answer given = {.id = credentials_ask_text(answer, "AccessKeyId"),
                                     .secret = credentials_ask_text(answer, "SecretAccessKey"),
                                     .token = credentials_ask_text(answer, "SessionToken")};
  const char *fault = find_fault(answer, &given.expires_us);
  if (fault) {
    credentials_ask_fail(ask, ERROR_DENIED, "credential_process of the AWS profile %s %s",
                         ask->process_profile, fault);
    return;
  }
  snprintf(name, sizeof(name), "credential_process of profile %s", ask->process_profile);
  snprintf(complaint, sizeof(complaint),
           "credential_process of the AWS profile %.200s printed keys that cannot be used",
           ask->process_profile);
  credentials_ask_finish(ask, &given, 0, name, complaint);
}

static void on_output(struct str output, const struct error *error, void *argument) {
  struct credentials_ask *ask = argument;
  ask->process = NULL;
  if (error) {
    credentials_ask_fail(ask, error->kind, "credential_process of the AWS profile %s: %s",
                         ask->process_profile, error->message);
    return;
  }
  json_t *answer = json_loadb(output.data ? output.data : "", output.length, 0, NULL);
  read_answer(ask, answer);
  secret_json_free(answer);
}

/* --- Asking and finding --- */

static void cancel(struct credentials_ask *ask) {
  if (ask->process) program_cancel(ask->process);
}

static bool start(struct credentials_ask *ask, struct error *error) {
  ask->cancel = cancel;
  ask->process = program_start(ask->loop, ask->words, TIMEOUT_MS, on_output, ask, error);
  return ask->process ||
         error_prefix(error, "credential_process of the AWS profile %s", ask->process_profile);
}

enum credentials_step credential_process_find(const struct credentials_search *search,
                                              struct credentials_ask *ask, struct error *error) {
  struct str line = profile_setting(search->files, search->profile, "credential_process");
  if (!line.data) return STEP_NONE;
  ask->start = start;
  ask->process_profile = strdup(search->profile);
  if (!ask->process_profile) return credentials_ask_refuse(error, ERROR_MEMORY, "out of memory");
  if (process_words_split(line, &ask->words, error)) return STEP_FOUND;
  if (error->kind == ERROR_INVALID) error->kind = ERROR_DENIED;
  error_prefix(error, "credential_process of the AWS profile %s", search->profile);
  return STEP_FAILED;
}
