/* main.c: runs the subcommand that was named. */
#include "commands/commands.h"
#include "commands/standard_streams.h"

#include <stdio.h>
#include <string.h>

static void print_usage(FILE *stream) {
  fputs("Usage: cruddur COMMAND [OPTION]…\n\nThe backend of Cruddur.\n\nCommands:\n", stream);
  for (size_t i = 0; commands_all[i]; i++)
    fprintf(stream, "  %-24s %s\n", commands_all[i]->name, commands_all[i]->summary);
  fputs("\n`cruddur COMMAND --help` tells more. Settings come from the environment: `cruddur "
        "config`\n"
        "lists them. `cruddur exit-codes` says what exit codes mean.\n",
        stream);
}

static int run(int argc, char **argv) {
  if (argc < 2) {
    print_usage(stderr);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_usage(stdout);
    return EXIT_DONE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("cruddur " CRUDDUR_VERSION);
    return EXIT_DONE;
  }
  for (size_t i = 0; commands_all[i]; i++)
    if (strcmp(argv[1], commands_all[i]->name) == 0)
      return commands_all[i]->run(argc - 1, argv + 1);
  fprintf(stderr, "cruddur: unknown command '%s'; 'cruddur --help' lists them\n", argv[1]);
  return EXIT_USAGE;
}

int main(int argc, char **argv) {
  standard_streams_open();
  return standard_streams_finish(run(argc, argv));
}
