/* parameter.c: see parameter.h. */
#include "lib/aws/services/parameter.h"

#include "lib/aws/aws_session.h"
#include "lib/aws/secret.h"
#include "lib/base/cleanup.h"

#include <ctype.h>
#include <string.h>

enum { ANSWER_LIMIT = 64 * 1024 }; /* a value has 8 KiB at most */

/* The value, without white space at its end; NULL with an error where there is none. */
static char *copy_value(const json_t *output, struct error *error) {
  const char *text =
      json_string_value(json_object_get(json_object_get(output, "Parameter"), "Value"));
  size_t length = text ? strlen(text) : 0;
  while (length > 0 && isspace((unsigned char)text[length - 1]))
    length--;
  char *value = length > 0 ? strndup(text, length) : NULL;
  if (!text)
    error_set(error, ERROR_INTERNAL, "Parameter Store GetParameter: no value came");
  else if (length == 0)
    error_set(error, ERROR_INVALID, "Parameter Store GetParameter: the value is empty");
  else if (!value)
    error_set(error, ERROR_MEMORY, "out of memory");
  return value;
}

bool parameter_read(const struct config *config, const char *name, uint64_t deadline_ms,
                    char **ret_value, struct error *error) {
  const struct aws_request request = {.service = AWS_PARAMETER_STORE,
                                      .operation = "GetParameter",
                                      .deadline_ms = deadline_ms,
                                      .response_limit = ANSWER_LIMIT,
                                      .repeatable = true};
  _cleanup_(aws_session_close) struct aws_session session = {0};
  if (!aws_session_open(&session, config, error)) return false;
  json_t *input = json_pack("{s:s,s:b}", "Name", name, "WithDecryption", 1);
  json_t *output = aws_session_json(&session, &request, input, error);
  char *value = output ? copy_value(output, error) : NULL;
  secret_json_free(output);
  if (value) *ret_value = value;
  return value != NULL;
}
