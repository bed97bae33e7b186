/* credential_process.c: credential_process: a program that prints credentials as JSON. What it is
 * given is shown to nobody: people put secrets there. */
#include "lib/aws/credentials/program.h"
#include "lib/aws/credentials/sources.h"
#include "lib/aws/secret.h"
#include "lib/base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 60 * 1000 };

/* --- Words --- */

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Where a line is being read, and where its words are written. */
struct process_splitter {
  struct str rest;
  char *place;
};

static char take_byte(struct process_splitter *splitter) {
  splitter->rest.length--;
  return *splitter->rest.data++;
}

/* What stands between quotes; the first one was taken. */
static bool copy_quoted(struct process_splitter *splitter, char quote, struct error *error) {
  while (splitter->rest.length > 0) {
    char byte = take_byte(splitter);
    if (byte == quote) return true;
    bool escapes = byte == '\\' && quote == '"' && splitter->rest.length > 0 &&
                   strchr("\"\\", *splitter->rest.data);
    *splitter->place++ = escapes ? take_byte(splitter) : byte;
  }
  return error_set(error, ERROR_INVALID, "a quote is not closed");
}

/* One word, whose first byte is no blank. */
static bool copy_word(struct process_splitter *splitter, struct error *error) {
  while (splitter->rest.length > 0 && !is_blank(*splitter->rest.data)) {
    char byte = take_byte(splitter);
    if (byte == '\'' || byte == '"') {
      if (!copy_quoted(splitter, byte, error)) return false;
    } else if (byte == '\\' && splitter->rest.length == 0) {
      return error_set(error, ERROR_INVALID, "nothing follows the last backslash");
    } else {
      *splitter->place++ = byte == '\\' ? take_byte(splitter) : byte;
    }
  }
  *splitter->place++ = '\0';
  return true;
}

static bool copy_words(struct process_splitter *splitter, char **words, struct error *error) {
  size_t count = 0;
  for (;;) {
    while (splitter->rest.length > 0 && is_blank(*splitter->rest.data))
      take_byte(splitter);
    if (splitter->rest.length == 0) break;
    if (count == CREDENTIAL_PROCESS_WORDS_LIMIT)
      return error_set(error, ERROR_INVALID, "it has more than %d words",
                       CREDENTIAL_PROCESS_WORDS_LIMIT);
    words[count++] = splitter->place;
    if (!copy_word(splitter, error)) return false;
  }
  words[count] = NULL;
  return count > 0 || error_set(error, ERROR_INVALID, "it is empty");
}

bool credential_process_split(struct str line, char ***ret_words, struct error *error) {
  if (line.length > CREDENTIAL_PROCESS_LINE_LIMIT ||
      (line.length > 0 && memchr(line.data, '\0', line.length)))
    return error_set(error, ERROR_INVALID, "it is too long, or has a NUL in it");
  /* A word is no longer than what it was, and the byte after it pays for its NUL. */
  size_t pointers = (CREDENTIAL_PROCESS_WORDS_LIMIT + 1) * sizeof(char *);
  char **words = malloc(pointers + line.length + 1);
  if (!words) return error_set(error, ERROR_MEMORY, "out of memory");
  struct process_splitter splitter = {line, (char *)words + pointers};
  if (!copy_words(&splitter, words, error)) {
    free(words);
    return false;
  }
  *ret_words = words;
  return true;
}

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
  if (credential_process_split(line, &ask->words, error)) return STEP_FOUND;
  if (error->kind == ERROR_INVALID) error->kind = ERROR_DENIED;
  error_prefix(error, "credential_process of the AWS profile %s", search->profile);
  return STEP_FAILED;
}
