/* buffer.h: a growable byte buffer that remembers a failed allocation, so that callers check once.
 */
#pragma once

#include "lib/base/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buffer {
  char *data; /* owned; NULL while nothing was reserved */
  size_t length;
  size_t capacity;
  bool failed; /* an allocation failed: the contents are cut short and must not be used */
  bool secret; /* what it held is wiped before its memory goes back, also when it grows */
};

#define BUFFER_EMPTY ((struct buffer){0})

/* Frees what the buffer holds and makes it empty again. */
void buffer_free(struct buffer *buffer);

/* Makes room for `extra` more bytes; on failure sets `failed` and returns false. */
bool buffer_reserve_slow(struct buffer *buffer, size_t extra);

static inline bool buffer_reserve(struct buffer *buffer, size_t extra) {
  return buffer->capacity - buffer->length >= extra || buffer_reserve_slow(buffer, extra);
}

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length) {
  if (length == 0 || !buffer_reserve(buffer, length)) return;
  memcpy(buffer->data + buffer->length, bytes, length);
  buffer->length += length;
}

static inline void buffer_append_char(struct buffer *buffer, char byte) {
  if (buffer_reserve(buffer, 1)) buffer->data[buffer->length++] = byte;
}

static inline void buffer_append_str(struct buffer *buffer, struct str text) {
  buffer_append(buffer, text.data, text.length);
}

static inline void buffer_append_text(struct buffer *buffer, const char *text) {
  buffer_append(buffer, text, strlen(text));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends a NUL that does not count into `length` and returns the text, or "" after a failure.
 * The buffer keeps the ownership. */
const char *buffer_text(struct buffer *buffer);

/* Hands the bytes over to the caller, who frees them; NULL after a failure. The buffer is empty
 * then. */
char *buffer_take(struct buffer *buffer);

static inline struct str buffer_str(const struct buffer *buffer) {
  return (struct str){buffer->data, buffer->length};
}
