/* help.h: the text of --help, made of a subcommand's table. */
#pragma once

#include "commands/flags.h"

#include "lib/base/buffer.h"

/* Appends the whole text of `cruddur NAME --help`: usage, description, flags, exit codes. */
void help_append(struct buffer *output, const struct subcommand *command);

/* Prints it on stdout; false when that fails. */
bool help_print(const struct subcommand *command);
