/* rollback.c: `cruddur rollback`: undoes the newest migrations. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

#include <stdio.h>

static const char HELP[] =
    "Usage: cruddur rollback [--steps N | --to VERSION] [OPTION]…\n"
    "\n"
    "Undoes the newest applied migration with the SQL that was stored when it was applied.\n"
    "\n"
    "Options:\n"
    "      --steps N           undo the newest N\n"
    "      --to VERSION        undo everything newer than VERSION\n"
    "      --dir FOLDER        take the migrations of FOLDER, not those built in\n"
    "      --wait SECONDS      how long to wait for another runner (600)\n"
    "      --lock-timeout MS   how long a statement waits for a table's lock (2000)\n"
    "      --lock-tries N      how often a transaction that got no lock is tried (10)\n"
    "  -h, --help              show this\n"
    "\n"
    "Exit codes: 0 done, 1 failed (the message says what holds), 2 a wrong flag or setting,\n"
    "4 refused (no way back, changed files), 5 database not reached or lock held by another\n"
    "runner, 6 role or password refused.\n";

int command_rollback(int argc, char **argv) {
  struct migration_cli cli;
  unsigned flags = FLAG_DIR | FLAG_RUN | FLAG_STEPS | FLAG_TO;
  if (!migration_cli_parse(&cli, "rollback", HELP, flags, argc, argv)) return cli.exit_code;
  if (cli.to && cli.steps != 1) {
    fputs("cruddur rollback: give --steps or --to, not both\n", stderr);
    return EXIT_USAGE;
  }
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  bool done = migrate_rollback(&cli.options, cli.steps, cli.to, &cli.reporter, &error);
  return migration_cli_finish(&cli, done, &error);
}
