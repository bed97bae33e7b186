/* migration_cli.h: what the commands of migrations share: their flags, how they print what the
 * engine says, and how Ctrl-C stops them cleanly. */
#pragma once

#include "commands/flags.h"

#include "lib/migrate/engine.h"

#include <stdbool.h>

struct migration_cli {
  const char *command; /* "migrate": for messages */
  struct migrate_options options;
  struct migrate_reporter reporter;
  bool dry_run, rehearse, lint, json, forget, adoption, drift;
  uint64_t steps, wait_s, lock_timeout_ms, lock_tries;
  const char *to, *sizes; /* NULL: not given */
  struct flag_words words;
  int exit_code; /* when migration_cli_parse() returns false */
};

/* Rows that several of the commands have. */
#define MIGRATION_FLAG_DIR                                                                         \
  FLAG_FOLDER(0, "dir", "FOLDER", struct migration_cli, options.dir,                               \
              "take the migrations of FOLDER, not those built in")
#define MIGRATION_FLAG_WAIT                                                                        \
  FLAG_NUMBER(0, "wait", "SECONDS", struct migration_cli, wait_s, 0, 86400,                        \
              "how long to wait for another runner (600)")
#define MIGRATION_FLAG_LOCK_TIMEOUT                                                                \
  FLAG_NUMBER(0, "lock-timeout", "MS", struct migration_cli, lock_timeout_ms, 1, 3600000,          \
              "how long a statement waits for a table's lock (2000)")
#define MIGRATION_FLAG_LOCK_TRIES                                                                  \
  FLAG_NUMBER(0, "lock-tries", "N", struct migration_cli, lock_tries, 1, 1000,                     \
              "how often a transaction that got no lock is tried (10)")

/* Reads the arguments of `command`. False: --help was printed or something was wrong (said so): end
 * with `exit_code`. */
bool migration_cli_parse(struct migration_cli *cli, const struct subcommand *command, int argc,
                         char **argv);

/* Reads CONNECTION_URL; false as above. `required` false: it may be unset. */
bool migration_cli_connection(struct migration_cli *cli, bool required);

/* Says the error of what was not `done`, and returns the command's exit code. What is pending is
 * said by the table of `cruddur status` already. */
int migration_cli_finish(const struct migration_cli *cli, bool done, const struct error *error);
