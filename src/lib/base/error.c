/* error.c: see error.h. */
#include "lib/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, enum error_kind kind, const char *format, ...) {
  if (!error) return false;
  va_list arguments;
  va_start(arguments, format);
  error->kind = kind;
  vsnprintf(error->message, sizeof(error->message), format, arguments);
  va_end(arguments);
  return false;
}

bool error_prefix(struct error *error, const char *format, ...) {
  if (!error) return false;
  char rest[ERROR_MESSAGE_SIZE];
  memcpy(rest, error->message, sizeof(rest));
  va_list arguments;
  va_start(arguments, format);
  int used = vsnprintf(error->message, sizeof(error->message), format, arguments);
  va_end(arguments);
  if (used >= 0 && (size_t)used < sizeof(error->message))
    snprintf(error->message + used, sizeof(error->message) - (size_t)used, ": %s", rest);
  return false;
}
