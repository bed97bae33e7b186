/* main.c: the table of subcommands, nothing else. */
#include "commands/commands.h"

#include "lib/base/exit_codes.h"

#include <stdio.h>
#include <string.h>

struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *summary;
};

static const struct command COMMANDS[] = {
    {"serve", command_serve, "serve the API"},
    {"health-check", command_health_check, "ask a running server whether it lives"},
    {"migrate", command_migrate, "bring the database up to date"},
    {"rollback", command_rollback, "undo the newest migration"},
    {"status", command_status, "show what is applied and what is pending"},
    {"verify", command_verify, "check that every migration undoes what it does"},
    {"repair", command_repair, "accept migrations that changed after they were applied"},
    {"migration", command_migration, "write the file of a new migration"},
    {"sync", command_sync, "ship the frontend to S3 and CloudFront"},
    {"ddb", command_ddb, "look after the DynamoDB table of messages"},
    {"list-users", command_list_users, "list the users of the Cognito pool"},
    {"update-cognito-user-ids", command_update_cognito_user_ids, "give users the pool's subs"},
    {"post-confirmation", command_post_confirmation, "add the user of a Cognito event"},
    {"lambda", command_lambda, "serve Cognito's trigger as a Lambda function"},
    {"config", command_config, "list the settings and what they are now"},
    {"dev-token", command_dev_token, "issue a token of the local development pool"},
};

enum { COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]) };

static void print_usage(FILE *stream) {
  fputs("Usage: cruddur COMMAND [OPTION]…\n\nThe backend of Cruddur.\n\nCommands:\n", stream);
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    fprintf(stream, "  %-24s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
  fputs("\n`cruddur COMMAND --help` tells more. Settings come from the environment.\n", stream);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    print_usage(stderr);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_usage(stdout);
    return EXIT_DONE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("cruddur " CRUDDUR_VERSION);
    return EXIT_DONE;
  }
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (strcmp(argv[1], COMMANDS[i].name) == 0) return COMMANDS[i].run(argc - 1, argv + 1);
  fprintf(stderr, "cruddur: unknown command '%s'; 'cruddur --help' lists them\n", argv[1]);
  return EXIT_USAGE;
}
