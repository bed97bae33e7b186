/* cleanup.h: the _cleanup_ attribute, so that a function has one way out and forgets nothing. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* Defines `function_p`, which passes what the variable holds to `function`: for use in _cleanup_().
 */
#define DEFINE_CLEANUP(type, function)                                                             \
  static inline void function##_p(type *variable) {                                                \
    if (*variable) function(*variable);                                                            \
  }                                                                                                \
  struct cleanup_needs_a_semicolon

static inline void cleanup_free(void *pointer) {
  free(*(void **)pointer);
}

static inline void cleanup_close(int *fd) {
  if (*fd >= 0) close(*fd);
}

static inline void cleanup_fclose(FILE **file) {
  if (*file) fclose(*file);
}

#define _cleanup_free_   _cleanup_(cleanup_free)
#define _cleanup_close_  _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
