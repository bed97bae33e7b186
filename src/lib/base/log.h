/* log.h: the process's log: one line an event on stdout, written by a thread of its own.
 *
 * JSON when stdout is no terminal, for people when it is. A line is appended to a bounded queue in
 * memory, so that nothing that logs ever waits for the pipe or the disk behind stdout; lines that
 * find the queue full, or that stdout refuses, are dropped, and the next line that fits says how
 * many were.
 *
 * Commands and the long-running parts that have no caller to return an error to (the server, the
 * pool, the key keeper) log; other library code returns errors. Never log a token, a password, or
 * the text that a person posted. */
#pragma once

#include "lib/base/str.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };

enum log_field_type { LOG_FIELD_END, LOG_FIELD_TEXT, LOG_FIELD_INT, LOG_FIELD_MS };

struct log_field {
  const char *name;
  enum log_field_type type;
  struct str text;
  int64_t number;
};

/* Text that is not UTF-8 is written with '?' for each byte that is not ASCII. */
static inline struct log_field log_str(const char *name, struct str text) {
  return (struct log_field){.name = name, .type = LOG_FIELD_TEXT, .text = text};
}

static inline struct log_field log_text(const char *name, const char *text) {
  return log_str(name, str_from(text ? text : ""));
}

static inline struct log_field log_int(const char *name, int64_t number) {
  return (struct log_field){.name = name, .type = LOG_FIELD_INT, .number = number};
}

/* A duration given in microseconds and written in milliseconds with three decimals. */
static inline struct log_field log_ms(const char *name, uint64_t microseconds) {
  return (struct log_field){.name = name, .type = LOG_FIELD_MS, .number = (int64_t)microseconds};
}

#define LOG_END ((struct log_field){.name = NULL, .type = LOG_FIELD_END})

/* Starts the writing thread; events logged before go out when it starts. Call once.
 * `level` is the lowest level written. */
bool log_start(enum log_level level);

/* Writes what is queued, waits for at most `timeout_ms` for it, and ends the thread. */
void log_stop(unsigned timeout_ms);

/* Logs `message` with fields (struct log_field by value), the last of which is LOG_END. */
void log_event(enum log_level level, const char *message, ...);

/* Lines lost since the start: those that found the queue full, and those that stdout refused. */
uint64_t log_dropped(void);

/* Changes the lowest level written; from any thread. */
void log_set_level(enum log_level level);

/* True when events of `level` are written at all. */
bool log_enabled(enum log_level level);

/* Reads "debug", "info", "warning" or "error". */
bool log_level_parse(struct str text, enum log_level *ret_level);
