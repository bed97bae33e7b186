/* repair.c: `cruddur repair`: accepts migrations that changed after they were applied. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static int command_repair(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, &repair_command, argc, argv)) return cli.exit_code;
  if (cli.forget && !cli.words.word)
    return flags_refuse(&repair_command, "--forget needs the VERSION to forget");
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  bool done = migrate_repair(&cli.options, cli.words.word, cli.forget, &cli.reporter, &error);
  return migration_cli_finish(&cli, done, &error);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "forget", struct migration_cli, forget,
                "forget how far VERSION, a transaction:false migration, has got: it then counts as "
                "not begun"),
    MIGRATION_FLAG_DIR,
    MIGRATION_FLAG_WAIT,
    MIGRATION_FLAG_LOCK_TIMEOUT,
    MIGRATION_FLAG_LOCK_TRIES,
    FLAG_END,
};

const struct subcommand repair_command = {
    .name = "repair",
    .summary = "accept migrations that changed after they were applied",
    .usage = "cruddur repair [OPTION]… [VERSION]",
    .description =
        "Accepts what the files of applied migrations say now: the history stores their text\n"
        "again. Nothing is run. With VERSION, only that migration's.",
    .word = "[VERSION]",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "",
              [EXIT_USAGE] = "",
              [EXIT_REFUSED] = "",
              [EXIT_UNAVAILABLE] = "the database was not reached, or another runner has the lock",
              [EXIT_CREDENTIALS] = "role or password refused"},
    .run = command_repair,
};
