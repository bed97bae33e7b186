/* status.c: `cruddur status`: what is applied and what is pending. */
#include "commands/commands.h"
#include "commands/migration_cli.h"

static int command_status(int argc, char **argv) {
  struct migration_cli cli;
  if (!migration_cli_parse(&cli, &status_command, argc, argv)) return cli.exit_code;
  if (!migration_cli_connection(&cli, true)) return cli.exit_code;
  struct error error = {0};
  const struct migrate_status_options status = {
      .json = cli.json, .drift = cli.drift, .sizes_path = cli.sizes};
  bool done = migrate_status(&cli.options, &status, &cli.reporter, &error);
  return migration_cli_finish(&cli, done, &error);
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "json", struct migration_cli, json, "print one JSON object"),
    FLAG_SWITCH(0, "drift", struct migration_cli, drift,
                "list what only the database or only db/schema.sql has; needs the right to create "
                "a database"),
    FLAG_FILE(0, "sizes", "FILE", struct migration_cli, sizes,
              "write to FILE how large the tables are, for `cruddur migrate --lint --sizes FILE`"),
    MIGRATION_FLAG_DIR,
    FLAG_END,
};

const struct subcommand status_command = {
    .name = "status",
    .summary = "show what is applied and what is pending",
    .usage = "cruddur status [OPTION]…",
    .description =
        "Shows which migrations are applied to the database of CONNECTION_URL and which are\n"
        "pending. Changes nothing.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "up to date",
              [EXIT_FAILED] = "",
              [EXIT_USAGE] = "",
              [EXIT_PENDING] = "something is pending, or was adopted wrongly",
              [EXIT_REFUSED] = "the database's encoding is not UTF8",
              [EXIT_UNAVAILABLE] = "the database was not reached",
              [EXIT_CREDENTIALS] = "role or password refused"},
    .run = command_status,
};
