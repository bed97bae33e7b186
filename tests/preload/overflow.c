/* overflow.c: lets the stack of an event loop overflow, on every thread but the main one. Preloaded
 * into the server, it stands in the place of libuv's uv_run().
 *
 *     cc -shared -fPIC -O0 -o overflow.so overflow.c -ldl
 *     LD_PRELOAD=$PWD/overflow.so CRUDDUR_LOOPS=2 cruddur serve */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

static int overflow(volatile const char *above) {
  volatile char frame[4096];
  frame[0] = above ? above[0] : 'x';
  return overflow(frame) + frame[0];
}

int uv_run(void *loop, int mode) {
  if (gettid() != getpid()) return overflow(NULL);
  int (*real)(void *, int);
  *(void **)&real = dlsym(RTLD_NEXT, "uv_run");
  return real(loop, mode);
}
