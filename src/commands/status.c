/* status.c: `cruddur status`: what is applied and what is pending. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static const char HELP[] =
    "Usage: cruddur status [--json] [--dir FOLDER]\n"
    "\n"
    "Shows which migrations are applied to the database of CONNECTION_URL and which are pending.\n"
    "Changes nothing.\n"
    "\n"
    "Options:\n"
    "      --json              print one JSON object\n"
    "      --dir FOLDER        take the migrations of FOLDER, not those built in\n"
    "  -h, --help              show this\n"
    "\n"
    "Exit codes: 0 up to date, 3 something is pending, 1 failed, 2 a wrong flag or setting,\n"
    "5 database not reached, 6 role or password refused.\n";

int command_status(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, "status", HELP, FLAG_DIR | FLAG_JSON, argc, argv))
    return cli.exit_code;
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  bool done = migrate_status(&cli.options, cli.json, &cli.reporter, &error);
  return migration_cli_finish(&cli, done, &error);
}
