/* verify.c: `cruddur verify`: does every migration undo what it does? */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static int command_verify(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, &verify_command, argc, argv)) return cli.exit_code;
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  return migration_cli_finish(&cli, migrate_verify(&cli.options, &cli.reporter, &error), &error);
}

static const struct flag FLAGS[] = {
    MIGRATION_FLAG_DIR,
    FLAG_END,
};

const struct subcommand verify_command = {
    .name = "verify",
    .summary = "check that every migration undoes what it does",
    .usage = "cruddur verify [--dir FOLDER]",
    .description =
        "Makes a scratch database beside the one of CONNECTION_URL, runs each migration up, down\n"
        "and up again in it, and compares the schemas: the way back must lead back, and the "
        "second\n"
        "way up to the same place as the first. The scratch database is dropped at the end.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "all is well",
              [EXIT_FAILED] = "a migration failed or does not undo itself",
              [EXIT_USAGE] = "",
              [EXIT_UNAVAILABLE] = "the database was not reached",
              [EXIT_CREDENTIALS] = "role or password refused"},
    .run = command_verify,
};
