/* exit_codes.h: what the exit code of a command means. Documented in docs/exit-codes.md. */
#pragma once

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
