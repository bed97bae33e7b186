/* unit.h: what every unit test includes: cmocka with the headers it asks for, and the assertions
 * that the project's own types need. */
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/str.h"

/* cmocka.h needs the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
/* clang-format on */

static inline void unit_assert_str(struct str actual, const char *expected, const char *file,
                                   int line) {
  struct buffer text = BUFFER_EMPTY;
  buffer_append_str(&text, actual);
  _assert_string_equal(buffer_text(&text), expected, file, line);
  _assert_int_equal(actual.length, strlen(expected), file, line);
  buffer_free(&text);
}

/* The slice holds exactly `expected`, which has no NUL in it. */
#define assert_str_equal(actual, expected) unit_assert_str((actual), (expected), __FILE__, __LINE__)

/* What was appended to `buffer` is exactly `expected`; empties the buffer for the next case. */
#define assert_buffer_equal(buffer, expected)                                                      \
  do {                                                                                             \
    unit_assert_str(buffer_str(buffer), (expected), __FILE__, __LINE__);                           \
    (buffer)->length = 0;                                                                          \
  } while (0)
