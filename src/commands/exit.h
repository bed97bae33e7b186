/* exit.h: how a command ends: the one map from an error to an exit code, and what each code means
 * (docs/exit-codes.md). */
#pragma once

#include "lib/base/error.h"
#include "lib/base/exit_codes.h"

enum { EXIT_CODES = EXIT_PARTLY + 1 };

struct exit_row {
  const char *name, *meaning, *remedy; /* `remedy`: what to do then; may be "" */
};

/* What `code`, one of enum exit_code, means: for --help and the documents. */
const struct exit_row *exit_row(int code);

/* The exit code that says what kind of error `error` is. */
int exit_code_of(const struct error *error);

/* Says the error of `command` on stderr, after "cruddur COMMAND: ", and returns its exit code. */
int exit_with(const char *command, const struct error *error);

/* Last thing in the process: writes out what is buffered. Returns the exit code: `code`, but
 * EXIT_FAILED in the place of EXIT_DONE when something that was printed could not be written, which
 * is said on stderr. */
int exit_flushed(int code);
