/* migration_command.c: `cruddur migration new`: writes the file of a new migration. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static int command_migration(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, &migration_command, argc, argv)) return cli.exit_code;
  struct error error = {0};
  const char *dir = cli.options.dir ? cli.options.dir : "db/migrations";
  return migration_cli_finish(&cli, migrate_new(dir, cli.words.word, &cli.reporter, &error),
                              &error);
}

static const struct flag FLAGS[] = {
    FLAG_VERB("new", "NAME", 0, "write the file of a new migration", .section = "What to do"),
    FLAG_FOLDER(0, "dir", "FOLDER", struct migration_cli, options.dir,
                "where to write it (db/migrations)", .section = "Options"),
    FLAG_END,
};

const struct subcommand migration_command = {
    .name = "migration",
    .summary = "write the file of a new migration",
    .usage = "cruddur migration new [--dir FOLDER] NAME",
    .description =
        "Writes FOLDER/VERSION_NAME.sql and prints its path. The version has 17 digits and sorts\n"
        "after every existing one. NAME is lower-cased; what is no letter or digit becomes '_'.",
    .word = "VERB",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "", [EXIT_FAILED] = "", [EXIT_USAGE] = "a wrong flag or name"},
    .run = command_migration,
};
