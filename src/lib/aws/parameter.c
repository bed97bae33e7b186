/* parameter.c: see parameter.h. */
#include "lib/aws/parameter.h"

#include "lib/aws/session.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_LIMIT = 64 * 1024 }; /* a value has 8 KiB at most */

struct reading {
  char *value;
  struct error error;
  bool done;
};

static void take_value(struct reading *reading, struct str body) {
  json_t *answer = json_loadb(body.data ? body.data : "", body.length, 0, NULL);
  const char *text =
      json_string_value(json_object_get(json_object_get(answer, "Parameter"), "Value"));
  size_t length = text ? strlen(text) : 0;
  while (length > 0 && isspace((unsigned char)text[length - 1]))
    length--;
  if (length > 0) reading->value = strndup(text, length);
  if (!text)
    error_set(&reading->error, ERROR_INTERNAL, "Parameter Store GetParameter: no value came");
  else if (length == 0)
    error_set(&reading->error, ERROR_INVALID, "Parameter Store GetParameter: the value is empty");
  else if (!reading->value)
    error_set(&reading->error, ERROR_MEMORY, "out of memory");
  json_decref(answer);
}

static void on_answer(const struct aws_response *response, void *argument) {
  struct reading *reading = argument;
  if (response->error)
    reading->error = *response->error;
  else
    take_value(reading, response->body);
  reading->done = true;
}

static bool ask(struct aws_client *client, const char *name, uint64_t deadline_ms,
                struct reading *reading) {
  json_t *input = json_pack("{s:s,s:b}", "Name", name, "WithDecryption", 1);
  char *text = json_dumps(input, JSON_COMPACT);
  const struct aws_request request = {
      .service = AWS_PARAMETER_STORE,
      .operation = "GetParameter",
      .body = str_from(text ? text : ""),
      .deadline_ms = deadline_ms,
      .response_limit = ANSWER_LIMIT,
      .repeatable = true,
  };
  bool started = text && aws_call(client, &request, on_answer, reading);
  free(text);
  json_decref(input);
  return started;
}

bool parameter_read(const struct config *config, const char *name, uint64_t deadline_ms,
                    char **ret_value, struct error *error) {
  _cleanup_(aws_session_close_p) struct aws_session *session = NULL;
  if (!aws_session_open(config, &session, error)) return false;
  struct reading reading = {0};
  if (!ask(aws_session_client(session), name, deadline_ms, &reading))
    return error_set(error, ERROR_MEMORY, "Parameter Store: '%s' is no name, or memory is out",
                     name);
  aws_session_wait(session, &reading.done);
  if (!reading.value) {
    *error = reading.error;
    return false;
  }
  *ret_value = reading.value;
  return true;
}
