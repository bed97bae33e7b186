/* boot_clock.c: makes CLOCK_BOOTTIME run ahead by the seconds that stand in the file BOOT_CLOCK: so
 * a test shows what a process does that was frozen for a minute, without waiting for it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (clock != CLOCK_BOOTTIME) return result;
  const char *path = getenv("BOOT_CLOCK");
  FILE *file = path ? fopen(path, "r") : NULL;
  long ahead = 0;
  if (file && fscanf(file, "%ld", &ahead) == 1) now->tv_sec += ahead;
  if (file) fclose(file);
  return result;
}
