/* commands.h: the subcommands of cruddur. Each is one file of this folder, which ends in its row of
 * the table: it reads its flags and the environment, calls lib, prints, and returns an exit code.
 */
#pragma once

#include "commands/flags.h"

#include <stdio.h>

/* Every subcommand, in the order in which the list shows them, and after them NULL. */
extern const struct subcommand *const commands_all[];

/* The subcommand of that name, or NULL. */
const struct subcommand *commands_find(const char *name);

/* Prints what `cruddur help` says. */
void commands_print_list(FILE *stream);

/* Says on stderr that there is no such command. Returns EXIT_USAGE. */
int commands_refuse(const char *name);

extern const struct subcommand config_command;
extern const struct subcommand ddb_command;
extern const struct subcommand dev_token_command;
extern const struct subcommand exit_codes_command;
extern const struct subcommand health_check_command;
extern const struct subcommand lambda_command;
extern const struct subcommand list_users_command;
extern const struct subcommand migrate_command;
extern const struct subcommand migration_command;
extern const struct subcommand post_confirmation_command;
extern const struct subcommand repair_command;
extern const struct subcommand rollback_command;
extern const struct subcommand serve_command;
extern const struct subcommand status_command;
extern const struct subcommand sync_command;
extern const struct subcommand purge_command;
extern const struct subcommand top_command;
extern const struct subcommand update_cognito_user_ids_command;
extern const struct subcommand users_command;
extern const struct subcommand verify_command;
