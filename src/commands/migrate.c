/* migrate.c: `cruddur migrate`: brings the database up to date. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static bool run(struct migration_cli *cli, struct error *error) {
  if (cli->dry_run) return migrate_dry_run(&cli->options, &cli->reporter, error);
  if (cli->lint) return migrate_lint(&cli->options, cli->sizes, &cli->reporter, error);
  if (cli->rehearse) return migrate_rehearse(&cli->options, &cli->reporter, error);
  return migrate_up(&cli->options, &cli->reporter, error);
}

static int command_migrate(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, &migrate_command, argc, argv)) return cli.exit_code;
  if (cli.sizes && !cli.lint) return flags_refuse(&migrate_command, "--sizes goes with --lint");
  if (!migration_cli_connection(&cli, !cli.dry_run && !cli.lint)) return cli.exit_code;
  struct error error = {0};
  return migration_cli_finish(&cli, run(&cli, &error), &error);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "dry-run", struct migration_cli, dry_run,
                "print the SQL that would run; the database is only read, and not connected to "
                "without CONNECTION_URL",
                .group = "instead", .section = "Instead of applying them"),
    FLAG_SWITCH(0, "rehearse", struct migration_cli, rehearse,
                "run them in one transaction, print the time and the locks of each, and roll back; "
                "the locks are held until then: best on a copy",
                .group = "instead"),
    FLAG_SWITCH(0, "lint", struct migration_cli, lint,
                "print what may hurt in production; exit code 1 when there is something",
                .group = "instead"),
    FLAG_FILE(0, "sizes", "FILE", struct migration_cli, sizes,
              "with --lint: the tables are as large as FILE says, which `cruddur status --sizes` "
              "wrote"),
    FLAG_SWITCH(0, "allow-late", struct migration_cli, options.allow_late,
                "apply files that are older than the newest applied one", .section = "Options"),
    MIGRATION_FLAG_DIR,
    MIGRATION_FLAG_WAIT,
    MIGRATION_FLAG_LOCK_TIMEOUT,
    MIGRATION_FLAG_LOCK_TRIES,
    FLAG_END,
};

const struct subcommand migrate_command = {
    .name = "migrate",
    .summary = "bring the database up to date",
    .usage = "cruddur migrate [OPTION]…",
    .description =
        "Applies the pending migrations to the database of CONNECTION_URL, in the order of their\n"
        "versions, each in a transaction with its row in the history. It is safe to run again, "
        "and\n"
        "by many at once: one works, the others wait.\n"
        "\n"
        "docs/migrations.md explains every message.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "",
              [EXIT_FAILED] = "it failed; the message says what was applied and what was not",
              [EXIT_USAGE] = "",
              [EXIT_REFUSED] = "refused: changed files, a wrong adoption, a pooler, not UTF8",
              [EXIT_UNAVAILABLE] = "the database was not reached, or another runner has the lock",
              [EXIT_CREDENTIALS] = "role or password refused"},
    .run = command_migrate,
};
