/* standard_streams.c: see standard_streams.h. */
#include "commands/standard_streams.h"

#include "commands/exit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void standard_streams_open(void) {
  int fd;
  do
    fd = open("/dev/null", O_RDWR); /* gets the lowest number that is free */
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd > STDERR_FILENO) close(fd);
}

int standard_streams_finish(int code) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  fprintf(stderr, "cruddur: the output cannot be written: %s\n",
          errno ? strerror(errno) : "an earlier part of it was refused");
  return code == EXIT_DONE ? EXIT_FAILED : code;
}
