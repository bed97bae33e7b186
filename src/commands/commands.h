/* commands.h: the subcommands of cruddur. Each is one file of this folder, reads its flags and the
 * environment, calls lib, prints, and returns an enum exit_code. argv[0] is the subcommand's name;
 * each answers --help on stdout and exits 0. */
#pragma once

int command_config(int argc, char **argv);
int command_ddb(int argc, char **argv);
int command_dev_token(int argc, char **argv);
int command_health_check(int argc, char **argv);
int command_lambda(int argc, char **argv);
int command_list_users(int argc, char **argv);
int command_migrate(int argc, char **argv);
int command_migration(int argc, char **argv);
int command_post_confirmation(int argc, char **argv);
int command_repair(int argc, char **argv);
int command_rollback(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_status(int argc, char **argv);
int command_sync(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_update_cognito_user_ids(int argc, char **argv);
