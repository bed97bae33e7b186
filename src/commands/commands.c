/* commands.c: the list of subcommands. */
#include "commands/commands.h"

const struct subcommand *const commands_all[] = {
    &serve_command,
    &health_check_command,
    &migrate_command,
    &rollback_command,
    &status_command,
    &verify_command,
    &repair_command,
    &migration_command,
    &sync_command,
    &purge_command,
    &ddb_command,
    &list_users_command,
    &update_cognito_user_ids_command,
    &post_confirmation_command,
    &lambda_command,
    &config_command,
    &exit_codes_command,
    &dev_token_command,
    &completions_command,
    NULL,
};
