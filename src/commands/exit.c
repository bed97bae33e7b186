/* exit.c: how a command ends: the table of exit codes, and the map from errors to them. */
#include "commands/exit.h"

#include "lib/base/str.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A row has at most 100 columns in docs/exit-codes.md. */
static const struct exit_row ROWS[EXIT_CODES] = {
    [EXIT_DONE] = {"done", "done, or there was nothing to do", ""},
    [EXIT_FAILED] = {"failed", "it was tried and failed",
                     "the message says what state things are in"},
    [EXIT_USAGE] = {"usage", "a wrong flag, argument or setting; nothing was tried",
                    "the message names it"},
    [EXIT_PENDING] = {"pending", "something must be done first, or still be done",
                      "the message names the command"},
    [EXIT_REFUSED] = {"refused", "a guard said no; nothing was done",
                      "the message names the flag that says yes"},
    [EXIT_UNAVAILABLE] = {"unavailable", "a dependency (the database, AWS) was not reached in time",
                          "run it again later"},
    [EXIT_CREDENTIALS] = {"credentials", "credentials are missing or were refused",
                          "check those that the message names"},
    [EXIT_PARTLY] = {"partly", "begun and not finished; what was written stays",
                     "run it again: it finishes the rest"},
};

const struct exit_row *exit_row(int code) {
  assert(code >= 0 && code < EXIT_CODES && ROWS[code].name);
  return &ROWS[code];
}

int exit_code_of(const struct error *error) {
  switch (error->kind) {
  case ERROR_INVALID: return EXIT_USAGE;
  case ERROR_PENDING: return EXIT_PENDING;
  case ERROR_REFUSED: return EXIT_REFUSED;
  case ERROR_UNAVAILABLE: return EXIT_UNAVAILABLE;
  case ERROR_DENIED: return EXIT_CREDENTIALS;
  case ERROR_PARTLY: return EXIT_PARTLY;
  case ERROR_NONE:
  case ERROR_NOT_FOUND:
  case ERROR_CONFLICT:
  case ERROR_MEMORY:
  case ERROR_INTERNAL: break;
  }
  return EXIT_FAILED;
}

int exit_with(const char *command, const struct error *error) {
  struct str rest = str_from(error->message), line;
  while (str_next(&rest, '\n', &line))
    fprintf(stderr, "cruddur %s: %.*s\n", command, (int)line.length, line.data);
  return exit_code_of(error);
}

int exit_flushed(int code) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  fprintf(stderr, "cruddur: the output cannot be written: %s\n",
          errno ? strerror(errno) : "an earlier part of it was refused");
  return code == EXIT_DONE ? EXIT_FAILED : code;
}
