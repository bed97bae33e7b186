/* command.h: a program that is run for what it prints: no shell, bounded time and output. Blocks:
 * for worker threads. Inside of the room only. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/error.h"

#include <stdint.h>

enum {
  COMMAND_LINE_LIMIT = 16 * 1024,
  COMMAND_WORDS_LIMIT = 256,
  COMMAND_OUTPUT_LIMIT = 64 * 1024,
};

/* Splits a line into words as a POSIX shell would that knows quotes and backslashes alone (Python's
 * shlex.split). `*ret_words` is NULL-terminated and one block: the caller frees it. Fails as
 * ERROR_INVALID for no words, too many of them, a quote that is not closed, a backslash at the end
 * or a NUL. */
bool command_split(struct str line, char ***ret_words, struct error *error);

/* Runs the program `words[0]`, searched in PATH, with the environment of this one, /dev/null as its
 * standard input and no other file of ours. `*ret_output`, the caller's even after a failure, is
 * its standard output; it may hold a secret. Fails as ERROR_DENIED when the program cannot be
 * started or ends otherwise than with exit code 0, which quotes the first line of its standard
 * error, as ERROR_MEMORY when it prints too much, as ERROR_UNAVAILABLE after `timeout_ms` or when
 * `cancel_fd`
 * (-1: none) becomes readable: it and its process group are killed then. */
bool command_run(char *const *words, uint64_t timeout_ms, int cancel_fd, struct buffer *ret_output,
                 struct error *error);
