/* exit_codes_command.c: `cruddur exit-codes`: the list of exit codes, for people and for the
 * documents. */
#include "commands/commands.h"

#include <stdio.h>

struct exit_codes_form {
  bool markdown;
};

static void print_row(int code, const struct exit_row *row, bool markdown) {
  if (markdown)
    printf("| %d | %s | %s | %s |\n", code, row->name, row->meaning, row->remedy);
  else
    printf("%d  %-11s  %s%s%s\n", code, row->name, row->meaning, *row->remedy ? ": " : "",
           row->remedy);
}

static int command_exit_codes(int argc, char **argv) {
  struct exit_codes_form form = {0};
  int code;
  if (!flags_read(&exit_codes_command, argc, argv, &form, NULL, &code)) return code;
  if (form.markdown) puts("| code | name | meaning | what to do |\n|---|---|---|---|");
  for (int i = 0; i < EXIT_CODES; i++)
    print_row(i, exit_row(i), form.markdown);
  return EXIT_DONE; /* main() tells whether it was written */
}

static const struct flag FLAGS[] = {
    FLAG_SWITCH(0, "markdown", struct exit_codes_form, markdown,
                "as the table of docs/exit-codes.md"),
    FLAG_END,
};

const struct subcommand exit_codes_command = {
    .name = "exit-codes",
    .summary = "list the exit codes and what they mean",
    .usage = "cruddur exit-codes [--markdown]",
    .description = "Lists the exit codes of all commands: what each means and what to do then.",
    .flags = FLAGS,
    .exits = {[EXIT_DONE] = "", [EXIT_FAILED] = "", [EXIT_USAGE] = "a wrong flag"},
    .run = command_exit_codes,
};
