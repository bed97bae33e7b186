/* crash.h: the last words of a process that a signal kills: a log line with a backtrace, and a file
 * that the next start finds and reports. */
#pragma once

#include "lib/base/buffer.h"

/* Catches the signals of a defect (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT): writes the line to
 * stdout and to the file `path` (NULL: no file), and lets the signal kill the process as it would
 * have. Not in builds with a sanitizer, which has handlers of its own. `path` is kept. */
void crash_catch(const char *path);

/* Gives the calling thread what crash_catch() gave the thread that called it: a stack for the last
 * words, without which an overflow of its own stack ends in silence. Where memory is out there is
 * none. The thread gives it back with crash_leave_thread(). */
void crash_enter_thread(void);
void crash_leave_thread(void);

/* Appends what an earlier crash left in the file `path`, and removes the file. False when there is
 * no such file, when it is empty, or when it is not a regular file of this user of at most 16 KiB.
 */
bool crash_take_report(const char *path, struct buffer *ret_report);
