/* verify.c: `cruddur verify`: does every migration undo what it does? */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static const char HELP[] =
    "Usage: cruddur verify [--dir FOLDER]\n"
    "\n"
    "Makes a scratch database beside the one of CONNECTION_URL, runs each migration up, down and\n"
    "up again in it, and compares the schemas: the way back must lead back, and the second way\n"
    "up to the same place as the first. The scratch database is dropped at the end.\n"
    "\n"
    "Options:\n"
    "      --dir FOLDER        take the migrations of FOLDER, not those built in\n"
    "  -h, --help              show this\n"
    "\n"
    "Exit codes: 0 all is well, 1 a migration failed or does not undo itself, 2 a wrong flag or\n"
    "setting, 5 database not reached, 6 role or password refused.\n";

int command_verify(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, "verify", HELP, FLAG_DIR, argc, argv)) return cli.exit_code;
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  return migration_cli_finish(&cli, migrate_verify(&cli.options, &cli.reporter, &error), &error);
}
