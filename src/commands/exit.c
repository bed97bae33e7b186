/* exit.c: see exit.h. */
#include "commands/exit.h"

#include <stdio.h>

enum exit_code exit_code_of(const struct error *error) {
  switch (error->kind) {
  case ERROR_INVALID: return EXIT_USAGE;
  case ERROR_PENDING: return EXIT_PENDING;
  case ERROR_REFUSED: return EXIT_REFUSED;
  case ERROR_UNAVAILABLE: return EXIT_UNAVAILABLE;
  case ERROR_DENIED: return EXIT_CREDENTIALS;
  case ERROR_PARTLY: return EXIT_PARTLY;
  case ERROR_NONE:
  case ERROR_NOT_FOUND:
  case ERROR_CONFLICT:
  case ERROR_MEMORY:
  case ERROR_INTERNAL: break;
  }
  return EXIT_FAILED;
}

int exit_with(const char *command, const struct error *error) {
  fprintf(stderr, "cruddur %s: %s\n", command, error->message);
  return exit_code_of(error);
}
