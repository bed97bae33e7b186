/* migration.c: `cruddur migration new`: writes the file of a new migration. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

#include <stdio.h>
#include <string.h>

static const char HELP[] =
    "Usage: cruddur migration new [--dir FOLDER] NAME\n"
    "\n"
    "Writes FOLDER/VERSION_NAME.sql (db/migrations by default) and prints its path. The version\n"
    "has 17 digits and sorts after every existing one. NAME is lower-cased; what is no letter or\n"
    "digit becomes '_'.\n"
    "\n"
    "Exit codes: 0 done, 1 failed, 2 a wrong flag or name.\n";

int command_migration(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, "migration", HELP, FLAG_DIR | FLAG_ARGUMENTS, argc, argv))
    return cli.exit_code;
  if (cli.argument_count != 2 || strcmp(cli.arguments[0], "new") != 0) {
    fputs("cruddur migration: say `cruddur migration new NAME`\n", stderr);
    return EXIT_USAGE;
  }
  struct error error = {0};
  const char *dir = cli.options.dir ? cli.options.dir : "db/migrations";
  return migration_cli_finish(&cli, migrate_new(dir, cli.arguments[1], &cli.reporter, &error),
                              &error);
}
