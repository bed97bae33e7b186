/* main.c: runs the subcommand that was named. */
#include "commands/commands.h"
#include "commands/standard_streams.h"

#include <string.h>

static int run(int argc, char **argv) {
  if (argc < 2) {
    commands_print_list(stderr);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    commands_print_list(stdout);
    return EXIT_DONE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("cruddur " CRUDDUR_VERSION);
    return EXIT_DONE;
  }
  const struct subcommand *command = commands_find(argv[1]);
  return command ? command->run(argc - 1, argv + 1) : commands_refuse(argv[1]);
}

int main(int argc, char **argv) {
  standard_streams_open();
  return standard_streams_finish(run(argc, argv));
}
