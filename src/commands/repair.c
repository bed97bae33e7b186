/* repair.c: `cruddur repair`: accepts migrations that changed after they were applied, and mends
 * what the history says otherwise. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static int command_repair(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, &repair_command, argc, argv)) return cli.exit_code;
  if (cli.adoption && (cli.forget || cli.words.word))
    return flags_refuse(&repair_command, "--adoption takes neither --forget nor a VERSION");
  if (cli.forget && !cli.words.word)
    return flags_refuse(&repair_command, "--forget needs the VERSION to forget");
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  bool done = cli.adoption
                  ? migrate_repair_adoption(&cli.options, &cli.reporter, &error)
                  : migrate_repair(&cli.options, cli.words.word, cli.forget, &cli.reporter, &error);
  return migration_cli_finish(&cli, done, &error);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "forget", struct migration_cli, forget,
                "forget how far VERSION, a transaction:false migration, has got: it then counts as "
                "not begun"),
    FLAG_SWITCH(0, "adoption", struct migration_cli, adoption,
                "make pending what counts as found in the schema, and is not there"),
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
        "again. Nothing is run. With VERSION, only that migration's.\n"
        "\n"
        "With --adoption, migrations that count as applied since the database was adopted, but\n"
        "that its schema does not have, become pending: `cruddur migrate` applies them.",
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
