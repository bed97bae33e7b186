/* slow_flush.c: makes a disk slow. Preloaded into Postgres, it sleeps SLOW_FLUSH_US microseconds
 * (2,000 unless that is set) in each fsync() and fdatasync() before the real one runs. RDS keeps
 * its data on network disks, whose flushes take about 2 ms; this machine's own take almost no
 * time, which hides whatever waits for them.
 *
 *     cc -shared -fPIC -O2 -o slow_flush.so slow_flush.c -ldl
 *     LD_PRELOAD=$PWD/slow_flush.so postgres … */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

enum { DEFAULT_US = 2000 };

typedef int (*flush_function)(int fd);

static int flush_slowly(const char *name, int fd) {
  const char *setting = getenv("SLOW_FLUSH_US");
  long delay_us = setting ? atol(setting) : DEFAULT_US;
  struct timespec delay = {delay_us / 1000000, delay_us % 1000000 * 1000};
  nanosleep(&delay, NULL);
  flush_function real;
  *(void **)&real = dlsym(RTLD_NEXT, name);
  return real(fd);
}

int fsync(int fd) {
  return flush_slowly("fsync", fd);
}

int fdatasync(int fd) {
  return flush_slowly("fdatasync", fd);
}
