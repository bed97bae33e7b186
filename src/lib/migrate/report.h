/* report.h: what the engine tells while it works. The library neither prints nor logs: commands
 * print what is said here, the server logs it. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum migrate_say {
  SAY_STEP,     /* something was done, and it holds */
  SAY_NOTE,     /* worth knowing */
  SAY_WARNING,  /* may hurt */
  SAY_ERROR,    /* several lines, as a compiler writes them */
  SAY_WAITING,  /* a heartbeat while somebody else is waited for */
  SAY_PROGRESS, /* soon out of date: for a terminal's last line; "" clears it */
  SAY_OUTPUT,   /* what was asked for: SQL of a dry run, a diff, a table */
};

struct migrate_reporter {
  void (*say)(void *argument, enum migrate_say kind, const char *text);
  void *argument;
};

/* Says a printf-style text. `reporter` may be NULL. */
void report(const struct migrate_reporter *reporter, enum migrate_say kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Something about a place in a text, as compilers write it. */
struct source_remark {
  const char *path;
  struct str text;      /* the whole file */
  size_t offset;        /* of the place, in bytes */
  const char *severity; /* "error" or "warning" */
  const char *message;
  const char *code;   /* in brackets behind the message: an SQLSTATE, a rule; NULL: none */
  const char *detail; /* NULL or "": none; so for those below */
  const char *hint;
  const char *context;
  const char *state; /* what state the database is in now */
  const char *next;  /* what to do */
};

/* The byte offset of character `position` (from 1) counted from `start`. */
size_t report_offset_of_character(struct str text, size_t start, size_t position);

/* Says "path:line:column: severity: message [code]", the line, a caret, and the rest. */
void report_remark(const struct migrate_reporter *reporter, enum migrate_say kind,
                   const struct source_remark *remark);

/* Fills `error` with CONFLICT and "path:line:column: message"; line and column count from 1, the
 * column in characters. Returns false. */
bool report_error(struct error *error, const char *path, struct str text, size_t offset,
                  const char *message);
