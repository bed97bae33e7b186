/* standard_streams.h: stdin, stdout and stderr as every command may take them for granted. */
#pragma once

/* First thing in the process: opens /dev/null in the place of each standard descriptor that is
 * closed. A socket or a file that is opened later would get its number, and what is printed. */
void standard_streams_open(void);

/* Last thing: writes out what is buffered. Returns the exit code: `code`, but EXIT_FAILED in the
 * place of EXIT_DONE when something that was printed could not be written, which is said on stderr.
 */
int standard_streams_finish(int code);
