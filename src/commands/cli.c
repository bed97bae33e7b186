/* cli.c: see cli.h. */
#include "commands/cli.h"

#include <stdio.h>
#include <string.h>

int cli_fail(const char *command, const struct error *error) {
  fprintf(stderr, "cruddur %s: %s\n", command, error->message);
  switch (error->kind) {
  case ERROR_INVALID: return EXIT_USAGE;
  case ERROR_UNAVAILABLE: return EXIT_UNAVAILABLE;
  case ERROR_DENIED: return EXIT_CREDENTIALS;
  case ERROR_NONE:
  case ERROR_NOT_FOUND:
  case ERROR_CONFLICT:
  case ERROR_MEMORY:
  case ERROR_INTERNAL: break;
  }
  return EXIT_FAILED;
}

bool cli_parse_switches(const char *command, const char *help, int argc, char **argv,
                        const char *const *names, bool *const *switches, int *ret_code) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      fputs(help, stdout);
      *ret_code = EXIT_DONE;
      return false;
    }
    size_t known = 0;
    while (names[known] && strcmp(names[known], argv[i]) != 0)
      known++;
    if (!names[known]) {
      fprintf(stderr, "cruddur %s: unknown argument '%s'; 'cruddur %s --help' tells more\n",
              command, argv[i], command);
      *ret_code = EXIT_USAGE;
      return false;
    }
    *switches[known] = true;
  }
  return true;
}
