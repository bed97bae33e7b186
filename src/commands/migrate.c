/* migrate.c: `cruddur migrate`: brings the database up to date. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

#include <stdio.h>

static const char HELP[] =
    "Usage: cruddur migrate [OPTION]…\n"
    "\n"
    "Applies the pending migrations to the database of CONNECTION_URL, in the order of their\n"
    "versions, each in a transaction with its row in the history. Safe to run again, and by many\n"
    "at once: one works, the others wait.\n"
    "\n"
    "Instead of applying them:\n"
    "      --dry-run           print the SQL; only reads, or connects not at all without\n"
    "                          CONNECTION_URL\n"
    "      --rehearse          run them in one transaction, print the time and the locks of each,\n"
    "                          and roll back; the locks are held until then: best on a copy\n"
    "      --lint              say what may hurt; exit code 1 when something does\n"
    "\n"
    "Options:\n"
    "      --dir FOLDER        take the migrations of FOLDER, not those built in\n"
    "      --allow-late        apply files that are older than the newest applied one\n"
    "      --wait SECONDS      how long to wait for another runner (600)\n"
    "      --lock-timeout MS   how long a statement waits for a table's lock (2000)\n"
    "      --lock-tries N      how often a transaction that got no lock is tried (10)\n"
    "  -h, --help              show this\n"
    "\n"
    "Exit codes: 0 done or nothing to do, 1 failed (the message says what holds), 2 a wrong flag\n"
    "or setting, 4 refused (late or changed files, a pooler), 5 database not reached or lock held\n"
    "by another runner, 6 role or password refused. docs/migrations.md explains every message.\n";

static bool run(struct migration_cli *cli, struct error *error) {
  if (cli->dry_run) return migrate_dry_run(&cli->options, &cli->reporter, error);
  if (cli->lint) return migrate_lint(&cli->options, &cli->reporter, error);
  if (cli->rehearse) return migrate_rehearse(&cli->options, &cli->reporter, error);
  return migrate_up(&cli->options, &cli->reporter, error);
}

int command_migrate(int argc, char **argv) {
  struct migration_cli cli;
  unsigned flags = FLAG_DIR | FLAG_RUN | FLAG_ALLOW_LATE | FLAG_DRY_RUN | FLAG_REHEARSE | FLAG_LINT;
  if (!migration_cli_parse(&cli, "migrate", HELP, flags, argc, argv)) return cli.exit_code;
  if (cli.dry_run + cli.rehearse + cli.lint > 1) {
    fputs("cruddur migrate: give one of --dry-run, --rehearse and --lint\n", stderr);
    return EXIT_USAGE;
  }
  if (!migration_cli_connection(&cli, !cli.dry_run && !cli.lint)) return cli.exit_code;
  struct error error = {0};
  return migration_cli_finish(&cli, run(&cli, &error), &error);
}
