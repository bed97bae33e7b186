/* repair.c: `cruddur repair`: accepts migrations that changed after they were applied. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

#include <stdio.h>

static const char HELP[] =
    "Usage: cruddur repair [OPTION]… [VERSION]\n"
    "\n"
    "Accepts what the files of applied migrations say now: the history stores their text anew.\n"
    "Nothing is run. With VERSION, only that migration's.\n"
    "\n"
    "Options:\n"
    "      --forget            drop the resume point of VERSION, a transaction:false migration\n"
    "                          that was begun: it then counts as not begun\n"
    "      --dir FOLDER        take the migrations of FOLDER, not those built in\n"
    "      --wait SECONDS      how long to wait for another runner (600)\n"
    "  -h, --help              show this\n"
    "\n"
    "Exit codes: 0 done or nothing to do, 1 failed, 2 a wrong flag or setting, 5 database not\n"
    "reached, 6 role or password refused.\n";

int command_repair(int argc, char **argv) {
  struct migration_cli cli;
  unsigned flags = FLAG_DIR | FLAG_RUN | FLAG_FORGET | FLAG_ARGUMENTS;
  if (!migration_cli_parse(&cli, "repair", HELP, flags, argc, argv)) return cli.exit_code;
  if (cli.argument_count > 1 || (cli.forget && cli.argument_count != 1)) {
    fputs("cruddur repair: give one VERSION\n", stderr);
    return EXIT_USAGE;
  }
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  bool done = migrate_repair(&cli.options, cli.argument_count ? cli.arguments[0] : NULL, cli.forget,
                             &cli.reporter, &error);
  return migration_cli_finish(&cli, done, &error);
}
