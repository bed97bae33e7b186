/* error.c: fills an error, puts a prefix before its sentence, adds another sentence. */
#include "lib/base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *error, enum error_kind kind, const char *format, ...) {
  assert(kind != ERROR_NONE); /* a failure of no kind would end as exit code 1 or 500 unnoticed */
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
  char prefix[ERROR_MESSAGE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(prefix, sizeof(prefix), format, arguments);
  va_end(arguments);
  size_t shift = strnlen(prefix, sizeof(prefix) - 3) + 2;
  memmove(error->message + shift, error->message, sizeof(error->message) - shift);
  memcpy(error->message, prefix, shift - 2);
  memcpy(error->message + shift - 2, ": ", 2);
  error->message[sizeof(error->message) - 1] = '\0';
  return false;
}

bool error_add(struct error *error, const struct error *other) {
  static const char MORE[] = "\nand more";
  assert(other->kind != ERROR_NONE && error != other);
  if (error->kind == ERROR_NONE) {
    *error = *other;
    return false;
  }
  size_t used = strlen(error->message), added = strlen(other->message);
  const size_t most = sizeof(error->message) - sizeof(MORE);
  if (used + 1 + added <= most) {
    error->message[used] = '\n';
    memcpy(error->message + used + 1, other->message, added + 1);
  } else if (used < strlen(MORE) || strcmp(error->message + used - strlen(MORE), MORE) != 0) {
    memcpy(error->message + (used < most ? used : most), MORE, sizeof(MORE));
  }
  return false;
}
