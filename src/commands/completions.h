/* completions.h: scripts with which the shells complete cruddur's commands, flags and files. */
#pragma once

#include "commands/flags.h"

#include "lib/base/buffer.h"

enum completions_shell { COMPLETIONS_BASH, COMPLETIONS_ZSH, COMPLETIONS_FISH };

/* Appends the script of a shell. `commands` ends with NULL. */
void completions_append(struct buffer *script, enum completions_shell shell,
                        const struct subcommand *const *commands);
