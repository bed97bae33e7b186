/* help.h: the text of --help, made of a subcommand's table. */
#pragma once

#include "commands/flags.h"

/* Prints the whole text of `cruddur NAME --help` on stdout: usage, description, flags, exit codes.
 * False when that fails. */
bool help_print(const struct subcommand *command);
