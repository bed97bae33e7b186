/* cli.c: see cli.h. */
#include "commands/cli.h"

#include "lib/base/exit_codes.h"

#include <stdio.h>
#include <string.h>

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
