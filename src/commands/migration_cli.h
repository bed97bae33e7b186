/* migration_cli.h: what the commands of migrations share: their flags, how they print what the
 * engine says, and how Ctrl-C stops them cleanly. */
#pragma once

#include "lib/base/exit_codes.h"
#include "lib/migrate/engine.h"

#include <stdbool.h>

/* The flags that a command knows, as bits; --help is every command's. */
enum migration_flag {
  FLAG_DIR = 1 << 0,
  FLAG_RUN = 1 << 1, /* --wait, --lock-timeout, --lock-tries */
  FLAG_ALLOW_LATE = 1 << 2,
  FLAG_DRY_RUN = 1 << 3,
  FLAG_REHEARSE = 1 << 4,
  FLAG_LINT = 1 << 5,
  FLAG_STEPS = 1 << 6,
  FLAG_TO = 1 << 7,
  FLAG_JSON = 1 << 8,
  FLAG_FORGET = 1 << 9,
  FLAG_ARGUMENTS = 1 << 10, /* words that are no flags */
};

struct migration_cli {
  const char *command; /* "migrate": for messages */
  struct migrate_options options;
  struct migrate_reporter reporter;
  bool dry_run, rehearse, lint, json, forget;
  size_t steps;   /* 1 unless told */
  const char *to; /* NULL: not given */
  char **arguments;
  int argument_count;
  int exit_code; /* when migration_cli_parse() returns false */
};

/* Reads the flags. False: --help was printed or a flag was wrong (said so): end with `exit_code`.
 */
bool migration_cli_parse(struct migration_cli *cli, const char *command, const char *help,
                         unsigned flags, int argc, char **argv);

/* Reads CONNECTION_URL; false as above. `required` false: it may be unset. */
bool migration_cli_connection(struct migration_cli *cli, bool required);

/* Says the error of what was not `done`, and returns the command's exit code. What is pending is
 * said by the table of `cruddur status` already. */
int migration_cli_finish(const struct migration_cli *cli, bool done, const struct error *error);
