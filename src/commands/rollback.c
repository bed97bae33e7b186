/* rollback.c: `cruddur rollback`: undoes the newest migrations. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static int command_rollback(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, &rollback_command, argc, argv)) return cli.exit_code;
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  bool done = migrate_rollback(&cli.options, cli.steps, cli.to, &cli.reporter, &error);
  return migration_cli_finish(&cli, done, &error);
}

#define RUN_EXITS                                                                                  \
  {                                                                                                \
    [EXIT_DONE] = "",                                                                              \
    [EXIT_FAILED] = "it failed; the message says what was undone and what was not",                \
    [EXIT_USAGE] = "", [EXIT_REFUSED] = "refused: no way back, or changed files",                  \
    [EXIT_UNAVAILABLE] = "the database was not reached, or another runner has the lock",           \
    [EXIT_CREDENTIALS] = "role or password refused"                                                \
  }

static const struct flag ROLLBACK_FLAGS[] = {
    FLAG_NUMBER(0, "steps", "N", struct migration_cli, steps, 1, 100000, "undo the newest N (1)",
                .group = "how far"),
    FLAG_TEXT(0, "to", "VERSION", struct migration_cli, to, "undo everything newer than VERSION",
              .group = "how far"),
    MIGRATION_FLAG_DIR,
    MIGRATION_FLAG_WAIT,
    MIGRATION_FLAG_LOCK_TIMEOUT,
    MIGRATION_FLAG_LOCK_TRIES,
    FLAG_END,
};

const struct subcommand rollback_command = {
    .name = "rollback",
    .summary = "undo the newest migration",
    .usage = "cruddur rollback [--steps N | --to VERSION] [OPTION]…",
    .description =
        "Undoes the newest applied migration with the SQL that was stored when it was applied.",
    .flags = ROLLBACK_FLAGS,
    .exits = RUN_EXITS,
    .run = command_rollback,
};
