/* main.c: runs the subcommand that was named. */
#include "commands/commands.h"
#include "commands/exit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* A standard descriptor that is closed becomes /dev/null: a socket or a file that is opened later
 * would get its number, and what is printed. */
static void open_standard_streams(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDWR); /* gets the lowest number that is free */
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

int main(int argc, char **argv) {
  open_standard_streams();
  return exit_flushed(run(argc, argv));
}
