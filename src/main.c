/* main.c: runs the subcommand that was named. */
#include "commands/commands.h"
#include "commands/exit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
