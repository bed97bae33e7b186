/* buffer.c: growing a buffer. Its capacity doubles, so that appending costs the same on average. A
 * failed allocation leaves the bytes as they are and sets `failed`, which stays set. */
#include "lib/base/buffer.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST_CAPACITY = 256 };

void buffer_free(struct buffer *buffer) {
  if (buffer->secret && buffer->data) explicit_bzero(buffer->data, buffer->capacity);
  free(buffer->data);
  *buffer = BUFFER_EMPTY;
}

/* realloc() would leave a copy of a secret where the bytes were. */
static char *grow(struct buffer *buffer, size_t capacity) {
  if (!buffer->secret || !buffer->data) return realloc(buffer->data, capacity);
  char *data = malloc(capacity);
  if (!data) return NULL;
  memcpy(data, buffer->data, buffer->length);
  explicit_bzero(buffer->data, buffer->capacity);
  free(buffer->data);
  return data;
}

bool buffer_reserve_slow(struct buffer *buffer, size_t extra) {
  assert(buffer->length <= buffer->capacity); /* else something was written behind the end */
  if (buffer->failed || extra > SIZE_MAX / 2 - buffer->length) {
    buffer->failed = true;
    return false;
  }
  size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_CAPACITY;
  while (capacity - buffer->length < extra)
    capacity *= 2;
  char *data = grow(buffer, capacity);
  if (!data) {
    buffer->failed = true;
    return false;
  }
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

void buffer_append_format(struct buffer *buffer, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0 || !buffer_reserve(buffer, (size_t)length + 1)) return;
  va_start(arguments, format);
  vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
  va_end(arguments);
  buffer->length += (size_t)length;
}

const char *buffer_text(struct buffer *buffer) {
  if (!buffer_reserve(buffer, 1) || buffer->failed) return "";
  buffer->data[buffer->length] = '\0';
  return buffer->data;
}

char *buffer_take(struct buffer *buffer) {
  if (buffer->failed || !buffer_reserve(buffer, 1)) {
    buffer_free(buffer);
    return NULL;
  }
  buffer->data[buffer->length] = '\0';
  char *data = buffer->data;
  *buffer = BUFFER_EMPTY;
  return data;
}
