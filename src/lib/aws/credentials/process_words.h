/* process_words.h: the words of a line, as in credential_process and in the sections of AWS's
 * files. Inside of the room only. */
#pragma once

#include "lib/base/error.h"
#include "lib/base/str.h"

enum { PROCESS_WORDS_LINE_LIMIT = 16 * 1024, PROCESS_WORDS_LIMIT = 256 };

/* Splits a line into words as a POSIX shell would that knows quotes and backslashes alone (Python's
 * shlex.split). `*ret_words` is NULL-terminated and one block: the caller frees it. Fails as
 * ERROR_INVALID for no words, too many of them, a quote that is not closed, a backslash at the end
 * or a NUL. */
bool process_words_split(struct str line, char ***ret_words, struct error *error);
