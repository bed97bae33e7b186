/* exit.h: how a command ends: the one map from an error to an exit code, and what each code means
 * (docs/exit-codes.md). */
#pragma once

#include "lib/base/error.h"

enum exit_code {
  EXIT_DONE = 0,        /* done, or nothing to do */
  EXIT_FAILED = 1,      /* tried and failed; the message says what state things are in */
  EXIT_USAGE = 2,       /* a wrong flag, argument or setting; nothing was tried */
  EXIT_PENDING = 3,     /* status: there is something to do */
  EXIT_REFUSED = 4,     /* a guard said no; the message names the flag that says yes */
  EXIT_UNAVAILABLE = 5, /* a dependency (database, AWS) could not be reached */
  EXIT_CREDENTIALS = 6, /* credentials are missing or were refused */
  EXIT_PARTLY = 7,      /* begun and not finished: running it again finishes it */
};
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
