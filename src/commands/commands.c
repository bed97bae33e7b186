/* commands.c: the list of subcommands, and the two of them that look at the whole list: help and
 * completions. */
#include "commands/commands.h"

#include "commands/completions.h"

#include "lib/base/cleanup.h"

#include <string.h>

static const struct subcommand help_command, completions_command;

const struct subcommand *const commands_all[] = {
    &serve_command,
    &health_check_command,
    &top_command,
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
    &users_command,
    &post_confirmation_command,
    &lambda_command,
    &config_command,
    &exit_codes_command,
    &dev_token_command,
    &completions_command,
    &help_command,
    NULL,
};

const struct subcommand *commands_find(const char *name) {
  for (size_t i = 0; commands_all[i]; i++)
    if (strcmp(name, commands_all[i]->name) == 0) return commands_all[i];
  return NULL;
}

void commands_print_list(FILE *stream) {
  fputs("Usage: cruddur COMMAND [OPTION]…\n\nThe backend of Cruddur.\n\nCommands:\n", stream);
  for (size_t i = 0; commands_all[i]; i++)
    fprintf(stream, "  %-24s %s\n", commands_all[i]->name, commands_all[i]->summary);
  fputs(
      "\n`cruddur help COMMAND` tells more. Settings come from the environment: `cruddur config`\n"
      "lists them. `cruddur exit-codes` says what exit codes mean.\n",
      stream);
}

int commands_refuse(const char *name) {
  fprintf(stderr, "cruddur: unknown command '%s'; 'cruddur help' lists them\n", name);
  return EXIT_USAGE;
}

/* --- cruddur help --- */

static int run_help(int argc, char **argv) {
  struct flag_words words;
  int code;
  if (!flags_read(&help_command, argc, argv, NULL, &words, &code)) return code;
  if (!words.word) {
    commands_print_list(stdout);
    return EXIT_DONE;
  }
  const struct subcommand *command = commands_find(words.word);
  if (!command) return commands_refuse(words.word);
  return command->run(2, (char *[]){argv[0], "--help", NULL});
}

static const struct subcommand help_command = {
    .name = "help",
    .summary = "list the commands, or tell more about one",
    .usage = "cruddur help [COMMAND]",
    .description = "Prints the list of the commands, or what `cruddur COMMAND --help` prints.",
    .word = "[COMMAND]",
    .exits = {[EXIT_DONE] = "", [EXIT_USAGE] = "there is no such command"},
    .run = run_help,
};

/* --- cruddur completions --- */

static int run_completions(int argc, char **argv) {
  struct flag_words words;
  int code;
  if (!flags_read(&completions_command, argc, argv, NULL, &words, &code)) return code;
  _cleanup_(buffer_free) struct buffer script = BUFFER_EMPTY;
  completions_append(&script, (enum completions_shell)words.verb, commands_all);
  if (script.failed) return EXIT_FAILED;
  fwrite(script.data, 1, script.length, stdout); /* main() tells whether that worked */
  return EXIT_DONE;
}

static const struct flag SHELLS[] = {
    FLAG_VERB("bash", NULL, COMPLETIONS_BASH,
              "put `source <(cruddur completions bash)` into ~/.bashrc", .section = "Shells"),
    FLAG_VERB("zsh", NULL, COMPLETIONS_ZSH,
              "save what it prints as _cruddur in a folder of $fpath"),
    FLAG_VERB("fish", NULL, COMPLETIONS_FISH,
              "put `cruddur completions fish | source` into ~/.config/fish/config.fish"),
    FLAG_END,
};

static const struct subcommand completions_command = {
    .name = "completions",
    .summary = "print a script that completes these commands in a shell",
    .usage = "cruddur completions SHELL",
    .description = "Prints a script for SHELL, with which the Tab key completes the commands, "
                   "flags and\nfiles of cruddur.",
    .word = "SHELL",
    .flags = SHELLS,
    .exits = {[EXIT_DONE] = "", [EXIT_FAILED] = "", [EXIT_USAGE] = "a wrong argument"},
    .run = run_completions,
};
