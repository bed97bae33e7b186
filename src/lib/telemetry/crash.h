/* crash.h: what is left of a process that a signal killed: a last log line with a backtrace, and a
 * file that the next start finds and reports. */
#pragma once

#include "lib/base/buffer.h"

/* Catches the signals of a defect (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT): writes the line to
 * stdout and to the file `path` (NULL: no file), and lets the signal kill the process as it would
 * have. Not in builds with a sanitizer, which has handlers of its own. `path` is kept. */
void crash_catch(const char *path);

/* Takes what an earlier crash left in the file `path`, which is removed. False when there is
 * nothing, or when what is there is not ours. */
bool crash_take_report(const char *path, struct buffer *ret_report);
