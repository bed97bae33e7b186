/* error.h: an error as a value: a kind that code acts on and a sentence that people read.
 *
 * A function that can fail returns bool (true: done) and takes `struct error *error`, which it
 * fills only when it returns false. Library code never prints and never picks an exit code. It logs
 * only where no caller is left to return an error to: parts of the server that run on their own
 * (lib/base/log.h). The map from kinds to exit codes is commands/exit.c. */
#pragma once

#include <stdbool.h>

enum error_kind {
  ERROR_NONE = 0,
  ERROR_INVALID,     /* bad input or a bad setting: somebody must change what they gave */
  ERROR_NOT_FOUND,   /* what was named does not exist */
  ERROR_CONFLICT,    /* the state found does not allow it */
  ERROR_PENDING,     /* something has to be done first; the sentence names the command */
  ERROR_REFUSED,     /* a guard said no; the sentence names the flag that says yes */
  ERROR_UNAVAILABLE, /* a dependency is down, full or too slow: trying again may help */
  ERROR_DENIED,      /* credentials missing or refused */
  ERROR_PARTLY,      /* begun and not finished: doing it again finishes it */
  ERROR_MEMORY,      /* out of memory or over a bound */
  ERROR_INTERNAL,    /* a defect of ours, or an answer that makes no sense */
};

enum { ERROR_MESSAGE_SIZE = 1024 };

struct error {
  enum error_kind kind;
  /* One sentence without a full stop, or several, a line each (error_add()); no newline at the end.
   */
  char message[ERROR_MESSAGE_SIZE];
};

/* Fills `error` (may be NULL) with a kind and a printf-style sentence, cut at ERROR_MESSAGE_SIZE.
 * Always returns false, so that a failing function can end with `return error_set(...)`. */
bool error_set(struct error *error, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a printf-style prefix and ": " before the sentence that `error` already holds; returns
 * false. */
bool error_prefix(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds what `other` says as a line of its own, and its kind where `error` has none yet. What does
 * not fit ends as the line "and more". Returns false. */
bool error_add(struct error *error, const struct error *other);
