/* exit.h: how a command ends: the one map from an error to an exit code (docs/exit-codes.md). */
#pragma once

#include "lib/base/error.h"
#include "lib/base/exit_codes.h"

/* The exit code that says what kind of error `error` is. */
enum exit_code exit_code_of(const struct error *error);

/* Says the error of `command` on stderr, after "cruddur COMMAND: ", and returns its exit code. */
int exit_with(const char *command, const struct error *error);
